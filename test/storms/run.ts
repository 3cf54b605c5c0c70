/**
 * `npm run storm`: every storm at its full size, one after another, or those that are named: `npm run storm -- kill races`.
 * JIFEN_STORM_SEED sets the seed, JIFEN_STORM=short the size of the tests; JIFEN_STORM_MONTHS how many months `random-month`
 * lives, each from the next seed. Ends with a table of what they saw.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

interface Row {
  storm: string;
  seed: number | string;
  counts: Record<string, number | string>;
  result: string;
}

const folder = fileURLToPath(new URL('.', import.meta.url));
/** Storms by name, with their files; those that are only for here are not called tests. */
const files = new Map<string, string>([['disk', 'disk.ts']]);
for await (const file of glob('*.test.ts', { cwd: folder })) files.set(basename(file, '.test.ts'), file);
const all = [...files.keys()].sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => !all.includes(name));
if (unknown.length > 0) throw new Error(`There is no storm ${unknown.join(', ')}. There are: ${all.join(', ')}.`);

const rows: Row[] = [];
for (const name of wanted.length > 0 ? wanted : all) rows.push(...(await run(name)));
process.stdout.write(`\n${tableOf(rows)}\n`);
process.exitCode = rows.some(row => row.result === 'FAILED') ? 1 : 0;

async function run(name: string): Promise<Row[]> {
  const begun = performance.now();
  const env = { ...process.env, JIFEN_STORM: process.env.JIFEN_STORM ?? 'long' };
  const child = spawn(process.execPath, [`${folder}${files.get(name)}`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: Row[] = [];
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout! })) {
    process.stdout.write(`${line}\n`);
    const [, input] = /^\s*# storm (\{.*\})$/.exec(line) ?? [];
    if (input === undefined) continue;
    const { storm, seed, result, ...counts } = JSON.parse(input);
    seen.push({ storm, seed, counts, result: result ?? 'saw nothing wrong' });
  }
  const [code] = await exit;
  const seconds = Math.round((performance.now() - begun) / 1000);
  const result = code === 0 ? `over after ${seconds} s` : 'FAILED';
  return [...seen, { storm: name, seed: '', counts: {}, result }];
}

function tableOf(table: Row[]): string {
  const lines = table.map(({ storm, seed, counts, result }) => {
    const counted = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
    return `| ${storm} | ${seed} | ${counted.join(', ')} | ${result} |`;
  });
  return ['| storm | seed | seen | result |', '|---|---|---|---|', ...lines].join('\n');
}
