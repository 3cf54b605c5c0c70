/**
 * `npm run bench`: what is claimed about speed, side by side in one run on one database. Speeds depend on the machine;
 * the ratios are what is claimed. Writes bench/latest.json. README.md says what each part does.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { type Bench, closeBench, openBench } from './bench.ts';
import { measureBatches } from './measure-batches.ts';
import { measureClaims } from './measure-claims.ts';
import { measureCredits } from './measure-credits.ts';
import { measureExports } from './measure-exports.ts';
import { measureGrowth } from './measure-growth.ts';
import { measureReads } from './measure-reads.ts';
import { measureRedemptions } from './measure-redemptions.ts';
import { measureVerify } from './measure-verify.ts';
import { type Part, readOptions } from './options.ts';

/** What a part found: ratios, and the figures they come from. */
export type Findings = Record<string, unknown>;

const measures: Record<Part, (bench: Bench) => Promise<Findings>> = {
  credit: measureCredits,
  batch: measureBatches,
  redeem: measureRedemptions,
  read: measureReads,
  export: measureExports,
  verify: measureVerify,
  claims: measureClaims,
  growth: measureGrowth,
};

/** What is claimed; null where its part was not run. */
const ratios = [
  'httpCreditVsDirect',
  'hotVsSpread',
  'httpCreditVsHandWritten',
  'batchVsTpcb',
  'exportVsCopy',
  'claimsSlowdown',
  'noticeCloseVsSingle',
  'redemptionWaitMsWhileClosing',
  'growthCredit',
  'verifySecondsPerMillion',
  'bytesPerTransaction',
];

const latest = new URL('latest.json', import.meta.url);
const options = readOptions(process.argv.slice(2));
const begin = performance.now();
const bench = await openBench(options);
// PostgreSQL would outlive a run that is broken off.
process.once('SIGINT', () => void closeBench(bench).finally(() => process.exit(130)));
try {
  const findings: Findings = Object.fromEntries(ratios.map(name => [name, null]));
  for (const part of options.only) {
    bench.say(part);
    Object.assign(findings, await measures[part](bench));
    // After each part: a long run that ends early has not been for nothing.
    await write({ ...findings, ...bench.about, tookSeconds: Math.round((performance.now() - begin) / 1000) });
  }
  process.stdout.write(await readFile(latest, 'utf8'));
} catch (error) {
  // Said before anything is stopped: connections that are cut then would speak louder.
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  await closeBench(bench);
}
process.exit();

async function write(result: Findings): Promise<void> {
  await writeFile(latest, `${JSON.stringify(result, null, 2)}\n`);
}
