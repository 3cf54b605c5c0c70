import { dayOf, systemClock } from '../src/calendar.ts';
import type { Bench } from './bench.ts';
import { growthWhile, journalByCopy, journalThroughHttp } from './exports.ts';
import { type Fixture, onClient } from './fixture.ts';
import { clockOfThis, clockOfTree } from './processor-time.ts';
import { type Results, takeTurn } from './race.ts';
import { figures, ratioOf } from './ratios.ts';
import type { Village } from './town.ts';

/**
 * A journal as CSV against `COPY` of the same rows and columns, in rows (transfers) a second, and the service's memory.
 */
export async function measureExports(bench: Bench) {
  const { options, fixture, callers } = bench;
  const { village } = await bench.filledBook();
  await callers.refresh();
  const { results, memoryGrowthMb, rows } = await exportInTurn(fixture, village, callers.token(0), options.pace.rounds);
  return {
    ratios: { exportVsCopy: ratioOf(results, 'http', 'copy') },
    exportMemoryGrowthMb: memoryGrowthMb,
    exports: { rows, ...figures('rows/s', results) },
  };
}

/** Reads the whole journal both ways in turn; once before, for PostgreSQL’s cache. */
export async function exportInTurn(fixture: Fixture, { village }: Village, token: string, rounds: number) {
  const tomorrow = dayOf(systemClock.now()).add({ days: 1 }).toString();
  const period = { from: fixture.openedOn, to: tomorrow };
  const rows = await transfersOf(fixture, village);
  const ways = {
    http: {
      program: clockOfTree(fixture.service.pid),
      read: () => journalThroughHttp(fixture.service.port, token, village, period),
    },
    copy: { program: clockOfThis, read: () => journalByCopy(fixture, village, period) },
  };
  const results: Results = { http: { unit: 'Row', rounds: [] }, copy: { unit: 'Row', rounds: [] } };
  const { bytes } = await ways.copy.read();
  const { growth } = await growthWhile(fixture.service.pid, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const names = round % 2 === 0 ? (['http', 'copy'] as const) : (['copy', 'http'] as const);
      for (const name of names) {
        const { program, read } = ways[name];
        const work = async () => {
          const reading = await read();
          if (reading.bytes < bytes) throw new Error(`${name}: ${reading.bytes} bytes of a journal of ${bytes}`);
          return { count: rows, seconds: reading.seconds };
        };
        results[name]!.rounds.push(await takeTurn({ program, work }, fixture.postgres, 0));
      }
    }
  });
  return { results, rows, memoryGrowthMb: growth === null ? null : Math.round(growth / 1e5) / 10 };
}

function transfersOf(fixture: Fixture, village: string): Promise<number> {
  return onClient(fixture.ownerUrl, async client => {
    const { rows } = await client.query('select count(*) from ledger.transfer where village = $1', [village]);
    return Number(rows[0].count);
  });
}
