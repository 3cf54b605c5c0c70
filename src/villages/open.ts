import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { bookAccounts } from '../ledger/accounts.ts';
import { openBook } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { type DivisionView, getDivision, getVillage, type VillageView } from './read.ts';
import { division, grid, village } from './tables.ts';

const parentLevel = { province: null, city: 'province', county: 'city', town: 'county', village: 'town' } as const;

/** Digits that tell divisions of a level apart; the rest of the code is zeros. */
const digits = { province: 2, city: 4, county: 6, town: 9, village: 12 } as const;

/**
 * Creates a division below an existing one.
 * @throws Refusal `not-found` (its parent) | `already-exists` | `out-of-bounds` (its code does not fit level and parent)
 */
export async function createDivision(
  tx: Tx,
  input: Pick<DivisionView, 'code' | 'level' | 'parentCode' | 'name' | 'kind' | 'provisional' | 'households'>,
): Promise<DivisionView> {
  const wantedParent = parentLevel[input.level];
  const own = input.code.slice(0, digits[input.level]);
  const fits = /^0*$/.test(input.code.slice(digits[input.level]));
  const parent = input.parentCode === null ? null : await getDivision(tx, input.parentCode);
  const below = parent === null ? true : own.startsWith(parent.code.slice(0, digits[parent.level]));
  if (!fits || !below || (parent?.level ?? null) !== wantedParent) {
    throw new Refusal('out-of-bounds', { field: 'code', min: input.parentCode, max: input.parentCode });
  }
  await tx.insert(division).values(input);
  return getDivision(tx, input.code);
}

/**
 * Opens a village: its book, with the accounts every book has. `openedOn` may lie in the past, for a village that kept
 * a notebook before.
 * @throws Refusal `not-found` (no such division of level village) | `already-exists` | `business-date-refused`
 */
export async function openVillage(
  tx: Tx,
  actor: Actor,
  input: { village: string; openedOn: string },
  now: Temporal.Instant,
): Promise<VillageView> {
  const { level } = await getDivision(tx, input.village);
  if (level !== 'village') throw new Refusal('not-found');
  const today = dayOf(now).toString();
  if (input.openedOn > today) throw new Refusal('business-date-refused', { earliest: null, latest: today });
  await tx.insert(village).values({ ...input, openedBy: actor.id, createdAt: iso(now) });
  await openBook(tx, input.village, bookAccounts);
  return getVillage(tx, input.village);
}

/** Adds a group or patrol area. @throws Refusal `already-exists` */
export async function createGrid(tx: Tx, code: string, input: { number: number; name: string }): Promise<typeof input> {
  await tx.insert(grid).values({ village: code, ...input });
  return input;
}
