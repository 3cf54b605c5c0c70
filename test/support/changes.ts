import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Test } from 'tap';
import { dayOf, iso } from '../../src/calendar.ts';
import { rowsOf } from '../../src/db/database.ts';
import { postOne } from '../../src/ledger/post.ts';
import { award, type Command } from '../../src/ledger/transactions.ts';
import { insisting } from './awards.ts';
import { viewLots } from './lots.ts';
import { nobody, openService, type Service, villages } from './service.ts';

export const own = `/v1/villages/${villages.own}`;
export const changesPath = `${own}/household-changes`;

/** A village whose households change: a clerk proposes, and two secretaries may agree. */
export async function openRegister(t: Test, options: Parameters<typeof openService>[1] = {}) {
  const service = await openService(t, options);
  const [clerk, admin, other] = [
    insisting(await service.as('clerk')),
    insisting(await service.as('villageAdmin')),
    insisting(await service.as('villageAdmin')),
  ];
  const lots = await viewLots(t, service);
  const reason = '双方签字 2026-11-20';
  const propose = (fields: object) => clerk('POST', changesPath, { reason, ...fields });
  const file = async (id: string) => (await clerk('GET', `${own}/households/${id}`)).body;
  return {
    service,
    clerk,
    admin,
    other,
    lots,
    propose,
    file,
    approve: (id: string) => admin('POST', `${changesPath}/${id}/approve`),
    /** Proposes and agrees; answers the approval, or the refusal. */
    async changed(fields: object) {
      const made = await propose(fields);
      return made.status === 201 ? admin('POST', `${changesPath}/${made.body.id}/approve`) : made;
    },
    /** A household of people with these names. */
    async home(...names: string[]) {
      const memberNames = names.length === 0 ? ['张三'] : names;
      const id = await service.household({ members: memberNames.map(name => ({ name })) });
      const members: { id: string; name: string }[] = (await file(id)).members;
      return { id, members: memberNames.map(name => members.find(one => one.name === name)!.id) };
    },
    points: async (id: string) => {
      const { asOfNumber: _, expiring: __, ...points } = (await clerk('GET', `${own}/households/${id}/points`)).body;
      return points as Record<string, number>;
    },
  };
}

/** Points with a last day, and honour, as an award gives them. */
export function awardOf(
  service: Service,
  householdId: string,
  points: number,
  { expiresOn = null, pending = false }: { expiresOn?: string | null; pending?: boolean } = {},
): Command {
  const now = service.clock.now();
  const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const terms = { householdId, points, honour: true, pending, expiresOn, limits: [], frozen: {} };
  // Of a kind of its own: every `award` in the book has its record.
  return { ...award(event, { awardId: randomUUIDv7(), ...terms }), kind: 'given' };
}

/** Posts them. */
export async function give(
  service: Service,
  ...of: [id: string, points: number, options?: { expiresOn?: string; pending?: boolean }]
) {
  await service.inVillage(villages.own, tx => postOne(tx, villages.own, awardOf(service, ...of)));
}

/** What all accounts of a village have that people own, by asset. */
export async function totals(service: Service): Promise<Record<string, number>> {
  const rows = await service.inVillage(villages.own, tx =>
    rowsOf<{ asset: string; total: number }>(
      tx,
      sql`select asset, sum(balance)::integer as total from ledger.account
           where village = ${villages.own} and code like 'household:%' group by asset order by asset`,
    ),
  );
  return Object.fromEntries(rows.map(row => [row.asset, row.total]));
}
