import type pg from 'pg';
import { dayOf, iso, systemClock } from '../src/calendar.ts';
import { awardCommand } from './award-command.ts';
import type { Callers } from './callers.ts';
import { type Fixture, onClient } from './fixture.ts';
import { clockOfThis } from './processor-time.ts';
import { type Asking, asking, type Contestant, manyClients, pick } from './race.ts';
import type { Village } from './town.ts';
import { expectStatus } from './wire.ts';

/** Single credits through HTTP, with everything on: token, scope, grants, schemas, idempotency, caps, lots, chain. */
export function creditsThroughHttp(
  name: string,
  callers: Callers,
  villages: Village[],
  clients = manyClients,
): Contestant & Asking {
  return asking({
    name,
    unit: 'Credit',
    program: callers.program,
    clients,
    async once(client) {
      const { village, rule, households } = pick(villages);
      const body = JSON.stringify({ ruleId: rule.id, householdId: pick(households), quantity: 1 });
      expectStatus(await callers.post(client, `/v1/villages/${village}/awards`, body), 201);
    },
  });
}

/**
 * `ledger.post` called directly on open connections, as many as there are clients: one statement, one command, the one the
 * route would make.
 */
export function directCredits(
  name: string,
  connections: pg.Client[],
  { staff }: Fixture,
  villages: Village[],
): Contestant & Asking {
  const businessDate = dayOf(systemClock.now());
  return asking({
    name,
    unit: 'Credit',
    program: clockOfThis,
    clients: connections.length,
    async once(client) {
      const village = pick(villages);
      const when = { occurredAt: iso(systemClock.now()), businessDate };
      const command = awardCommand(staff.clerk.id, village, pick(village.households), when);
      const { rows } = await connections[client]!.query({
        name: 'post',
        text: 'select ledger.post($1, $2::jsonb) as results',
        values: [village.village, JSON.stringify([command])],
      });
      if (rows[0].results[0].status !== 'posted') throw new Error(JSON.stringify(rows[0].results));
    },
  });
}

/**
 * Both ways into the book are compared, so they must write the same: one credit of each is looked at, its transfers and
 * the names of its terms, limits included.
 * @throws Error when they differ
 */
export async function refuseUnequalCredits(fixture: Fixture, ways: Asking[]): Promise<void> {
  const shapes = [];
  for (const way of ways) {
    await way.once(0);
    shapes.push(await onClient(fixture.ownerUrl, async client => (await client.query(lastCredit)).rows[0].shape));
  }
  if (new Set(shapes).size !== 1) throw new Error(`these are not the same credit:\n${shapes.join('\n')}`);
}

/** What varies from one to the next (ids, days, the digest of an occasion) is left out. */
const lastCredit = `
  select (select string_agg(r.asset || ' ' || r.amount, ', ' order by r.line)
            from ledger.transfer r where r.village = t.village and r.number = t.number)
         || '; ' ||
         (select string_agg(distinct regexp_replace(regexp_replace(key, '[0-9a-f-]{36}', 'id', 'g'), ':[^:]*$', ''), ', ')
            from jsonb_object_keys(t.frozen) key) as shape
    from ledger.transaction t
   where kind = 'award'
   order by posted_at desc limit 1`;
