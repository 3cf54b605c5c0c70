import { and, desc, eq, lt } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import type { Database, Db, Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { after, type Page, page } from '../http/paging.ts';
import { getBook } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { listOpenVillages } from '../villages/read.ts';
import { checkpointText, keyIdOf, verifierText } from './note.ts';
import type { BookSigner } from './signer.ts';
import { keepSubtrees, rangeOf } from './subtrees.ts';
import { checkpoint } from './tables.ts';
import { rootOf } from './tree.ts';

/** Every evening a checkpoint for each book that grew. */
export const checkpointQueue = 'checkpoints.daily';

export type CheckpointRow = typeof checkpoint.$inferSelect;

/** As it is answered. */
export interface CheckpointView {
  size: number;
  rootHash: string;
  name: string;
  keyId: string;
  note: string;
  madeAt: string;
}

interface World {
  database: Database;
  clock: Clock;
  signer: BookSigner;
}

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
  const { number } = await getBook(tx, village);
  const last = await findLatest(tx, village);
  while (await keepSubtrees(tx, village, number));
  if (last !== undefined) {
    const asItStands =
      number < last.size ? undefined : rootOf(await rangeOf(tx, village, { start: 0, end: last.size }));
    if (!asItStands?.equals(last.root)) throw new Refusal('book-unsound', { discrepancyCount: 1 });
  }
  const root = rootOf(await rangeOf(tx, village, { start: 0, end: number }));
  const name = last?.name ?? signer.nameOf(village);
  const signed = signer.sign(checkpointText({ origin: name, size: number, root }), name);
  const row = { village, size: number, name, root, ...signed, madeAt: iso(now) };
  // A head that was signed before, or just now by somebody else, stays as it was signed.
  await tx.insert(checkpoint).values(row).onConflictDoNothing();
  return (await findCheckpoint(tx, village, number))!;
}

/**
 * Keeps what a checkpoint of the book needs, a piece at a time: a long book that has had none takes longer than one
 * database transaction may.
 */
export async function growTree(database: Database, village: string): Promise<void> {
  const { number } = await database.inSnapshot(village, db => getBook(db, village));
  while (await database.inTransaction(village, tx => keepSubtrees(tx, village, number)));
}

export async function findLatest(db: Db, village: string): Promise<CheckpointRow | undefined> {
  const [row] = await db
    .select()
    .from(checkpoint)
    .where(eq(checkpoint.village, village))
    .orderBy(desc(checkpoint.size))
    .limit(1);
  return row;
}

/** The checkpoint of exactly this size. */
export async function findCheckpoint(db: Db, village: string, size: number): Promise<CheckpointRow | undefined> {
  const [row] = await db
    .select()
    .from(checkpoint)
    .where(and(eq(checkpoint.village, village), eq(checkpoint.size, size)));
  return row;
}

/** @throws Refusal `not-found`: there is none yet */
export async function getLatest(db: Db, village: string): Promise<CheckpointRow> {
  const row = await findLatest(db, village);
  if (row === undefined) throw new Refusal('not-found');
  return row;
}

/** The newest first. */
export async function listCheckpoints(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<CheckpointView>> {
  const filters = { list: 'checkpoints', village };
  const start = after<[number]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(checkpoint)
    .where(and(eq(checkpoint.village, village), start && lt(checkpoint.size, start[0])))
    .orderBy(desc(checkpoint.size))
    .limit(query.limit + 1);
  return page(rows.map(viewOf), query.limit, filters, row => [row.size]);
}

export function viewOf({ size, root, name, publicKey, note, madeAt }: CheckpointRow): CheckpointView {
  return { size, rootHash: root.toString('hex'), name, keyId: keyIdOf(name, publicKey), note, madeAt };
}

/** Verifier keys of a book: those that may sign next, and every one that has signed before, each once. */
export async function verifierKeys(db: Db, signer: BookSigner, village: string): Promise<string[]> {
  const signed = await db
    .selectDistinct({ name: checkpoint.name, publicKey: checkpoint.publicKey })
    .from(checkpoint)
    .where(eq(checkpoint.village, village));
  const name = signed[0]?.name ?? signer.nameOf(village);
  const keys = [...signer.publicKeys(), ...signed.map(row => row.publicKey)];
  return [...new Set(keys.map(key => verifierText(name, key)))];
}

/** Starts working off the evening's checkpoints. */
export async function checkpointJobs(deps: World & { jobs: Jobs }): Promise<void> {
  await deps.jobs.work(checkpointQueue, () => makeDueCheckpoints(deps).then(() => undefined));
  await deps.jobs.repeat(checkpointQueue, '30 23 * * *');
}

/**
 * Signs the head of every book that grew, one village at a time. Answers the villages. Asked again after a crash, it goes
 * on where it stopped. A book that cannot be signed keeps no other from it.
 * @throws AggregateError of what went wrong, after all were tried
 */
export async function makeDueCheckpoints({ database, clock, signer }: World): Promise<string[]> {
  const made: string[] = [];
  const failures: Error[] = [];
  for (const village of await database.inSnapshot(none, listOpenVillages)) {
    try {
      const { number } = await database.inSnapshot(village, db => getBook(db, village));
      const last = await database.inSnapshot(village, db => findLatest(db, village));
      if (number === (last?.size ?? 0)) continue;
      await growTree(database, village);
      await database.inTransaction(village, tx => makeCheckpoint(tx, signer, village, clock.now()));
      made.push(village);
    } catch (error) {
      failures.push(new Error(`no checkpoint for ${village}: ${(error as Error).message}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('; '));
  return made;
}
