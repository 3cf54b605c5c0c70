import type { Bench } from './bench.ts';
import { bringToNotice, type ClaimsVillage, leaveClaimsVillage, openClaimsVillage, type Took } from './claims.ts';
import { type Closing, closeAlone, closeAmongRedemptions } from './closing.ts';
import { settle } from './fixture.ts';
import { verifyOnce } from './measure-verify.ts';
import { median } from './race.ts';

const households = 600;
/** Lines of a notice, and what is compared: the first so many with the last so many. */
const portion = 1000;
const warmUp = 200;
const singles = 5;

/** Claims from their filing to points that can be spent, a thousand after another in one village. */
export async function measureClaims({ options, cluster, say }: Bench) {
  say(`opening a village of ${households} households`);
  const fixture = await cluster.open('claims', { villages: 1, households });
  const place = await openClaimsVillage(fixture);
  // Without it the first thousand would pay for what is loaded and compiled, and hide what grows.
  await closeAlone(place, await bringToNotice(place, warmUp, {}));
  const alone: number[] = [];
  for (let n = 0; n < singles; n += 1) alone.push(await closeAlone(place, await bringToNotice(place, 1, {})));
  await settle(fixture.ownerUrl);

  const counts = portionsOf(options.claims);
  const took: Took[] = [];
  const closings: Closing[] = [];
  for (const [n, count] of counts.entries()) {
    say(`claims ${n * portion + 1} to ${n * portion + count}`);
    const one: Took = {};
    const notice = await bringToNotice(place, count, one);
    const closing = await closeAmongRedemptions(place, notice);
    took.push({ ...one, close: [1000 * closing.seconds] });
    closings.push(closing);
  }
  await expectPosted(place, warmUp + singles + options.claims);
  await verifyOnce(fixture, place.village);
  await leaveClaimsVillage(place);
  return { ...slowdownOf(took), ...closingsOf(closings, counts, median(alone)) };
}

function portionsOf(claims: number): number[] {
  const whole = Array.from({ length: Math.floor(claims / portion) }, () => portion);
  return claims % portion === 0 ? whole : [...whole, claims % portion];
}

/** What is claimed is counted in the village and not in answers. */
async function expectPosted({ owner, village: { village } }: ClaimsVillage, count: number): Promise<void> {
  const { rows } = await owner.query(
    `select count(*) filter (where state = 'posted' and claim_id is not null)::int as posted from earning.award
      where village = $1`,
    [village],
  );
  if (rows[0].posted !== count) throw new Error(`${count} claims were approved, ${rows[0].posted} awards are posted`);
}

/**
 * The last thousand beside the first, step by step: by the medians of the calls, so that a slow moment of the machine
 * does not decide, and by all of their time. Null with one thousand alone.
 */
function slowdownOf(took: Took[]) {
  const whole = took.filter(one => one.take?.length === portion / 5);
  const [first, last] = [whole[0], whole.at(-1)];
  const steps = Object.keys(took[0]!);
  const perStep = (of: (step: string) => unknown) => Object.fromEntries(steps.map(step => [step, of(step)]));
  const compare = (of: (calls: number[]) => number) =>
    first === undefined || first === last ? null : perStep(step => places(of(last![step]!) / of(first[step]!), 2));
  const medians = compare(median);
  return {
    claimsSlowdown: medians === null ? null : Math.max(...(Object.values(medians) as number[])),
    claims: {
      slowdown: { ofMedians: medians, ofSeconds: compare(sum) },
      seconds: perStep(step => took.map(one => places(sum(one[step]!) / 1000, 2))),
      medianMs: perStep(step => took.map(one => places(median(one[step]!), 1))),
      calls: perStep(step => took[0]![step]!.length),
    },
  };
}

function closingsOf(closings: Closing[], counts: number[], aloneSeconds: number) {
  const longest = (of: (closing: Closing) => number[]) => Math.round(Math.max(...closings.flatMap(of)));
  const worst = Math.max(...closings.map(({ seconds }) => seconds));
  const perLine = median(closings.map(({ seconds }, n) => seconds / counts[n]!));
  return {
    noticeCloseSeconds: places(worst, 2),
    noticeCloseVsSingle: places(perLine / aloneSeconds, 3),
    redemptionWaitMsWhileClosing: longest(closing => closing.whileClosing),
    redemptionWaitMsAlone: longest(closing => closing.alone),
    closings: {
      seconds: closings.map(({ seconds }) => places(seconds, 2)),
      singleMs: places(1000 * aloneSeconds, 1),
      redemptions: {
        whileClosing: closings.map(({ whileClosing }) => waitsOf(whileClosing)),
        alone: closings.map(({ alone }) => waitsOf(alone)),
      },
    },
  };
}

function waitsOf(waits: number[]) {
  return { count: waits.length, medianMs: places(median(waits), 1), longestMs: Math.round(Math.max(...waits)) };
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function places(value: number, count: number): number {
  return Number(value.toFixed(count));
}
