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
import type { Ratio } from './ratios.ts';
import { type Result, reportOf } from './report.ts';

/** What a part found: ratios of speed and of processor time, the figures they come from, and others. */
type Findings = { ratios?: Record<string, Ratio> } & Record<string, unknown>;

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

/** What is claimed of speed; null where its part was not run. */
const claimed = [
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
const earlier = options.against === undefined ? undefined : await readEarlier(options.against);
const begin = performance.now();
const bench = await openBench(options);
// PostgreSQL would outlive a run that is broken off.
process.once('SIGINT', () => void closeBench(bench).finally(() => process.exit(130)));
try {
  const ratios: Record<string, Ratio> = {};
  const findings: Findings = Object.fromEntries(claimed.map(name => [name, null]));
  for (const part of options.only) {
    bench.say(part);
    const { ratios: found = {}, ...others } = await measures[part](bench);
    Object.assign(ratios, found);
    for (const [name, { speed }] of Object.entries(found)) findings[name] = speed.median;
    Object.assign(findings, others);
    // After each part: a long run that ends early has not been for nothing.
    const tookSeconds = Math.round((performance.now() - begin) / 1000);
    await write({ ...findings, ratios, ...bench.about, tookSeconds });
  }
  process.stdout.write(await readFile(latest, 'utf8'));
  process.stderr.write(`\n${reportOf({ ...findings, ratios }, earlier)}\n`);
} catch (error) {
  // Said before anything is stopped: connections that are cut then would speak louder.
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  await closeBench(bench);
}
process.exit();

/** @throws Error when it is not a result that has rounds of its ratios */
async function readEarlier(file: string): Promise<Result> {
  const result = JSON.parse(await readFile(file, 'utf8'));
  if (result.ratios === undefined) throw new Error(`${file} has no rounds of its ratios: an earlier bench wrote it.`);
  return result;
}

async function write(result: Findings): Promise<void> {
  await writeFile(latest, `${JSON.stringify(result, null, 2)}\n`);
}
