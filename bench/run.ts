/**
 * `npm run bench`: credits a second, three ways side by side in one run on one database. Speeds depend on the machine;
 * the ratios are what is claimed. Writes bench/latest.json.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Contestant, directPost, handWritten, throughHttp } from './contestants.ts';
import { openFixture } from './fixture.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    villages: { type: 'string', default: '50' },
    households: { type: 'string', default: '100' },
  },
});
const clients = 16;

const fixture = await openFixture({ villages: Number(values.villages), households: Number(values.households) });
try {
  const contestants = [throughHttp(fixture), await directPost(fixture), await handWritten(fixture)];
  const rates = await race(contestants, Number(values.rounds), Number(values.seconds));
  for (const contestant of contestants) await contestant.close();
  const median = (name: string) => rates.get(name)!.toSorted((a, b) => a - b)[Math.floor(rates.get(name)!.length / 2)]!;
  const ratio = (a: string, b: string) => Math.round((100 * median(a)) / median(b)) / 100;
  const result = {
    httpCreditVsDirect: ratio('http', 'direct'),
    httpCreditVsHandWritten: ratio('http', 'handWritten'),
    directVsHandWritten: ratio('direct', 'handWritten'),
    creditsPerSecond: Object.fromEntries(rates),
    clients,
    ...values,
  };
  await writeFile(new URL('latest.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} catch (error) {
  // Said before anything is stopped: connections that are cut then would speak louder.
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
} finally {
  await fixture.stop();
}

/** Lets each run in turn, round after round, so that a slow moment of the machine falls on all of them. */
async function race(contestants: Contestant[], rounds: number, seconds: number): Promise<Map<string, number[]>> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (const contestant of contestants) await rateOf(contestant, 1);
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of contestants) rates.get(contestant.name)!.push(await rateOf(contestant, seconds));
  }
  return rates;
}

/** Credits a second, whole, of 16 clients that each wait for one answer before they ask again. */
async function rateOf(contestant: Contestant, seconds: number): Promise<number> {
  const begin = performance.now();
  const until = begin + seconds * 1000;
  let done = 0;
  const client = async (number: number) => {
    while (performance.now() < until) {
      await contestant.once(number);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return Math.round((1000 * done) / (performance.now() - begin));
}
