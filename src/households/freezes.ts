import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { zone } from '../calendar.ts';
import { type Db, rowsOf } from '../db/database.ts';
import { freeze, type household } from './tables.ts';

/** When and why households are frozen. */

type Row = Pick<typeof household.$inferSelect, 'village' | 'id' | 'state'>;

interface OpenFreeze {
  since: string;
  byUserId: string;
  reason: string;
}

/** Why those of these households are frozen that are, by household. */
export async function openFreezes(db: Db, village: string, rows: Row[]): Promise<Map<string, OpenFreeze>> {
  const ids = rows.filter(row => row.state === 'frozen').map(row => row.id);
  if (ids.length === 0) return new Map();
  const { householdId, frozenAt: since, frozenBy: byUserId, reason } = freeze;
  const found = await db
    .select({ householdId, since, byUserId, reason })
    .from(freeze)
    .where(and(eq(freeze.village, village), inArray(householdId, ids), isNull(freeze.unfrozenAt)));
  return new Map(found.map(({ householdId: id, ...one }) => [id, one]));
}

/** Why a household is frozen; undefined when it is not. */
export async function findFreeze(db: Db, row: Row): Promise<OpenFreeze | undefined> {
  return (await openFreezes(db, row.village, [row])).get(row.id);
}

/** By days in Shanghai. */
export interface FreezeOnPaper {
  frozenOn: string;
  reason: string;
  /** Null while it lasted, as far as was known. */
  unfrozenOn: string | null;
}

/**
 * Freezes of a household within a period, from `from` to the day before `to`, as they were known when the transaction
 * `throughNumber` was posted: what was recorded later is not in it, neither a freeze nor its end, so that a statement is the
 * same whenever it is made.
 */
export async function freezesWithin(
  db: Db,
  { village, householdId }: { village: string; householdId: string },
  { from, to }: { from: string; to: string },
  throughNumber: number,
): Promise<FreezeOnPaper[]> {
  return rowsOf<FreezeOnPaper>(
    db,
    sql`
    select "frozenOn"::text, reason, "unfrozenOn"::text
      from (select (frozen_at at time zone ${zone})::date as "frozenOn", reason, frozen_at,
                   case when unfrozen_number < ${throughNumber}
                     then (unfrozen_at at time zone ${zone})::date end as "unfrozenOn"
              from households.freeze
             where village = ${village} and household_id = ${householdId} and frozen_number < ${throughNumber}) f
     where "frozenOn" < ${to}::date and ("unfrozenOn" is null or "unfrozenOn" >= ${from}::date)
     order by frozen_at`,
  );
}
