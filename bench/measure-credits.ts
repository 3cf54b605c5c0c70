import type { Bench } from './bench.ts';
import { creditsThroughHttp, directCredits, refuseUnequalCredits } from './credits.ts';
import { connectAll, connectAsApp, endAll, settle } from './fixture.ts';
import { directByHand, makeHandWrittenTables, throughHttpByHand } from './hand-written.ts';
import { clientsMax, faster, figures, race, ratioOf } from './race.ts';

/** Single credits: through HTTP, spread and in one village; directly; and a hand-written transaction both ways. */
export async function measureCredits({ options, fixture, callers }: Bench) {
  const { villages } = fixture;
  const hot = villages.slice(0, 1);
  await callers.refresh();
  await makeHandWrittenTables(fixture);
  const spread = creditsThroughHttp('http', callers, villages);
  const connections = await connectAll(2 * clientsMax, () => connectAsApp(fixture));
  const few = connections.slice(0, clientsMax);
  const direct = directCredits('direct', few, fixture, villages);
  await refuseUnequalCredits(fixture, [spread, direct]);
  const byHand = await throughHttpByHand(fixture);
  const contestants = [
    spread,
    direct,
    creditsThroughHttp('httpHot', callers, hot),
    byHand.whole,
    creditsThroughHttp('http16', callers, villages, clientsMax),
    directCredits('direct32', connections, fixture, villages),
    byHand.wholeByFew,
    directCredits('directHot', few, fixture, hot),
    byHand.bare,
    await directByHand(fixture),
  ];
  // Statistics as they are a minute after the first posts.
  for (const contestant of contestants) await contestant.rate(0.5);
  await settle(fixture.ownerUrl);
  const rates = await race(contestants, options.pace);
  await endAll(connections);
  // Whatever number of clients suits them better.
  const bestDirect = faster(rates, 'direct', 'direct32');
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
