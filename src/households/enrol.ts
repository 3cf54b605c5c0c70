import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { householdAccounts } from '../ledger/accounts.ts';
import { openAccounts } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { holdHousehold } from './household.ts';
import { nextNumber, refuseFarNumber } from './numbers.ts';
import { getHousehold, type HouseholdView, hasGrid } from './read.ts';
import { lockRegister, refuseRegistered } from './register.ts';
import { household, member } from './tables.ts';

export interface NewMember {
  name: string;
  phone?: string | null | undefined;
  idLast4?: string | null | undefined;
}

export interface NewHousehold {
  /** Number on the passbook; the next free one when absent. */
  number?: string | undefined;
  grid: number | null;
  address?: string | null | undefined;
  /** The first is the head. */
  members: NewMember[];
}

/**
 * Enrols households with their members, and opens their accounts at zero.
 * @throws Refusal `already-exists` (the number) | `not-found` (the grid)
 */
export async function enrol(
  tx: Tx,
  actor: Actor,
  village: string,
  newcomers: NewHousehold[],
  now: Temporal.Instant,
): Promise<string[]> {
  const ids: string[] = [];
  for (const input of newcomers) {
    if (input.grid !== null && !(await hasGrid(tx, village, input.grid)))
      throw new Refusal('not-found', { field: 'grid' });
    const id = randomUUIDv7();
    const members = input.members.map(one => ({
      village,
      id: randomUUIDv7(),
      householdId: id,
      name: one.name,
      phone: one.phone ?? null,
      idLast4: one.idLast4 ?? null,
      createdAt: iso(now),
    }));
    await insertNumbered(tx, input.number, {
      village,
      id,
      grid: input.grid,
      address: input.address ?? null,
      headMemberId: members[0]!.id,
      state: 'active',
      pinFailedAttempts: 0,
      createdBy: actor.id,
      createdAt: iso(now),
    });
    await tx.insert(member).values(members);
    ids.push(id);
  }
  await openAccounts(tx, village, ids.flatMap(householdAccounts));
  return ids;
}

/**
 * Enrols one household of people who are not in the register yet. Returns its file.
 * @throws Refusal `member-elsewhere` | `number-far` | whatever `enrol` refuses
 */
export async function enrolOne(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewHousehold & { numberConfirmed?: boolean | undefined },
  now: Temporal.Instant,
): Promise<HouseholdView> {
  await lockRegister(tx, village);
  await refuseFarNumber(tx, village, input, { head: input.members[0]?.name });
  await refuseRegistered(tx, village, input.members);
  const [id] = await enrol(tx, actor, village, [input], now);
  return getHousehold(tx, actor, village, id!);
}

/**
 * Adds a person to a household that is not the actor's own or kin's.
 * @throws Refusal `not-found` | `household-not-active` | `member-elsewhere` | `own-household`
 */
export async function addMember(
  tx: Tx,
  actor: Actor,
  key: { village: string; householdId: string },
  input: NewMember,
  now: Temporal.Instant,
): Promise<HouseholdView> {
  await lockRegister(tx, key.village);
  await insertMember(tx, actor.id, key, input, now);
  return getHousehold(tx, actor, key.village, key.householdId);
}

/**
 * The same with the register locked.
 * @param by the user who adds the person
 * @throws Refusal `not-found` | `household-not-active` | `member-elsewhere` | `own-household`
 */
export async function insertMember(
  tx: Tx,
  by: string,
  key: { village: string; householdId: string },
  input: NewMember,
  now: Temporal.Instant,
): Promise<void> {
  // Else a merger could close it meanwhile, and leave the newcomer behind.
  const { state } = await holdHousehold(tx, key.village, key.householdId);
  await tx.execute(sql`select households.refuse_kin(${key.village}, ${by}, ${key.householdId})`);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  await refuseRegistered(tx, key.village, [input]);
  await tx.insert(member).values({
    ...key,
    id: randomUUIDv7(),
    name: input.name,
    phone: input.phone ?? null,
    idLast4: input.idLast4 ?? null,
    createdAt: iso(now),
  });
}

/**
 * Under the given number, or else the next one. Two at once: the second waits for the first one's number, finds
 * it taken and takes the next. Of n at once the last one needs n attempts.
 */
export async function insertNumbered(
  tx: Tx,
  number: string | undefined,
  row: Omit<typeof household.$inferInsert, 'number'>,
): Promise<void> {
  if (number !== undefined) {
    await tx.insert(household).values({ ...row, number });
    return;
  }
  for (let left = 20; left > 0; left -= 1) {
    const values = { ...row, number: await nextNumber(tx, row.village) };
    const made = await tx.insert(household).values(values).onConflictDoNothing().returning({ id: household.id });
    if (made.length === 1) return;
  }
  throw new Refusal('unavailable', { retryAfterSeconds: 1 });
}
