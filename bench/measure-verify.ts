import { openDatabase } from '../src/db/database.ts';
import { verifyBook } from '../src/verification/verify.ts';
import type { Bench } from './bench.ts';
import { growthWhile } from './exports.ts';
import type { Fixture } from './fixture.ts';
import type { Village } from './town.ts';

/** The recomputation of a whole book, as `jifen verify` does it, and what a transaction takes on the disk. */
export async function measureVerify(bench: Bench) {
  const { village, size } = await bench.filledBook();
  return { ...(await verifyOnce(bench.fixture, village)), ...size };
}

/** @throws Error when the book is not sound: then nothing of what was measured counts */
export async function verifyOnce(fixture: Fixture, { village }: Village) {
  const database = openDatabase(fixture.appUrl, { onError: () => undefined });
  try {
    const begin = performance.now();
    const { result, growth } = await growthWhile(process.pid, () =>
      database.inExport(village, db => verifyBook(db, village)),
    );
    const seconds = (performance.now() - begin) / 1000;
    if (!result.sound) throw new Error(`the book is unsound: ${JSON.stringify(result.checks)}`);
    return {
      verifySecondsPerMillion: Math.round((1e7 * seconds) / result.number) / 10,
      verify: {
        transactions: result.number,
        seconds: Math.round(seconds * 10) / 10,
        memoryGrowthMb: growth === null ? null : Math.round(growth / 1e5) / 10,
      },
    };
  } finally {
    await database.close();
  }
}
