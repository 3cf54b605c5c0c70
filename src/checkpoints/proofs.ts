import { sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { findCheckpoint, findLatest } from './read.ts';
import { rootsOf } from './subtrees.ts';
import { tlogProofText } from './tlog-proof.ts';
import { consistencySpans, inclusionSpans, verifyConsistency, verifyInclusion } from './tree.ts';

/**
 * The proof that transaction `number` is in the book, under its latest checkpoint. A household is told of transactions
 * that touched its own accounts.
 * @throws Refusal `not-found` | `proof-not-ready` | `book-unsound`: what stands in the book is not what was signed
 */
export async function getInclusion(db: Db, actor: Actor, village: string, number: number): Promise<string> {
  const { leaf } = one(
    await rowsOf<{ leaf: Buffer }>(
      db,
      sql`select leaf_hash as leaf from ledger.transaction where village = ${village} and number = ${number}`,
    ),
  );
  if (actor.kind === 'household' && !(await touches(db, village, number, actor.householdId!))) {
    throw new Refusal('not-found');
  }
  const last = await findLatest(db, village);
  if (last === undefined || last.size < number) {
    throw new Refusal('proof-not-ready', { number, treeSize: last?.size ?? 0 });
  }
  const index = number - 1;
  const hashes = await rootsOf(db, village, inclusionSpans(index, last.size));
  if (!verifyInclusion({ leaf, index, size: last.size, hashes, root: last.root })) {
    throw new Refusal('book-unsound', { discrepancyCount: 1 });
  }
  return tlogProofText({ index, hashes, checkpoint: last.note });
}

interface Consistency {
  from: number;
  to: number;
  /** Lower-case hex, from the leaves to the root. */
  hashes: string[];
}

/**
 * The proof that the book at checkpoint `from` is the beginning of the book at checkpoint `to`.
 * @throws Refusal `out-of-bounds` | `not-found`: there is no checkpoint of that size | `book-unsound`
 */
export async function getConsistency(
  db: Db,
  village: string,
  { from, to }: { from: number; to: number },
): Promise<Consistency> {
  if (from > to) throw new Refusal('out-of-bounds', { field: 'to', min: from, max: Number.MAX_SAFE_INTEGER });
  const older = await findCheckpoint(db, village, from);
  const newer = await findCheckpoint(db, village, to);
  if (older === undefined || newer === undefined) throw new Refusal('not-found');
  const hashes = await rootsOf(db, village, consistencySpans(from, to));
  if (!verifyConsistency({ from, to, fromRoot: older.root, toRoot: newer.root, hashes })) {
    throw new Refusal('book-unsound', { discrepancyCount: 1 });
  }
  return { from, to, hashes: hashes.map(hash => hash.toString('hex')) };
}

/** True when a line of the transaction moves something on an account of the household. */
async function touches(db: Db, village: string, number: number, householdId: string): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    select 1 as touched
      from ledger.transfer r
      join ledger.account a on a.village = ${village} and a.number in (r.from_account, r.to_account)
     where r.village = ${village} and r.number = ${number}
       and (starts_with(a.code, ${`household:${householdId}:`})
            or starts_with(a.code, 'allowance:') and split_part(a.code, ':', 3) = ${householdId})
     limit 1`,
  );
  return rows.length === 1;
}
