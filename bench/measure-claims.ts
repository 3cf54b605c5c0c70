import type { Bench } from './bench.ts';
import { bringToNotice, type ClaimsVillage, leaveClaimsVillage, openClaimsVillage, type Way } from './claims.ts';
import { type Closing, closeAmongRedemptions, closeNotice } from './closing.ts';
import { settle } from './fixture.ts';
import { verifyOnce } from './measure-verify.ts';
import { median } from './race.ts';

const households = 600;
/** Lines of a notice. */
const thousand = 1000;
const warmUp = 200;
const singles = 5;

/** What the calls of each step took for one thousand, and its closing. */
interface Thousand {
  took: Way['took'];
  closing: Closing;
}

/**
 * Claims from their filing to points that can be spent, a thousand after another in one village, and the last in turn
 * with the first of a village that had none.
 */
export async function measureClaims({ options, cluster, say }: Bench) {
  say(`opening two villages of ${households} households`);
  const fixture = await cluster.open('claims', { villages: 2, households });
  const old = await openClaimsVillage(fixture, fixture.villages[0]!);
  // Without it the first thousand would pay for what is loaded and compiled, and hide what grows.
  await closeAll(old, warmUp);
  const single: number[] = [];
  for (let n = 0; n < singles; n += 1) single.push(await closeAll(old, 1));
  await settle(fixture.ownerUrl);

  const thousands: Thousand[] = [];
  const count = Math.max(1, Math.floor(options.claims / thousand));
  for (let n = 1; n < count; n += 1) {
    say(`claims ${(n - 1) * thousand + 1} to ${n * thousand}`);
    thousands.push(...(await bringAThousand([old])));
  }
  say('the last thousand, and the first of a fresh village');
  const fresh = await openClaimsVillage(fixture, fixture.villages[1]!);
  const [last, first] = await bringAThousand([old, fresh]);
  thousands.push(last!);
  await expectPosted(old, warmUp + singles + count * thousand);
  await verifyOnce(fixture, old.village);
  await leaveClaimsVillage(old);
  await leaveClaimsVillage(fresh);
  return { ...slowdownOf(thousands, first!), ...closingsOf([...thousands, first!], median(single)) };
}

/** Answers the seconds of closing. */
async function closeAll(place: ClaimsVillage, count: number): Promise<number> {
  const [notice] = await bringToNotice([{ place, took: {} }], count);
  return closeNotice(place, notice!);
}

/** Answers in the order of the villages. */
async function bringAThousand(places: ClaimsVillage[]): Promise<Thousand[]> {
  const ways: Way[] = places.map(place => ({ place, took: {} }));
  const notices = await bringToNotice(ways, thousand);
  const thousands: Thousand[] = [];
  for (const [n, { place, took }] of ways.entries()) {
    const closing = await closeAmongRedemptions(place, notices[n]!);
    thousands.push({ took: { ...took, close: [1000 * closing.seconds] }, closing });
  }
  return thousands;
}

/** What is claimed is counted in the village and not in answers. */
async function expectPosted({ owner, village: { village } }: ClaimsVillage, count: number): Promise<void> {
  const { rows } = await owner.query({
    text: `select count(*)::int as posted from earning.award
            where village = $1 and claim_id is not null and state = 'posted'`,
    values: [village],
  });
  if (rows[0].posted !== count) throw new Error(`${count} claims were approved, ${rows[0].posted} awards are posted`);
}

/**
 * The last thousand against the first of a fresh village, step by step, by the medians of the calls; with it all of their
 * time, and the first of the village itself, which came earlier and hides nothing that all villages share.
 */
function slowdownOf(thousands: Thousand[], fresh: Thousand) {
  const [first, last] = [thousands[0]!, thousands.at(-1)!];
  const steps = Object.keys(first.took);
  const perStep = <T>(of: (step: string) => T) => Object.fromEntries(steps.map(step => [step, of(step)]));
  const slowdown = (before: Thousand, of: (calls: number[]) => number) =>
    perStep(step => places(of(last.took[step]!) / of(before.took[step]!), 2));
  const ofMedians = slowdown(fresh, median);
  return {
    claimsSlowdown: Math.max(...Object.values(ofMedians)),
    claims: {
      slowdown: { ofMedians, ofSeconds: slowdown(fresh, sum) },
      slowdownInTime: { ofMedians: slowdown(first, median), ofSeconds: slowdown(first, sum) },
      seconds: perStep(step => [...thousands, fresh].map(({ took }) => places(sum(took[step]!) / 1000, 2))),
      medianMs: perStep(step => [...thousands, fresh].map(({ took }) => places(median(took[step]!), 1))),
      calls: perStep(step => first.took[step]!.length),
    },
  };
}

function closingsOf(thousands: Thousand[], singleSeconds: number) {
  const closings = thousands.map(({ closing }) => closing);
  const seconds = closings.map(closing => closing.seconds);
  const longest = (of: (closing: Closing) => number[]) => Math.round(Math.max(...closings.flatMap(of)));
  return {
    noticeCloseSeconds: places(Math.max(...seconds), 2),
    noticeCloseVsSingle: places(median(seconds) / thousand / singleSeconds, 3),
    redemptionWaitMsWhileClosing: longest(closing => closing.whileClosing),
    redemptionWaitMsAlone: longest(closing => closing.alone),
    closings: {
      seconds: seconds.map(value => places(value, 2)),
      singleMs: places(1000 * singleSeconds, 1),
      whileClosing: closings.map(({ whileClosing }) => waitsOf(whileClosing)),
      alone: closings.map(({ alone }) => waitsOf(alone)),
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
