import { type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { defaultPolicy } from '../villages/policy-settings.ts';
import { evidenceOf, firstIds, percentOf, type Signal, type Span, severityOf, spanOf } from './signal.ts';

/*
 * Where signals begin. Tariffs are fixed and villages small, so that much of what looks unusual is ordinary: each needs a
 * number of acts, and most also a share. They are first guesses, to be set anew when villages have used them for a season.
 */
const nightEntriesFrom = 10;
const limitFrom = { count: 5, percent: 50 };
const householdDaysFrom = 5;
const householdDayPercent = 90;
const shareFrom = { awards: 20, percent: 25, timesEven: 3 };
const reversedFrom = { count: 5, percent: 10 };

/** What awards show by themselves: each kind by itself, worst first. */
export async function awardSignals(db: Db, span: Span): Promise<Signal[]> {
  return [
    ...(await ownBenefit(db, span)),
    ...(await justUnderDirectAward(db, span)),
    ...(await justUnderHouseholdDay(db, span)),
    ...(await nightEntries(db, span)),
    ...(await householdShare(db, span)),
    ...(await reversedEntries(db, span)),
  ];
}

/** Awards of the span, found through the book's index by the day they count for. */
function awardsOf({ village, from, to }: Span): SQL {
  return sql`
    select a.*
      from ledger.transaction t
      join earning.award a on a.village = t.village and a.transaction_number = t.number
     where t.village = ${village} and t.business_date >= ${from} and t.business_date < ${to} and t.kind = 'award'`;
}

/** Those that a clerk entered without anybody else's decision. */
function directOf(span: Span): SQL {
  return sql`select * from (${awardsOf(span)}) a where a.claim_id is null and a.round_id is null`;
}

/**
 * Awards to a household that is declared own or kin of who entered it or decided on it, also when declared later. Who
 * plans a round records its awards for the whole village, and chooses none of them.
 */
async function ownBenefit(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[k.user_id] as "userIds", array[k.household_id] as "householdIds",
           ${firstIds(sql`a.id`, sql`a.transaction_number`)} as "awardIds", count(*)::integer as count,
           sum(a.points)::bigint as points, ${spanOf(sql`a.created_at`)}
      from (${awardsOf(span)}) a
     cross join lateral (select distinct u from unnest(a.decided_by || case when a.round_id is null then a.created_by end) u) who
      join households.kin k on k.village = a.village and k.user_id = who.u and k.household_id = a.household_id
           and (k.ended_at is null or k.ended_at > a.created_at)
     group by k.user_id, k.household_id
     order by points desc, k.user_id, k.household_id`,
  );
  return found.map(evidence => ({
    kind: 'ownBenefit',
    severity: 100,
    zh: `给本户或亲属户登记或决定了 ${evidence.count} 笔，共 ${evidence.points} 分`,
    en: `Recorded or decided ${evidence.count} awards worth ${evidence.points} points for their own household or relatives`,
    evidence,
  }));
}

/**
 * The largest quantity that the limit of direct awards still lets through, again and again: one unit more would have asked
 * for a claim. A single unit says nothing, for its points are the rule's.
 */
async function justUnderDirectAward(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with direct as materialized (
      select a.*, l.max from (${directOf(span)}) a join (${limitsOf(span, 'directAwardMaxPoints')}) l using (business_date)),
    near as (
      select created_by, max(max) as max, ${firstIds(sql`id`, sql`transaction_number`)} as ids,
             count(*)::integer as count, ${spanOf(sql`created_at`)}
        from direct
       where quantity > 1 and points <= max and points + points / quantity > max
       group by created_by),
    entered as (select created_by, count(*)::integer as "of" from direct group by created_by)
    select array[created_by] as "userIds", ids as "awardIds", count, "of", max as points, 'directAward' as "limit",
           "firstAt", "lastAt"
      from near join entered using (created_by)
     where count >= ${limitFrom.count} and 100 * count >= ${limitFrom.percent} * "of"
     order by count desc, created_by`,
  );
  return found.map(evidence => ({
    kind: 'justUnderLimit',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `直接加分 ${evidence.of} 笔，其中 ${evidence.count} 笔刚好不超过 ${evidence.points} 分上限`,
    en: `${evidence.count} of ${evidence.of} direct awards are at or just below the limit of ${evidence.points} points`,
    evidence,
  }));
}

/** Several awards of one clerk that fill a household's day almost to its cap, on many days or for many households. */
async function justUnderHouseholdDay(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with direct as materialized (
      select a.*, l.max from (${directOf(span)}) a join (${limitsOf(span, 'householdDayMaxPoints')}) l using (business_date)),
    filled as (
      select created_by, household_id, max, min(id::text) as id, min(transaction_number) as transaction_number,
             min(created_at) as created_at
        from direct
       group by created_by, household_id, business_date, max
      having count(*) > 1 and 100 * sum(points) >= ${householdDayPercent} * max)
    select array[created_by] as "userIds", ${firstIds(sql`distinct household_id`, sql`household_id`)} as "householdIds",
           ${firstIds(sql`id`, sql`transaction_number`)} as "awardIds", count(*)::integer as count,
           max(max) as points, 'householdDay' as "limit", ${spanOf(sql`created_at`)}
      from filled
     group by created_by
    having count(*) >= ${householdDaysFrom}
     order by count desc, created_by`,
  );
  return found.map(evidence => ({
    kind: 'justUnderLimit',
    severity: severityOf(evidence.count, householdDaysFrom),
    zh: `有 ${evidence.count} 个户日的加分接近每户每日 ${evidence.points} 分上限`,
    en: `${evidence.count} times a household came close to its daily maximum of ${evidence.points} points`,
    evidence,
  }));
}

/** Many entries in one night, 22:00 to 06:00. */
async function nightEntries(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[created_by] as "userIds", ${firstIds(sql`id`, sql`transaction_number`)} as "awardIds",
           count(*)::integer as count, sum(points)::bigint as points, ${spanOf(sql`created_at`)}
      from (select a.*, a.created_at at time zone 'Asia/Shanghai' as local from (${directOf(span)}) a) a
     where local::time >= '22:00' or local::time < '06:00'
     group by created_by, (local - interval '6 hours')::date
    having count(*) >= ${nightEntriesFrom}
     order by count desc, created_by`,
  );
  return found.map(evidence => ({
    kind: 'nightEntries',
    severity: severityOf(evidence.count, nightEntriesFrom),
    zh: `一夜之间（22 时至次日 6 时）登记 ${evidence.count} 笔，共 ${evidence.points} 分`,
    en: `${evidence.count} awards worth ${evidence.points} points were recorded in one night (22:00 to 06:00)`,
    evidence,
  }));
}

/** One household with a large part of what a clerk has entered, and several times an even share of it. */
async function householdShare(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with direct as materialized (${directOf(span)}),
    own as (
      select created_by, household_id, sum(points) as points, ${firstIds(sql`id`, sql`transaction_number`)} as ids,
             ${spanOf(sql`created_at`)}
        from direct group by created_by, household_id),
    entered as (
      select created_by, count(*) as awards, sum(points) as points, count(distinct household_id) as households
        from direct group by created_by)
    select array[created_by] as "userIds", array[household_id] as "householdIds", ids as "awardIds",
           own.points::integer as count, entered.points::integer as "of", own.points::bigint as points, "firstAt", "lastAt"
      from own join entered using (created_by)
     where awards >= ${shareFrom.awards} and 100 * own.points >= ${shareFrom.percent} * entered.points
       and own.points * households >= ${shareFrom.timesEven} * entered.points
     order by own.points desc, created_by, household_id`,
  );
  return found.map(evidence => ({
    kind: 'householdShare',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `经办的 ${evidence.of} 分中，一户占 ${evidence.count} 分`,
    en: `One household received ${evidence.count} of the ${evidence.of} points this person recorded`,
    evidence,
  }));
}

/** Much of what one person recorded was reversed. */
async function reversedEntries(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[created_by] as "userIds",
           ${firstIds(sql`id`, sql`transaction_number`, sql`state = 'reversed'`)} as "awardIds",
           count(*) filter (where state = 'reversed')::integer as count, count(*)::integer as "of",
           ${spanOf(sql`created_at`)}
      from (${awardsOf(span)}) a
     group by created_by
    having count(*) filter (where state = 'reversed') >= ${reversedFrom.count}
       and 100 * count(*) filter (where state = 'reversed') >= ${reversedFrom.percent} * count(*)
     order by count desc, created_by`,
  );
  return found.map(evidence => ({
    kind: 'reversedEntries',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `登记的 ${evidence.of} 笔中有 ${evidence.count} 笔被冲正`,
    en: `${evidence.count} of ${evidence.of} awards this person recorded were reversed`,
    evidence,
  }));
}

/** A limit of the policy, as it held on each day of the span. */
function limitsOf({ village, from, to }: Span, setting: 'directAwardMaxPoints' | 'householdDayMaxPoints'): SQL {
  return sql`
    select d::date as business_date,
           coalesce((select (policy ->> ${setting}::text)::integer from villages.policy
                      where village = ${village} and valid_from <= d::date
                      order by valid_from desc limit 1), ${defaultPolicy[setting]}::integer) as max
      from generate_series(${from}::timestamp, ${to}::timestamp - interval '1 day', interval '1 day') d`;
}
