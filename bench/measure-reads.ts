import type { Bench } from './bench.ts';
import { race } from './race.ts';
import { figures } from './ratios.ts';
import { balanceReads, pageReads } from './reads.ts';

/** Balances of households everywhere, and pages of passbooks in the filled book. */
export async function measureReads(bench: Bench) {
  const { options, fixture, callers } = bench;
  const { village } = await bench.filledBook();
  await callers.refresh();
  const results = await race(
    [balanceReads(callers, fixture.villages), pageReads('statementPage', callers, [village])],
    options.pace,
    fixture.postgres,
  );
  return { reads: figures('reads/s', results) };
}
