import { iso } from '../calendar.ts';
import { growTree } from '../checkpoints/make-checkpoint.ts';
import { countCheckpoints } from '../checkpoints/read.ts';
import type { Database, Db } from '../db/database.ts';
import type { Soundness } from './findings.ts';
import { verification } from './tables.ts';
import { verifyVillage } from './verify.ts';

/**
 * Verifies a village's book and its records, keeps what was found, and gets the tree ready for a checkpoint. Takes as long
 * as reading the whole book takes.
 * @throws Refusal `not-found`
 */
export async function verifyAndKeep(database: Database, village: string, now: Temporal.Instant): Promise<Soundness> {
  const soundness = await database.inExport(village, db => verifyVillage(db, village));
  await database.inTransaction(village, tx => keep(tx, village, soundness, now));
  if (soundness.sound) await growTree(database, village);
  return soundness;
}

async function keep(db: Db, village: string, soundness: Soundness, now: Temporal.Instant): Promise<void> {
  const { number, sound, headHash, rootHash, checks } = soundness;
  // Two at one millisecond found the same.
  await db
    .insert(verification)
    .values({
      village,
      checkedAt: iso(now),
      number,
      sound,
      headHash: Buffer.from(headHash, 'hex'),
      rootHash: Buffer.from(rootHash, 'hex'),
      checks,
      checkpoints: await countCheckpoints(db, village),
    })
    .onConflictDoNothing();
}

/** How many discrepancies were found, of those that are kept. */
export function discrepancyCount({ checks }: Soundness): number {
  return checks.reduce((sum, { findings }) => sum + findings.length, 0);
}
