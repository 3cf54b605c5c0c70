import { and, desc, eq, lt } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { Refusal } from '../refusals.ts';
import { keyIdOf, verifierText } from './note.ts';
import type { BookSigner } from './signer.ts';
import { checkpoint } from './tables.ts';

export type CheckpointRow = typeof checkpoint.$inferSelect;

/** As it is answered. */
interface CheckpointView {
  size: number;
  rootHash: string;
  name: string;
  keyId: string;
  note: string;
  madeAt: string;
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

export function countCheckpoints(db: Db, village: string): Promise<number> {
  return db.$count(checkpoint, eq(checkpoint.village, village));
}

/** The last checkpoint of every book, as a signed note. */
export async function listLatestNotes(db: Db): Promise<string[]> {
  const rows = await db
    .selectDistinctOn([checkpoint.village], { note: checkpoint.note })
    .from(checkpoint)
    .orderBy(checkpoint.village, desc(checkpoint.size));
  return rows.map(({ note }) => note);
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
