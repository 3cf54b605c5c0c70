/**
 * `npm run bench:beside -- FOLDER [--runs 3] [what npm run bench takes]`: the bench of this checkout and that of another, in
 * turn, each with its own sources and packages. In all that is printed, above 1 is better for this one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parts } from './options.ts';
import { clockOfTree } from './processor-time.ts';
import { type Ratio, type Spread, spreadOf } from './ratios.ts';
import { microsIn, spreadText, tableOf } from './report.ts';

/** One run of a bench. Contestants are called by their part and their name. */
interface Run {
  /** How many in a second, by contestant. */
  rates: Map<string, number>;
  /** Microseconds of service and PostgreSQL for one of what is counted, by contestant; none from an older bench. */
  micros: Map<string, number>;
  /** Ratios within the run, by name. */
  ratios: Map<string, number>;
  /** Processors that all of the bench kept busy on average while it measured, load included; null without /proc. */
  busy: number | null;
}

const [other, ...rest] = process.argv.slice(2);
if (other === undefined || other.startsWith('-')) throw new Error('Which other checkout? Its folder comes first.');
const { runs, args } = readArgs(rest);
const folders = { here: fileURLToPath(new URL('..', import.meta.url)), there: resolve(other) };
const here: Run[] = [];
const there: Run[] = [];
for (let n = 1; n <= runs; n += 1) {
  const turns = [
    async () => here.push(await runIn(folders.here, `${n} of ${runs}, this`)),
    async () => there.push(await runIn(folders.there, `${n} of ${runs}, other`)),
  ];
  // Where a machine gets busier, whoever is always second would pay for it.
  for (const turn of n % 2 === 1 ? turns : turns.toReversed()) await turn();
  process.stdout.write(`\nAfter ${n} of ${runs}:\n\n${contestantsTable()}\n\n${ratiosTable()}\n`);
}

function readArgs(given: string[]): { runs: number; args: string[] } {
  const at = given.indexOf('--runs');
  if (at === -1) return { runs: 3, args: given };
  const count = given[at + 1] ?? '';
  if (!/^[1-9][0-9]*$/.test(count)) throw new Error(`--runs is a whole number from 1: ${count}`);
  return { runs: Number(count), args: given.toSpliced(at, 2) };
}

/** @throws Error when the bench ends with another code than 0 */
async function runIn(folder: string, name: string): Promise<Run> {
  // Older checkouts have a Node of their own; the others run on any that is new enough.
  const own = join(folder, 'node_modules/.bin/node');
  const child = spawn(existsSync(own) ? own : process.execPath, ['bench/run.ts', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const clock = clockOfTree(child.pid!);
  const read = () => ({ micros: clock(), at: performance.now() });
  let begin: ReturnType<typeof read> | undefined;
  let end: ReturnType<typeof read> | undefined;
  let output = '';
  createInterface({ input: child.stderr }).on('line', line => {
    process.stderr.write(`${name}: ${line}\n`);
    // What comes before the first part is preparation.
    if (parts.some(part => line.endsWith(` s  ${part}`))) begin ??= read();
  });
  child.stdout.setEncoding('utf8').on('data', chunk => {
    // The result comes when all is measured, and nothing is stopped yet.
    end ??= read();
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0 || begin === undefined || end === undefined)
    throw new Error(`${folder}: the bench ended with ${code}`);
  const busy = begin.micros && end.micros && (end.micros - begin.micros) / 1000 / (end.at - begin.at);
  return { ...readResult(JSON.parse(output)), busy };
}

function readResult(result: Record<string, unknown>): Omit<Run, 'busy'> {
  const run = {
    rates: new Map<string, number>(),
    micros: new Map<string, number>(),
    ratios: new Map<string, number>(),
  };
  for (const [part, found] of Object.entries(result)) {
    const { medians = {} } = (found ?? {}) as { medians?: Record<string, number> };
    for (const [contestant, rate] of Object.entries(medians)) run.rates.set(`${part}: ${contestant}`, rate);
    for (const { contestant, micros } of microsIn(found)) run.micros.set(`${part}: ${contestant}`, micros.together);
    // Of these less is better.
    if (/^(claims|notice|redemptionWait|verify|bytes)/.test(part) && typeof found === 'number')
      run.ratios.set(`1 / ${part}`, 1 / found);
    if (/Vs|^growth/.test(part) && typeof found === 'number') run.ratios.set(part, found);
  }
  for (const [name, { processorTime }] of Object.entries((result.ratios ?? {}) as Record<string, Ratio>))
    if (processorTime !== null) run.ratios.set(`${name} by processor time`, processorTime.median);
  return run;
}

/** What each contestant does, here against there. */
function contestantsTable(): string {
  const seen = [...here, ...there].every(({ micros, rates }) => micros.size >= rates.size);
  const rows = namesIn(run => run.rates).map(name => {
    const rates = (run: Run) => run.rates.get(name)!;
    const micros = (run: Run) => (seen ? run.micros.get(name)! : run.busy && (1e6 * run.busy) / rates(run));
    return [name, ...cells(spreadBetween(here, there, rates)), ...cells(spreadBetween(there, here, micros))];
  });
  const from = seen ? '' : ', as seen from outside';
  return tableOf([['contestant', 'rate this/other', '', `processor time other/this${from}`, ''], ...rows]);
}

/** What each claims of itself, here against there. */
function ratiosTable(): string {
  const rows = namesIn(run => run.ratios).map(name => {
    const ratio = (run: Run) => run.ratios.get(name)!;
    return [name, ...cells(spreadBetween(here, there, ratio))];
  });
  return rows.length === 0 ? '' : `${tableOf([['ratio', 'this/other', ''], ...rows])}\n`;
}

/** Names that all runs have. */
function namesIn(of: (run: Run) => Map<string, number>): string[] {
  return [...of(here[0]!).keys()].filter(name => [...here, ...there].every(run => of(run).has(name)));
}

/** Medians of runs, and the lowest and highest of a pair; null where a run does not know. */
function spreadBetween(over: Run[], under: Run[], of: (run: Run) => number | null): Spread | null {
  const [ours, theirs] = [over.map(of), under.map(of)];
  const known = (values: (number | null)[]) => values.every(value => value !== null);
  return known(ours) && known(theirs) ? spreadOf(ours as number[], theirs as number[]) : null;
}

/** A ratio, and a mark where it is lost more than noise takes. */
function cells(spread: Spread | null): [string, string] {
  return [spreadText(spread), spread !== null && spread.median < 0.97 ? '< 0.97' : ''];
}
