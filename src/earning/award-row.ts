import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import { one, rowsOf, type Tx } from '../db/database.ts';
import { type Actor, seesWhole } from '../http/route.ts';
import { numbered } from '../posting/batch.ts';
import { type AwardRow, award } from './tables.ts';

/* The row of an award: inserted, locked and moved from state to state here and nowhere else. */

/** The note is free text that may name people: null for those who see names masked. */
export type AwardView = Omit<AwardRow, 'village' | 'occasionKey' | 'holderId'> & { ruleTitle: string };

/** An award as this caller may see it. */
export function viewOf(
  { village, occasionKey: _, holderId: __, ...row }: AwardRow,
  ruleTitle: string,
  actor: Actor,
): AwardView {
  return { ...row, note: seesWhole(actor, village, row.householdId) ? row.note : null, ruleTitle };
}

const columns = Object.entries(getTableColumns(award));
/** The rows of a batch differ only in these columns; the others, most of their text, are sent once. */
const own = [
  'id',
  'number',
  'householdId',
  'memberId',
  'quantity',
  'points',
  'occasion',
  'claimId',
  'occasionKey',
  'holderId',
];
const common = columns.map(([name]) => name).filter(name => name !== 'transactionNumber' && !own.includes(name));
const into = sql.raw(columns.map(([name]) => toSnakeCase(name)).join(', '));
const values = sql.raw(
  columns
    .map(([name]) => {
      if (name === 'transactionNumber') return 'posted.number';
      return name === 'number' ? numbered('r.number') : `${own.includes(name) ? 'r' : 'c'}."${name}"`;
    })
    .join(),
);
const recordOf = (names: readonly string[]) =>
  sql.raw(columns.flatMap(([name, column]) => (names.includes(name) ? `"${name}" ${column.getSQLType()}` : [])).join());
const [commonRecord, ownRecord] = [recordOf(common), recordOf(own)];

/**
 * The part of `postingStatement` that inserts the awards that were posted. The rows are sent as one JSON text: with a
 * parameter per value, each number of rows would be a statement of its own, to be planned anew.
 */
export function insertAwards(rows: AwardRow[]): SQL {
  const lists = new Map<string, object[]>();
  for (const [index, row] of rows.entries()) {
    const { id, number, householdId, memberId, quantity, points, occasion, claimId, ...others } = row;
    const { occasionKey, holderId, transactionNumber, ...alike } = others;
    const text = JSON.stringify(alike);
    const list = lists.get(text) ?? [];
    const item = { id, number, householdId, memberId, quantity, points, occasion, claimId, occasionKey, holderId };
    if (list.push({ place: index + 1, ...item }) === 1) lists.set(text, list);
  }
  const texts = [...lists].map(([text, list]) => `${text.slice(0, -1)},"rows":${JSON.stringify(list)}}`);
  return sql`
    insert into ${award} (${into})
    select ${values}
      from json_to_recordset(${`[${texts.join()}]`}::json) as c(rows json, ${commonRecord})
     cross join json_to_recordset(c.rows) as r(place integer, ${ownRecord})
      join posted on posted.place = r.place`;
}

/** An award that has not been reversed. */
export interface Unreversed {
  id: string;
  holderId: string;
  occasionKey: string;
  ruleCode: string;
  highestOnlyGroup: string | null;
}

/**
 * A query for the awards for occasions that have not been reversed, by whom the rule pays, oldest first, as `Unreversed`.
 * An award without an occasion has its own id as one and conflicts with nothing: undefined if all are such.
 */
export function unreversed(
  of: { village: string; holderId: string; occasionKey: string; id?: string }[],
): SQL | undefined {
  const named = of.filter(({ id, occasionKey }) => occasionKey !== id);
  if (named.length === 0) return undefined;
  return sql`
    select distinct a.village, a.transaction_number, a.id, a.holder_id as "holderId", a.occasion_key as "occasionKey",
           a.rule_code as "ruleCode", r.highest_only_group as "highestOnlyGroup"
      from unnest(${sql.param(named.map(one => one.village))}::text[],
                  ${sql.param(named.map(one => one.holderId))}::uuid[],
                  ${sql.param(named.map(one => one.occasionKey))}::text[]) n (village, holder_id, occasion_key)
     cross join lateral (
       select * from earning.award
        where village = n.village and holder_id = n.holder_id and occasion_key = n.occasion_key
          -- In the words of the index, or it would not be used.
          and state in ('pending', 'posted') and occasion_key <> id::text offset 0) a
     cross join lateral (
       select highest_only_group from rules.rule where village = a.village and id = a.rule_id offset 0) r
     order by a.village, a.transaction_number`;
}

/** Locks an award until the database transaction ends. @throws Refusal `not-found` */
export async function lockAward(tx: Tx, village: string, id: string): Promise<AwardRow> {
  return one(
    await tx
      .select()
      .from(award)
      .where(and(eq(award.village, village), eq(award.id, id)))
      .for('update'),
  );
}

/** Locks those of these awards that are still pending, in book order; `lots` are the terms that the book has frozen. */
export async function lockPending(
  tx: Tx,
  village: string,
  awardIds: string[],
): Promise<{ id: string; householdId: string; points: number; honour: boolean; lots: string | null }[]> {
  // `offset 0`, so that the book is read by number and not from the beginning.
  return rowsOf(
    tx,
    sql`
    select a.id, a.household_id as "householdId", a.points, r.honour, t.frozen ->> 'lots:1' as lots
      from earning.award a
     cross join lateral (select honour from rules.rule where village = a.village and id = a.rule_id offset 0) r
     cross join lateral (
       select frozen from ledger.transaction where village = a.village and number = a.transaction_number offset 0) t
     where a.village = ${village} and a.id = any(${sql.param(awardIds)}::uuid[]) and a.state = 'pending'
     order by a.transaction_number
       for update of a`,
  );
}

/** Turns pending awards, which must be locked, into posted ones, released by these transactions in the same order. */
export async function markReleased(tx: Tx, village: string, awardIds: string[], numbers: number[]): Promise<void> {
  await tx.execute(sql`
    update earning.award a set state = 'posted', release_number = u.number
      from unnest(${sql.param(awardIds)}::uuid[], ${sql.param(numbers)}::bigint[]) u (id, number)
     where a.village = ${village} and a.id = u.id`);
}

/** Turns an award, which must be locked, into a reversed one. */
export async function markReversed(
  tx: Tx,
  { village, id }: Pick<AwardRow, 'village' | 'id'>,
  reversalNumber: number,
): Promise<void> {
  await tx
    .update(award)
    .set({ state: 'reversed', reversalNumber })
    .where(and(eq(award.village, village), eq(award.id, id)));
}
