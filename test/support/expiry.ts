import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../../src/calendar.ts';
import { householdAccounts } from '../../src/ledger/accounts.ts';
import { openAccounts, post } from '../../src/ledger/post.ts';
import { award } from '../../src/ledger/transactions.ts';
import { nobody, type Service, villages } from './service.ts';

/**
 * A village of many households, written with a few statements. Each has the points that `pointsOf` says of its place, to
 * be spent until `expiresOn`. Answers their ids.
 */
export async function manyHouseholds(
  service: Service,
  count: number,
  pointsOf: (place: number) => number,
  expiresOn: string | null,
): Promise<string[]> {
  const homes = Array.from({ length: count }, (_, place) => ({
    id: randomUUIDv7(),
    head: randomUUIDv7(),
    number: `M${String(place).padStart(5, '0')}`,
    points: pointsOf(place),
  }));
  const now = service.clock.now();
  const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  await service.inVillage(villages.own, async tx => {
    const rows = sql`jsonb_to_recordset(${JSON.stringify(homes)}::jsonb) h(id uuid, head uuid, number text)`;
    await tx.execute(sql`
      insert into households.household (village, id, number, head_member_id, created_by, created_at)
      select ${villages.own}, id, number, head, ${nobody.id}, ${iso(now)} from ${rows}`);
    await tx.execute(sql`
      insert into households.member (village, id, household_id, name, created_at)
      select ${villages.own}, head, id, '张三', ${iso(now)} from ${rows}`);
    await openAccounts(
      tx,
      villages.own,
      homes.flatMap(home => householdAccounts(home.id)),
    );
    const gifts = homes
      .filter(home => home.points > 0)
      .map(home => ({
        ...award(event, {
          awardId: randomUUID(),
          householdId: home.id,
          points: home.points,
          honour: true,
          pending: false,
          expiresOn,
          limits: [],
          frozen: {},
        }),
        // Of a kind of its own: every `award` in the book has its record.
        kind: 'given',
      }));
    for (let from = 0; from < gifts.length; from += 500) {
      await post(tx, villages.own, gifts.slice(from, from + 500), { atomic: true });
    }
  });
  return homes.map(home => home.id);
}
