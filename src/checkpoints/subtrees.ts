// A book's tree as the database has it: complete subtrees of 256 leaves are kept, the leaves stand in the book.

import { and, asc, eq, gte, lte, sql } from 'drizzle-orm';
import { type Db, one, rowsOf, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { subtree } from './tables.ts';
import { append, newRange, type Range, rangeOver, rootOf, type Span } from './tree.ts';

const leavesEach = 256;

/** Per step, so that hashing them keeps nobody waiting for more than some ten milliseconds. */
const subtreesEach = 32;

/**
 * Keeps the next 32 complete subtrees among the first `through` transactions. Answers whether there may be more. The rows
 * follow from the book, so two who keep the same at once do no harm.
 * @throws Refusal `book-unsound`: a number is missing
 */
export async function keepSubtrees(tx: Tx, village: string, through: number): Promise<boolean> {
  const { start } = one(
    await rowsOf<{ start: number }>(
      tx,
      sql`select coalesce(max(start) + ${leavesEach}::int, 0) as start from audit.subtree where village = ${village}`,
    ),
  );
  const complete = Math.min(Math.floor((through - start) / leavesEach), subtreesEach);
  if (complete <= 0) return false;
  const groups = await rowsOf<{ start: number; leaves: Buffer }>(
    tx,
    sql`
    select min(number) - 1 as start, string_agg(leaf_hash, ''::bytea order by number) as leaves
      from ledger.transaction
     where village = ${village} and number > ${start} and number <= ${start + complete * leavesEach}
     group by (number - 1) / ${leavesEach}::int
     order by 1`,
  );
  const whole = groups.every(group => group.leaves.length === leavesEach * 32);
  if (groups.length !== complete || !whole) throw new Refusal('book-unsound', { discrepancyCount: 1 });
  const rows = groups.map(group => ({ village, start: group.start, root: rootOf(rangeOver(leavesOf(group.leaves))) }));
  await tx.insert(subtree).values(rows).onConflictDoNothing();
  return complete === subtreesEach;
}

function* leavesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 32) yield bytes.subarray(at, at + 32);
}

/**
 * The range over the leaves of `span`, which is the whole tree from its first leaf or one of its subtrees. All complete
 * subtrees in it are kept already.
 * @throws Refusal `book-unsound`: leaves or subtrees are missing
 */
export async function rangeOf(db: Db, village: string, { start, end }: Span): Promise<Range> {
  const range = newRange();
  if (end - start >= leavesEach) {
    const kept = await db
      .select({ root: subtree.root })
      .from(subtree)
      .where(and(eq(subtree.village, village), gte(subtree.start, start), lte(subtree.start, end - leavesEach)))
      .orderBy(asc(subtree.start));
    for (const { root } of kept) append(range, root, leavesEach);
  }
  const leaves = await rowsOf<{ leaf: Buffer }>(
    db,
    sql`
    select leaf_hash as leaf from ledger.transaction
     where village = ${village} and number > ${start + range.size} and number <= ${end}
     order by number limit ${leavesEach}`,
  );
  for (const { leaf } of leaves) append(range, leaf);
  if (range.size !== end - start) throw new Refusal('book-unsound', { discrepancyCount: 1 });
  return range;
}

/** Roots of these subtrees, in their order. @throws Refusal `book-unsound` */
export async function rootsOf(db: Db, village: string, spans: readonly Span[]): Promise<Buffer[]> {
  const roots: Buffer[] = [];
  for (const span of spans) roots.push(rootOf(await rangeOf(db, village, span)));
  return roots;
}
