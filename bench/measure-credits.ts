import type { Bench } from './bench.ts';
import { creditsThroughHttp, directCredits, refuseUnequalCredits } from './credits.ts';
import { connectAll, connectAsApp, endAll, settle } from './fixture.ts';
import { directByHand, makeHandWrittenTables, throughHttpByHand } from './hand-written.ts';
import { clientsMax, faster, race } from './race.ts';
import { figures, ratioOf } from './ratios.ts';

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
  for (const contestant of contestants) await contestant.work(0.5);
  await settle(fixture.ownerUrl);
  const results = await race(contestants, options.pace, fixture.postgres);
  await endAll(connections);
  // Whatever number of clients suits them better.
  const bestDirect = faster(results, 'direct', 'direct32');
  const bestByHand = faster(results, 'handWrittenHttp', 'handWrittenHttp16');
  return {
    ratios: {
      httpCreditVsDirect: ratioOf(results, 'http', bestDirect),
      hotVsSpread: ratioOf(results, 'httpHot', 'http'),
      httpCreditVsHandWritten: ratioOf(results, 'http', bestByHand),
      http16CreditVsDirect: ratioOf(results, 'http16', 'direct'),
      http16CreditVsHandWritten: ratioOf(results, 'http16', 'handWrittenHttp16'),
      httpCreditVsBareHandWritten: ratioOf(results, 'http', 'bareHandWrittenHttp'),
      httpCreditVsHandWrittenDirect: ratioOf(results, 'http', 'handWritten'),
      directVsHandWritten: ratioOf(results, 'direct', 'handWritten'),
      hotVsSpreadDirect: ratioOf(results, 'directHot', 'direct'),
    },
    credits: figures('credits/s', results),
  };
}
