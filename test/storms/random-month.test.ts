import t from 'tap';
import { closeDue } from '../../src/publicity/jobs.ts';
import { expireOverdue } from '../../src/redemptions/jobs.ts';
import { openDurableCluster } from '../support/cluster.ts';
import * as awards from './month-awards.ts';
import { checkMonth } from './month-checks.ts';
import * as households from './month-households.ts';
import { wrongCall } from './month-refusals.ts';
import * as store from './month-store.ts';
import { daysAfter, from, openTown, type Town, until, type Village } from './month-town.ts';
import { isLong, report, seed, size } from './size.ts';

/*
 * From the middle of December over the year's end: two villages live through everything that there is, in an order that dice
 * decide, and a book in plain maps says beforehand what each call must answer and afterwards what everybody must have.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

type Step = (town: Town, v: Village) => Promise<void>;

/** What may happen, and how often beside the others. */
const steps: [weight: number, step: Step][] = [
  [24, awards.award],
  [8, awards.awardSheet],
  [3, awards.awardRush],
  [6, awards.fileClaim],
  [16, awards.decideClaim],
  [3, awards.objectOrRule],
  [8, awards.reverse],
  [1, awards.baseGiven],
  [4, awards.settleDebt],
  [20, store.order],
  [3, store.orderRush],
  [18, store.settleOrder],
  [9, store.bringBack],
  [3, store.stockDocument],
  [2, households.merge],
  [3, households.split],
  [2, households.memberMoves],
  [2, households.death],
  [2, households.moveAway],
  [2, households.moveIn],
  [6, wrongCall],
];

/** A month without these was none. */
const daily = ['award', 'reversal', 'redemption', 'redemptionHold', 'householdMerge', 'yearEnd'];

const months = size(1, Number(process.env.JIFEN_STORM_MONTHS ?? 20));
for (let month = 0; month < months; month += 1) {
  const own = seed + month;
  t.test(`a month with everything, seed ${own}`, async t => {
    const town = await openTown(t, own, { homes: 15, cluster: await openDurableCluster() });
    try {
      await live(town, size(10, 25));
      const seen = await checkMonth(t, town, { cuts: isLong ? 'all' : 'entries' });
      const { kinds, ...counts } = seen;
      report(t, 'random-month', { month: own, ...counts, ...kinds, ...town.counts });
      for (const kind of isLong ? ['award'] : daily) t.ok((kinds[kind] ?? 0) > 0, `there was a ${kind}`);
    } catch (error) {
      const terms = Object.fromEntries(town.villages.map(v => [v.code, v.terms]));
      t.comment(`JIFEN_STORM_SEED=${own}\n${JSON.stringify(terms)}\n${town.log.slice(-24).join('\n')}`);
      throw error;
    }
  });
}

/** What hands points on, most of all between the year's first day and the day on which its end is posted. */
const changes: Step[] = [households.merge, households.split, households.moveAway, households.moveIn, awards.award];

function isTurn(day: string): boolean {
  return day >= '2027-01-01' && day < '2027-01-11';
}

/** Each morning what is due happens by itself; then so many things, one after another, until the evening. */
async function live(town: Town, perDay: number): Promise<void> {
  const { dice, service } = town;
  const lots = steps.flatMap(([weight, step]) => Array<Step>(weight).fill(step));
  const announceOn = new Map(town.villages.map(v => [v, daysAfter(from, 2 + dice.below(8))]));
  for (const v of town.villages) for (let left = 4; left > 0; left -= 1) await store.stockDocument(town, v, 'receipt');
  for (let day = from; day < until; day = daysAfter(day, 1)) {
    service.clock.set(`${day}T00:00:00Z`);
    await expireOverdue(service);
    await closeDue(service);
    for (const v of town.villages) {
      store.expireOrders(town, v);
      awards.closeNotices(town, v);
      if (dice.chance(0.4)) await awards.publish(town, v);
      if (announceOn.get(v) === day) await households.announceRuns(town, v);
      await households.postRuns(town, v);
    }
    for (let left = perDay; left > 0; left -= 1) {
      service.clock.pass({ minutes: dice.below(Math.floor(700 / perDay)) });
      const v = dice.pick(town.villages);
      const step = isTurn(day) && dice.chance(0.3) ? dice.pick(changes) : dice.pick(lots);
      town.log.push(`-- ${step.name} in ${v.code}`);
      await step(town, v);
    }
  }
}
