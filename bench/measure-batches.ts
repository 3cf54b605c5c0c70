import { batchCredits, countTransfers, transfersPerLine } from './batches.ts';
import type { Bench } from './bench.ts';
import { pgbench } from './pgbench.ts';
import { type Contestant, faster, race } from './race.ts';
import { figures, microsOf, ratioOf } from './ratios.ts';
import { makeTpcbTables, tpcb } from './tpcb.ts';

/** Sheets of 500 awards, in transfers a second, against the transactions a second of TPC-B. */
export async function measureBatches({ options, fixture, callers }: Bench) {
  await makeTpcbTables(fixture, options.scale);
  await callers.refresh();
  const batch = batchCredits(callers, fixture);
  const before = await countTransfers(fixture);
  const contestants: Contestant[] = [batch, await tpcb(fixture, options.scale)];
  const real = await pgbench(fixture, options.scale);
  if (real !== undefined) contestants.push(real);
  const results = await race(contestants, options.pace, fixture.postgres);
  const written = (await countTransfers(fixture)) - before;
  // What is claimed is counted in the book and not in answers.
  if (written !== batch.transfers()) throw new Error(`${batch.transfers()} transfers answered, ${written} in the book`);
  // The faster of the two clients of TPC-B counts.
  const fastest = real === undefined ? 'tpcb' : faster(results, 'pgbench', 'tpcb');
  return {
    ratios: { batchVsTpcb: ratioOf(results, 'batch', fastest) },
    batches: {
      ...figures('transfers/s, transactions/s', results),
      microsPerLine: { batch: microsOf(results.batch!.rounds, transfersPerLine) },
    },
  };
}
