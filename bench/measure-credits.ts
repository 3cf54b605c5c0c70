import type { Bench } from './bench.ts';
import { creditsThroughHttp, directCredits, refuseUnequalCredits } from './credits.ts';
import { directByHand, makeHandWrittenTables, throughHttpByHand } from './hand-written.ts';
import { clientsMax, faster, figures, manyClients, race, ratioOf } from './race.ts';

/** Single credits: through HTTP, spread and in one village; directly; and a hand-written transaction both ways. */
export async function measureCredits({ options, fixture, callers }: Bench) {
  const { villages } = fixture;
  const hot = villages.slice(0, 1);
  await callers.refresh();
  await makeHandWrittenTables(fixture);
  const spread = creditsThroughHttp('http', callers, villages);
  const direct = await directCredits('direct', fixture, villages);
  await refuseUnequalCredits(fixture, [spread, direct]);
  const byHand = await throughHttpByHand(fixture);
  const contestants = [
    spread,
    direct,
    creditsThroughHttp('httpHot', callers, hot),
    byHand.whole,
    creditsThroughHttp('http16', callers, villages, clientsMax),
    await directCredits('direct64', fixture, villages, manyClients),
    byHand.wholeByFew,
    await directCredits('directHot', fixture, hot),
    byHand.bare,
    await directByHand(fixture),
  ];
  const rates = await race(contestants, options.pace);
  // Whatever number of clients suits them better.
  const bestDirect = faster(rates, 'direct', 'direct64');
  const bestByHand = faster(rates, 'handWrittenHttp', 'handWrittenHttp16');
  return {
    httpCreditVsDirect: ratioOf(rates, 'http', bestDirect),
    hotVsSpread: ratioOf(rates, 'httpHot', 'http'),
    httpCreditVsHandWritten: ratioOf(rates, 'http', bestByHand),
    http16CreditVsDirect: ratioOf(rates, 'http16', 'direct'),
    http16CreditVsHandWritten: ratioOf(rates, 'http16', 'handWrittenHttp16'),
    httpCreditVsBareHandWritten: ratioOf(rates, 'http', 'bareHandWrittenHttp'),
    httpCreditVsHandWrittenDirect: ratioOf(rates, 'http', 'handWritten'),
    directVsHandWritten: ratioOf(rates, 'direct', 'handWritten'),
    hotVsSpreadDirect: ratioOf(rates, 'directHot', 'direct'),
    credits: figures('credits/s', rates),
  };
}
