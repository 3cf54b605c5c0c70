import type { Bench } from './bench.ts';
import { creditsThroughHttp, directCredits, refuseUnequalCredits } from './credits.ts';
import { directByHand, makeHandWrittenTables, throughHttpByHand } from './hand-written.ts';
import { figures, race, ratioOf } from './race.ts';

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
    await directCredits('directHot', fixture, hot),
    byHand.whole,
    byHand.bare,
    await directByHand(fixture),
  ];
  const rates = await race(contestants, options.pace);
  return {
    httpCreditVsDirect: ratioOf(rates, 'http', 'direct'),
    hotVsSpread: ratioOf(rates, 'httpHot', 'http'),
    httpCreditVsHandWritten: ratioOf(rates, 'http', 'handWrittenHttp'),
    httpCreditVsBareHandWritten: ratioOf(rates, 'http', 'bareHandWrittenHttp'),
    httpCreditVsHandWrittenDirect: ratioOf(rates, 'http', 'handWritten'),
    directVsHandWritten: ratioOf(rates, 'direct', 'handWritten'),
    hotVsSpreadDirect: ratioOf(rates, 'directHot', 'direct'),
    credits: figures('credits/s', rates),
  };
}
