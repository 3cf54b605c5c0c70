import type pg from 'pg';
import type { Bench } from './bench.ts';
import { type Callers, openCallers } from './callers.ts';
import { creditsThroughHttp, directCredits } from './credits.ts';
import { type Fill, fillBooks } from './fill.ts';
import { connectAll, connectAsApp, endAll, type Fixture, settle } from './fixture.ts';
import { bytesBetween, ledgerSize } from './ledger-size.ts';
import { exportInTurn } from './measure-exports.ts';
import { type Contestant, clientsMax, race } from './race.ts';
import { figures, ratioOf } from './ratios.ts';
import { pageReads } from './reads.ts';

const smallBook = 10_000;
const fillers = 3;
/** Of eight in turn: the service closes a connection that has been silent for 72 seconds. */
const warmSeconds = 7;

/**
 * The same on a young database (10 thousand transactions, all in one book) and on one that has been written in for years
 * (five million: half of them in one book, the others in all others). Both stand in one PostgreSQL, each with a service of
 * its own, and take turns: measured one after another, an hour apart, they would compare the hours.
 */
export async function measureGrowth({ options, cluster, say }: Bench) {
  const { villages, households } = options;
  say('opening a small and a large database');
  const small = await cluster.open('small', { villages, households });
  const large = await cluster.open('large', { villages, households });
  await fillBooks(small, [{ village: small.villages[0]!, transactions: smallBook }], 1);
  say(`filling the large one with ${options.growth} transactions`);
  const before = await ledgerSize(large);
  const fillSeconds = await fillBooks(large, fillsOf(large, options.growth), fillers);
  await settle(small.ownerUrl);
  await settle(large.ownerUrl);
  const size = bytesBetween(before, await ledgerSize(large));

  say('small and large in turn');
  const callers = { small: await openCallers(small), large: await openCallers(large) };
  const connect = (fixture: Fixture) => connectAll(clientsMax, () => connectAsApp(fixture));
  const connections = { small: await connect(small), large: await connect(large) };
  const contestants = [
    ...contestantsOn('small', small, callers.small, connections.small),
    ...contestantsOn('large', large, callers.large, connections.large),
  ];
  // A large database that was just filled has what it needs on the disk: after an hour of work it would not.
  say('warming both');
  for (const contestant of contestants) await contestant.work(warmSeconds);
  const results = await race(contestants, options.pace, large.postgres);
  say(`medians: ${JSON.stringify(figures('', results).medians)}`);
  say('exporting the large book');
  await callers.large.refresh();
  const exported = await exportInTurn(large, large.villages[0]!, callers.large.token(0), 1);
  for (const one of Object.values(callers)) one.close();
  for (const some of Object.values(connections)) await endAll(some);
  return {
    ratios: {
      growthCredit: ratioOf(results, 'large http', 'small http'),
      growthCreditHot: ratioOf(results, 'large httpHot', 'small httpHot'),
      growthCreditDirect: ratioOf(results, 'large direct', 'small direct'),
      growthStatementPage: ratioOf(results, 'large statementPage', 'small statementPage'),
      growthExportVsCopy: ratioOf(exported.results, 'http', 'copy'),
    },
    growth: {
      transactions: { small: smallBook, large: options.growth },
      fill: { seconds: Math.round(fillSeconds), perSecond: Math.round(options.growth / fillSeconds) },
      ...size,
      ...figures('credits/s, pages/s', results),
      export: {
        rows: exported.rows,
        memoryGrowthMb: exported.memoryGrowthMb,
        ...figures('rows/s', exported.results),
      },
    },
  };
}

/** Half of all in the first book, the rest evenly in the others. */
function fillsOf({ villages }: Fixture, transactions: number): Fill[] {
  const [first, ...others] = villages;
  const share = Math.floor(transactions / 2 / others.length);
  const rest = others.map(village => ({ village, transactions: share }));
  return [{ village: first!, transactions: transactions - share * others.length }, ...rest];
}

function contestantsOn(label: string, fixture: Fixture, callers: Callers, connections: pg.Client[]): Contestant[] {
  const hot = fixture.villages.slice(0, 1);
  return [
    creditsThroughHttp(`${label} http`, callers, fixture.villages),
    creditsThroughHttp(`${label} httpHot`, callers, hot),
    directCredits(`${label} direct`, connections, fixture, fixture.villages),
    pageReads(`${label} statementPage`, callers, hot),
  ];
}
