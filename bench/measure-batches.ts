import { batchCredits, countTransfers } from './batches.ts';
import type { Bench } from './bench.ts';
import { pgbench } from './pgbench.ts';
import { type Contestant, figures, median, race, ratioOf } from './race.ts';
import { makeTpcbTables, tpcb } from './tpcb.ts';

/** Sheets of 500 awards, in transfers a second, beside the transactions a second of TPC-B. */
export async function measureBatches({ options, fixture, callers }: Bench) {
  await makeTpcbTables(fixture, options.scale);
  await callers.refresh();
  const batch = batchCredits(callers, fixture);
  const before = await countTransfers(fixture);
  const contestants: Contestant[] = [batch, await tpcb(fixture, options.scale)];
  const real = await pgbench(fixture, options.scale);
  if (real !== undefined) contestants.push(real);
  const rates = await race(contestants, options.pace);
  const written = (await countTransfers(fixture)) - before;
  // What is claimed is counted in the book and not in answers.
  if (written !== batch.transfers()) throw new Error(`${batch.transfers()} transfers answered, ${written} in the book`);
  // The faster of the two clients of TPC-B counts.
  const fastest = real !== undefined && median(rates.pgbench!) > median(rates.tpcb!) ? 'pgbench' : 'tpcb';
  return { batchVsTpcb: ratioOf(rates, 'batch', fastest), batches: figures('transfers/s, transactions/s', rates) };
}
