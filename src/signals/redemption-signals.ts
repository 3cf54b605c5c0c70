import { sql } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { evidenceOf, firstIds, percentOf, type Signal, type Span, severityOf, spanOf } from './signal.ts';

/* Where signals begin; of the same kind as those of awards. */
const slipsFrom = { count: 3, percent: 10 };
/** Half of those after which the person enters no more. */
const wrongPinsFrom = 15;

/** What redemptions show: how households identified themselves, and how they did not. */
export async function redemptionSignals(db: Db, span: Span): Promise<Signal[]> {
  return [...(await slipRedemptions(db, span)), ...(await wrongPins(db, span))];
}

/** One person enters many wrong PINs on one day: an elder mistypes twice, somebody who guesses tries house after house. */
async function wrongPins(db: Db, { village, fromAt, toAt }: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[user_id] as "userIds", ${firstIds(sql`distinct household_id`, sql`household_id`)} as "householdIds",
           count(*)::integer as count, ${spanOf(sql`tried_at`)}
      from store.pin_try
     where village = ${village} and not was_right and tried_at >= ${fromAt} and tried_at < ${toAt}
     group by user_id, (tried_at at time zone 'Asia/Shanghai')::date
    having count(*) >= ${wrongPinsFrom}
     order by count desc, user_id`,
  );
  return found.map(evidence => ({
    kind: 'wrongPins',
    severity: severityOf(evidence.count, wrongPinsFrom),
    zh: `一天之内在柜台输错居民密码 ${evidence.count} 次`,
    en: `${evidence.count} wrong PINs were entered at the counter in one day`,
    evidence,
  }));
}

/** Points that left though the household showed neither card nor PIN nor code. */
async function slipRedemptions(db: Db, { village, fromAt, toAt }: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with shown as (
      select r.id, r.household_id, r.points, s.by, s.at, s.slip
        from store.redemption r
       cross join lateral (
         values (r.created_by, r.created_at, r.presented = 'slip', r.created_by <> r.household_id),
                (r.handed_over_by, r.handed_over_at, r.hand_over_presented = 'slip',
                 r.expires_at is not null and r.handed_over_by <> r.household_id)) s (by, at, slip, by_staff)
       where r.village = ${village} and s.by_staff and s.at >= ${fromAt} and s.at < ${toAt})
    select array[by] as "userIds", ${firstIds(sql`distinct household_id`, sql`household_id`, sql`slip`)} as "householdIds",
           ${firstIds(sql`distinct id`, sql`id`, sql`slip`)} as "redemptionIds",
           count(*) filter (where slip)::integer as count, count(*)::integer as "of",
           (sum(points) filter (where slip))::bigint as points, ${spanOf(sql`case when slip then at end`)}
      from shown
     group by by
    having count(*) filter (where slip) >= ${slipsFrom.count}
       and 100 * count(*) filter (where slip) >= ${slipsFrom.percent} * count(*)
     order by count desc, by`,
  );
  return found.map(evidence => ({
    kind: 'slipRedemptions',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `经办的 ${evidence.of} 次兑换中有 ${evidence.count} 次凭凭条办理，未刷卡也未输密码`,
    en: `${evidence.count} of ${evidence.of} redemptions this person handled were on slips, without a card or PIN`,
    evidence,
  }));
}
