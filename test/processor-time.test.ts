import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'tap';
import { clockOfEnded, clockOfThis, clockOfTree, type ProcessorClock } from '../bench/processor-time.ts';
import { type Results, takeTurn } from '../bench/race.ts';
import { figures, type Ratio, ratioOf } from '../bench/ratios.ts';
import { movedBetween } from '../bench/report.ts';

const used = '(({ user, system }) => user + system)(process.cpuUsage())';

/** Works for 300 ms of processor time. */
const working = `
  for (const begin = ${used}; ${used} < begin + 300_000; );`;

/** Works, and says how many microseconds it has used since it was started. */
const child = `
  ${working}
  process.stdout.write(${used} + ' ');`;

/** When it is told, starts a child that ends, then one that stays, and then works itself and says what that took. */
const parent = `
  const { execFileSync, spawn } = require('node:child_process');
  process.stdin.once('data', () => {
    const begin = ${used};
    process.stdout.write(execFileSync(process.execPath, ['-e', ${JSON.stringify(child)}]));
    const staying = spawn(process.execPath, ['-e', ${JSON.stringify(`${child} process.stdin.resume()`)}]);
    staying.stdout.once('data', data => {
      process.stdout.write(data);
      ${working}
      process.stdout.write(${used} - begin + ' done');
    });
  });
  process.stdout.write('ready');`;

test('the clock of a tree counts what runs in it and what has ended', async t => {
  if (process.platform !== 'linux') return t.equal(clockOfThis(), null, 'there is no account of it');
  const tree = spawn(process.execPath, ['-e', parent], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => tree.kill());
  const output = tree.stdout.setEncoding('utf8');
  await once(output, 'data');
  const clock = clockOfTree(tree.pid!);
  const [before, endedBefore] = [clock()!, clockOfEnded()!];
  tree.stdin.write('go\n');
  let text = '';
  for await (const chunk of output) {
    text += chunk;
    if (text.endsWith('done')) break;
  }
  const counted = clock()! - before;
  const [ended, stays, own] = text.split(' ').map(Number) as [number, number, number];
  // Each account may be cut off by a hundredth of a second, and what it takes to end is not counted.
  t.ok(Math.abs(counted - (ended + stays + own)) < 100_000, `${counted} µs, said: ${text}`);
  t.equal(clockOfEnded(), endedBefore, 'nothing of ours has ended yet');
  tree.kill();
  await once(tree, 'exit');
  t.ok(clockOfEnded()! - endedBefore >= ended + own - 40_000, 'now it has');
  t.equal(clock(), null, 'and has no account of its own any more');
});

test('a turn is charged what the clocks went on by, for each of what was done', async t => {
  const work = async () => ({ count: 4, seconds: 2 });
  const turn = await takeTurn({ program: clockThatShows(100, 500), work }, clockThatShows(7, 15), 2);
  t.equal(turn.rate, 2);
  t.match(turn.micros, { service: 100, postgres: 2 });
  t.type(turn.micros!.driver, 'number', 'the load by itself');
  const direct = await takeTurn({ program: clockOfThis, work }, clockThatShows(7, 15), 2);
  t.equal(direct.micros!.driver, null, 'whoever makes the load is the client');
  const unknown = await takeTurn({ program: () => null, work }, clockThatShows(7, 15), 2);
  t.equal(unknown.micros, null);
});

test('both ratios are above 1 where the first is better, with the spread of the rounds', async t => {
  const results = resultsOf({
    a: [
      [20, 10],
      [40, 8],
      [30, 9],
    ],
    b: [
      [10, 20],
      [10, 24],
      [10, 27],
    ],
  });
  t.same(ratioOf(results, 'a', 'b'), {
    speed: { median: 3, low: 2, high: 4 },
    processorTime: { median: 2.667, low: 2, high: 3 },
  });
  results.b!.rounds[1]!.micros = null;
  t.equal(ratioOf(results, 'a', 'b').processorTime, null, 'a round without it');
  t.equal(figures('x/s', results).microsPerCredit!.b, null);
  t.same(figures('x/s', results).microsPerCredit!.a, {
    service: 4,
    postgres: 5,
    together: 9,
    driver: 1,
    rounds: [10, 8, 9],
  });
});

test('what moved is what lies outside of what its rounds were', async t => {
  const before = ratio([1, 1.1, 1.2], [2, 2.1, 2.2]);
  const cases: [now: Ratio, moved: string][] = [
    [ratio([1.15, 1.3, 1.4], [2.1, 2.1, 2.3]), 'neither'],
    [ratio([0.8, 0.88, 0.9], [2, 2.1, 2.2]), 'speed −20 %'],
    [ratio([1, 1.1, 1.2], [2.3, 2.31, 2.4]), 'processor time +10 %'],
    [ratio([0.8, 0.88, 0.9], [1, 1.05, 1.1]), 'speed −20 %, processor time −50 %'],
    [{ ...before, processorTime: null }, 'neither'],
  ];
  for (const [now, moved] of cases) t.equal(movedBetween(before, now), moved);
});

function clockThatShows(...micros: number[]): ProcessorClock {
  return () => micros.shift()!;
}

/** Of each contestant, round by round: how many in a second, and microseconds for one. */
function resultsOf(all: Record<string, [rate: number, micros: number][]>): Results {
  const rounds = (each: [rate: number, micros: number][]) =>
    each.map(([rate, micros]) => ({ rate, micros: { service: micros - 5, postgres: 5, driver: 1 } }));
  return Object.fromEntries(
    Object.entries(all).map(([name, each]) => [name, { unit: 'Credit', rounds: rounds(each) }]),
  );
}

function ratio(speed: [number, number, number], processorTime: [number, number, number]): Ratio {
  const spread = ([low, median, high]: [number, number, number]) => ({ low, median, high });
  return { speed: spread(speed), processorTime: spread(processorTime) };
}
