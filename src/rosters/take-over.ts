import { sql } from 'drizzle-orm';
import { type Db, rowsOf, type Tx } from '../db/database.ts';
import { updateHousehold, updateMember } from '../households/corrections.ts';
import { insertMember } from '../households/enrol.ts';
import { malformed, Refusal } from '../refusals.ts';
import type { Difference } from './compare-with-register.ts';
import { differenceKey, type Mistake, type MistakeCode, takeable } from './mistakes.ts';
import type { ImportKey } from './roster-import.ts';

/** What of a committed import is to be taken over: the key of each difference, and the version that it was found in. */
export type Chosen = Map<string, number | undefined>;

/**
 * Marks the differences of a report that are to be taken over.
 * @param keys of differences, or all of them
 * @throws Refusal `validation-failed`: the report has no such difference
 */
export async function choose(tx: Tx, { village, importId }: ImportKey, keys: 'all' | string[]): Promise<void> {
  const rows = await rowsOf<{ row: number; code: MistakeCode }>(
    tx,
    sql`
    update households.roster_mistake set chosen = true
     where village = ${village} and import_id = ${importId} and code = any(${sql.param([...takeable])}::text[])
       ${keys === 'all' ? undefined : sql`and row || '/' || code = any(${sql.param(keys)}::text[])`}
    returning row, code`,
  );
  if (keys === 'all') return;
  const found = new Set(rows.map(differenceKey));
  const unknown = keys.findIndex(key => !found.has(key));
  if (unknown >= 0) {
    throw malformed(`/takeOver/${unknown}`, 'unknown', {
      zh: '检查结果中没有这项差异，请刷新后重新选择。',
      en: 'The report has no such difference. Reload it and choose again.',
    });
  }
}

export async function readChosen(db: Db, { village, importId }: ImportKey): Promise<Chosen> {
  const rows = await rowsOf<{ row: number; code: MistakeCode; version: number | null }>(
    db,
    sql`
    select row, code, (facts ->> 'version')::integer as version from households.roster_mistake
     where village = ${village} and import_id = ${importId} and chosen`,
  );
  return new Map(rows.map(({ version, ...one }) => [differenceKey(one), version ?? undefined]));
}

/**
 * Makes the register say what the roster does, where that was chosen: as a correction, whose history is kept, or as a new
 * member. To be called with the register locked, with differences of this moment: what was taken over before is none.
 * Answers what was taken over, and what speaks against the others.
 * @param by the user who has committed the import
 */
export async function takeOver(
  tx: Tx,
  { village, importId }: ImportKey,
  { by, differences, chosen }: { by: string; differences: Difference[]; chosen: Chosen },
  now: Temporal.Instant,
): Promise<{ taken: Difference[]; refused: Mistake[] }> {
  const taken: Difference[] = [];
  const refused: Mistake[] = [];
  for (const difference of differences) {
    if (difference.taking === undefined || !chosen.has(differenceKey(difference))) continue;
    const refusal = await take(tx, village, { by, difference, version: chosen.get(differenceKey(difference)) }, now);
    if (refusal === undefined) taken.push(difference);
    else refused.push({ row: difference.row, column: difference.column, ...refusal });
  }
  if (taken.length > 0) {
    await tx.execute(sql`
      update households.roster_mistake set taken_over = true
       where village = ${village} and import_id = ${importId} and chosen
         and row || '/' || code = any(${sql.param(taken.map(differenceKey))}::text[])`);
  }
  return { taken, refused };
}

async function take(
  tx: Tx,
  village: string,
  { by, difference, version }: { by: string; difference: Difference; version: number | undefined },
  now: Temporal.Instant,
): Promise<Pick<Mistake, 'code' | 'facts'> | undefined> {
  const { taking, facts } = difference;
  if (taking!.isKin) return { code: 'own-household', facts: {} };
  if (facts.version !== version) return { code: 'changed-since', facts: {} };
  try {
    if (taking!.kind === 'household') {
      await updateHousehold(tx, by, { village, householdId: taking!.id }, { patch: taking!.patch }, now);
    } else if (taking!.kind === 'member') {
      await updateMember(tx, by, { village, memberId: taking!.id }, { patch: taking!.patch }, now);
    } else await insertMember(tx, by, { village, householdId: taking!.id }, taking!.person, now);
  } catch (error) {
    // Each of these is said before anything is written.
    const code = error instanceof Refusal ? error.code : undefined;
    if (code === 'household-not-active') return { code: 'household-closed', facts: {} };
    if (code !== 'member-elsewhere') throw error;
    return { code: 'person-elsewhere', facts: { number: String((error as Refusal).facts.number) } };
  }
}
