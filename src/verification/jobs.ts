import type { Clock } from '../calendar.ts';
import { makeCheckpoint } from '../checkpoints/make-checkpoint.ts';
import { findLatest } from '../checkpoints/read.ts';
import type { BookSigner } from '../checkpoints/signer.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { getBook } from '../ledger/read.ts';
import { listOpenVillages } from '../villages/read.ts';
import { findLastVerification } from './read.ts';
import { discrepancyCount, verifyAndKeep } from './sign-verified.ts';

interface World {
  database: Database;
  clock: Clock;
  signer: BookSigner;
}

/** Every evening each book that grew is verified and, if it is sound, signed. */
export const verificationJobs: JobDefinition<World>[] = [
  { queue: 'verification.daily', handler: verifyDueBooks, cron: '30 23 * * *' },
];

/** A book that did not grow is verified again after this: its records can be changed all the same. */
const verifiedForDays = 7;

/**
 * Verifies every book that grew since it was verified, was not sound then, or was not verified for a week, one village at a
 * time, and signs the sound ones. Answers the villages it signed for. Asked again after a crash, it goes on where it
 * stopped. A book that cannot be verified or signed keeps no other from it; discrepancies are kept and shown, and no error.
 * @throws AggregateError of what went wrong, after all were tried
 */
export async function verifyDueBooks(world: World): Promise<string[]> {
  const signed: string[] = [];
  const failures: Error[] = [];
  for (const village of await world.database.inSnapshot(none, listOpenVillages)) {
    try {
      if (await verifyDueBook(world, village)) signed.push(village);
    } catch (error) {
      failures.push(new Error(`${village} was not verified: ${(error as Error).message}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('; '));
  return signed;
}

/** Whether it was signed. */
async function verifyDueBook({ database, clock, signer }: World, village: string): Promise<boolean> {
  const now = clock.now();
  const { number, signedNumber, last } = await database.inSnapshot(village, async db => ({
    number: (await getBook(db, village)).number,
    signedNumber: (await findLatest(db, village))?.size ?? 0,
    last: await findLastVerification(db, village),
  }));
  const isFresh =
    last?.sound &&
    last.number === number &&
    Temporal.Instant.from(last.checkedAt).until(now).total('hours') < verifiedForDays * 24;
  if (isFresh && signedNumber === number) return false;
  const soundness = await verifyAndKeep(database, village, now);
  if (discrepancyCount(soundness) > 0 || signedNumber === number) return false;
  await database.inTransaction(village, tx => makeCheckpoint(tx, signer, village, clock.now()));
  return true;
}
