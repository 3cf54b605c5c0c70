import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { householdAccounts } from '../ledger/accounts.ts';
import { openAccounts } from '../ledger/post.ts';
import type { NewHousehold } from './enrol.ts';

/**
 * Enrols households that have their numbers already, as `enrol` does, with one statement for all of them, one for their
 * people and one for their accounts. Their grids and numbers were looked at before; the constraints look again.
 * @throws Refusal `already-exists` (a number)
 */
export async function enrolMany(
  tx: Tx,
  by: string,
  village: string,
  newcomers: (NewHousehold & { number: string })[],
  now: Temporal.Instant,
): Promise<string[]> {
  const homes = newcomers.map(({ number, grid, address, members }) => {
    // In their order, which is that of their ids.
    const ids = members.map(() => randomUUIDv7()).sort();
    const people = members.map(({ name, phone, idLast4 }, place) => ({ id: ids[place]!, name, phone, idLast4 }));
    return { id: randomUUIDv7(), number, grid, address, head: people[0]!.id, people };
  });
  await tx.execute(sql`
    insert into households.household
      (village, id, number, grid, address, head_member_id, state, pin_failed_attempts, created_by, created_at)
    select ${village}, id, number, grid, address, head, 'active', 0, ${by}, ${iso(now)}
      from jsonb_to_recordset(${JSON.stringify(homes)}::jsonb)
           h(id uuid, number text, grid integer, address text, head uuid)`);
  const people = homes.flatMap(home => home.people.map(person => ({ ...person, householdId: home.id })));
  await tx.execute(sql`
    insert into households.member (village, id, household_id, name, phone, id_last4, created_at)
    select ${village}, id, "householdId", name, phone, "idLast4", ${iso(now)}
      from jsonb_to_recordset(${JSON.stringify(people)}::jsonb)
           m(id uuid, "householdId" uuid, name text, phone text, "idLast4" text)`);
  const ids = homes.map(home => home.id);
  await openAccounts(tx, village, ids.flatMap(householdAccounts));
  return ids;
}
