import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { getBook } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { checkpointText } from './note.ts';
import { type CheckpointRow, findLatest } from './read.ts';
import type { BookSigner } from './signer.ts';
import { keepSubtrees, rangeOf } from './subtrees.ts';
import { checkpoint } from './tables.ts';
import { rootOf } from './tree.ts';

/**
 * Signs the head of the book as it stands. A book that has not grown since the last one answers that.
 * @throws Refusal `book-unsound`: it does not begin as the last checkpoint says. Nothing is signed then, for two
 *   signatures under two histories are what a checkpoint is to rule out
 */
export async function makeCheckpoint(
  tx: Tx,
  signer: BookSigner,
  village: string,
  now: Temporal.Instant,
): Promise<CheckpointRow> {
  // The second of two at once follows the first one's.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`checkpoints:${village}`}, 0))`);
  const { number } = await getBook(tx, village);
  const last = await findLatest(tx, village);
  while (await keepSubtrees(tx, village, number));
  if (last !== undefined) {
    const asItStands =
      number < last.size ? undefined : rootOf(await rangeOf(tx, village, { start: 0, end: last.size }));
    if (!asItStands?.equals(last.root)) throw new Refusal('book-unsound', { discrepancyCount: 1 });
  }
  // A head that was signed before stays as it was signed.
  if (last?.size === number) return last;
  const root = rootOf(await rangeOf(tx, village, { start: 0, end: number }));
  const name = last?.name ?? signer.nameOf(village);
  const signed = signer.sign(checkpointText({ origin: name, size: number, root }), name);
  const place = { number: (last?.number ?? 0) + 1, previousSize: last?.size ?? null };
  const row = { village, size: number, name, root, ...signed, madeAt: iso(now), ...place };
  const [made] = await tx.insert(checkpoint).values(row).returning();
  return made!;
}

/**
 * Keeps what a checkpoint of the book needs, a piece at a time: a long book that has had none takes longer than one
 * database transaction may.
 */
export async function growTree(database: Database, village: string): Promise<void> {
  const { number } = await database.inSnapshot(village, db => getBook(db, village));
  while (await database.inTransaction(village, tx => keepSubtrees(tx, village, number)));
}
