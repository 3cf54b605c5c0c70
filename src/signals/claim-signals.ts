import { type SQL, sql } from 'drizzle-orm';
import { instantText } from '../book/transactions.ts';
import type { Db } from '../db/database.ts';
import { evidenceOf, firstIds, percentOf, type Signal, type Span, severityOf, spanOf } from './signal.ts';

/* Where signals begin; of the same kind as those of awards. */
const concentrationFrom = { decided: 10, percent: 70 };
const fastFrom = { count: 5, seconds: 3 };
const secondFrom = { count: 5, percent: 50 };
const nightEntriesFrom = 10;
/** Of 64 bits: pictures that differ in no more were saved anew, made smaller or brighter. */
const distanceMax = 6;
/** Every photo is compared with every other one: two thousand make two million pairs, which take a second. */
const photosMax = 2_000;

/** What claims, decisions on them and their photos show. */
export async function claimSignals(db: Db, span: Span): Promise<Signal[]> {
  return [
    ...(await reviewerConcentration(db, span)),
    ...(await fastApprovals(db, span)),
    ...(await justUnderSecondApprover(db, span)),
    ...(await nightClaims(db, span)),
    ...(await nearDuplicatePhotos(db, span)),
  ];
}

function decisionsOf({ village, fromAt, toAt }: Span): SQL {
  return sql`
    select * from claims.decision where village = ${village} and decided_at >= ${fromAt} and decided_at < ${toAt}`;
}

/** Claims that staff filed for households. */
function enteredOf({ village, fromAt, toAt }: Span): SQL {
  return sql`
    select * from claims.claim
     where village = ${village} and submitted_at >= ${fromAt} and submitted_at < ${toAt} and on_behalf`;
}

/** One reviewer decides on most of what one clerk files. Votes of a panel say nothing: every member votes on much of it. */
async function reviewerConcentration(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with reviewed as materialized (
      select d.claim_id, d.submitted_by, d.decided_by, d.decided_at
        from (${decisionsOf(span)}) d
       where d.step = 'firstReview' and d.submitted_by <> d.household_id),
    filed as (select submitted_by, count(distinct claim_id)::integer as "of" from reviewed group by submitted_by),
    pairs as (
      select submitted_by, decided_by, count(distinct claim_id)::integer as count,
             ${firstIds(sql`claim_id`, sql`decided_at, claim_id`)} as ids, ${spanOf(sql`decided_at`)}
        from reviewed group by submitted_by, decided_by)
    select array[submitted_by, decided_by] as "userIds", ids as "claimIds", count, "of", "firstAt", "lastAt"
      from pairs join filed using (submitted_by)
     where "of" >= ${concentrationFrom.decided} and 100 * count >= ${concentrationFrom.percent} * "of"
     order by count desc, submitted_by, decided_by`,
  );
  return found.map(evidence => ({
    kind: 'reviewerConcentration',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `同一经办人的 ${evidence.of} 件申报，${evidence.count} 件由同一人审核`,
    en: `One reviewer decided ${evidence.count} of the ${evidence.of} claims one person filed`,
    evidence,
  }));
}

/**
 * Yeses in less than three seconds each, since the same person's last decision or since the claim was filed. Several at
 * one instant, which a list decides together, have three seconds each from the decision before them.
 */
async function fastApprovals(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with together as (
      select d.decided_by, d.decided_at, count(*) as decided, max(c.submitted_at) as filed_at,
             count(*) filter (where verdict in ('pass', 'approve')) as yes,
             array_agg(d.claim_id order by d.claim_id) filter (where verdict in ('pass', 'approve')) as ids
        from (${decisionsOf(span)}) d
        join claims.claim c on c.village = d.village and c.id = d.claim_id
       group by d.decided_by, d.decided_at),
    timed as (
      select *, decided_at < make_interval(secs => ${fastFrom.seconds}::integer * decided)
               + greatest(filed_at, lag(decided_at) over (partition by decided_by order by decided_at)) as fast
        from together)
    select array[decided_by] as "userIds", sum(yes) filter (where fast)::integer as count, sum(yes)::integer as "of",
           (select (array_agg(id order by t.decided_at, id))[1:20]
              from timed t, unnest(t.ids) id where t.decided_by = timed.decided_by and t.fast) as "claimIds",
           ${spanOf(sql`case when fast then decided_at end`)}
      from timed
     group by decided_by
    having sum(yes) filter (where fast) >= ${fastFrom.count}
     order by count desc, decided_by`,
  );
  return found.map(evidence => ({
    kind: 'fastDecisions',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `${evidence.of} 次同意中有 ${evidence.count} 次不到 ${fastFrom.seconds} 秒`,
    en: `${evidence.count} of ${evidence.of} approvals took less than ${fastFrom.seconds} seconds`,
    evidence,
  }));
}

/** The largest quantity that needs no second approver. */
async function justUnderSecondApprover(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with entered as materialized (${enteredOf(span)}),
    near as (
      select submitted_by, max(second_from_points) as points, count(*)::integer as count,
             ${firstIds(sql`id`, sql`submitted_at, id`)} as ids, ${spanOf(sql`submitted_at`)}
        from entered
       where custom_points is null and quantity > 1 and unit_points * quantity < second_from_points
         and unit_points * (quantity + 1) >= second_from_points
       group by submitted_by),
    filed as (select submitted_by, count(*)::integer as "of" from entered group by submitted_by)
    select array[submitted_by] as "userIds", ids as "claimIds", count, "of", points, 'secondApprover' as "limit",
           "firstAt", "lastAt"
      from near join filed using (submitted_by)
     where count >= ${secondFrom.count} and 100 * count >= ${secondFrom.percent} * "of"
     order by count desc, submitted_by`,
  );
  return found.map(evidence => ({
    kind: 'justUnderLimit',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `代为申报 ${evidence.of} 件，其中 ${evidence.count} 件刚好低于 ${evidence.points} 分复核线`,
    en: `${evidence.count} of ${evidence.of} claims are just below the ${evidence.points} points that require a second approval`,
    evidence,
  }));
}

/** Many claims that one person files in one night, 22:00 to 06:00. */
async function nightClaims(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[submitted_by] as "userIds", ${firstIds(sql`id`, sql`submitted_at, id`)} as "claimIds",
           count(*)::integer as count, ${spanOf(sql`submitted_at`)}
      from (select *, submitted_at at time zone 'Asia/Shanghai' as local from (${enteredOf(span)}) c) c
     where local::time >= '22:00' or local::time < '06:00'
     group by submitted_by, (local - interval '6 hours')::date
    having count(*) >= ${nightEntriesFrom}
     order by count desc, submitted_by`,
  );
  return found.map(evidence => ({
    kind: 'nightEntries',
    severity: severityOf(evidence.count, nightEntriesFrom),
    zh: `一夜之间（22 时至次日 6 时）代为申报 ${evidence.count} 件`,
    en: `${evidence.count} claims were filed on behalf of others in one night (22:00 to 06:00)`,
    evidence,
  }));
}

/**
 * Photos of two claims that are almost one picture. Only pictures as they are: a reviewer is shown turned, mirrored and
 * cut ones beside the claim, which is too much to compare for all.
 */
async function nearDuplicatePhotos(db: Db, span: Span): Promise<Signal[]> {
  const { village, fromAt, toAt } = span;
  const found = await evidenceOf(
    db,
    sql`
    with shown as materialized (
      select p.id, p.views[1] as hash, c.id as claim_id, c.household_id, c.submitted_at,
             case when c.on_behalf then c.submitted_by end as clerk
        from claims.claim c
       cross join unnest(c.photo_ids) photo_id
        join photos.photo p on p.village = c.village and p.id = photo_id
       where c.village = ${village} and c.submitted_at >= ${fromAt} and c.submitted_at < ${toAt}
         and c.state not in ('withdrawn', 'rejected')
       order by c.submitted_at desc, p.id
       limit ${photosMax})
    select array[a.id, b.id] as "photoIds", array[a.claim_id, b.claim_id] as "claimIds",
           case when a.household_id = b.household_id then array[a.household_id]
                else array[a.household_id, b.household_id] end as "householdIds",
           array_remove(array[a.clerk, nullif(b.clerk, a.clerk)], null) as "userIds",
           bit_count((a.hash # b.hash)::bit(64))::integer as count, 64 as "of",
           ${instantText(sql`a.submitted_at`)} as "firstAt", ${instantText(sql`b.submitted_at`)} as "lastAt"
      from shown a
      join shown b on (a.submitted_at, a.id) < (b.submitted_at, b.id) and a.claim_id <> b.claim_id
           and bit_count((a.hash # b.hash)::bit(64)) <= ${distanceMax}
     order by a.household_id = b.household_id, count, a.id, b.id`,
  );
  return found.map(evidence => ({
    kind: 'nearDuplicatePhotos',
    // Another household's picture weighs more than the own courtyard from the same place.
    severity: (evidence.householdIds.length > 1 ? 90 : 50) - evidence.count,
    zh: `两件申报的照片几乎相同（64 位中相差 ${evidence.count} 位）`,
    en: `Photos of two claims are nearly identical (${evidence.count} of 64 bits differ)`,
    evidence,
  }));
}
