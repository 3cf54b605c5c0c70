import { type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { jobActor } from '../db/jobs.ts';
import { evidenceOf, firstIds, percentOf, type Signal, type Span, spanOf } from './signal.ts';

/* Where signals begin; of the same kind as those of awards. */
const proposalsFrom = { count: 5, percent: 50 };
const fastFrom = { count: 3, seconds: 3 };

/** What reversals show: who proposes them, and how long they were looked at. */
export async function reversalSignals(db: Db, span: Span): Promise<Signal[]> {
  return [...(await reversalProposals(db, span)), ...(await fastReversals(db, span))];
}

/** One person proposes most of the village's reversals. */
async function reversalProposals(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    with proposed as materialized (${reversalsOf(span)})
    select array[proposed_by] as "userIds", ${firstIds(sql`id`, sql`proposed_at, id`)} as "reversalIds", count(*)::integer as count,
           (select count(*) from proposed)::integer as "of", ${spanOf(sql`proposed_at`)}
      from proposed
     group by proposed_by
    having count(*) >= ${proposalsFrom.count} and 100 * count(*) >= ${proposalsFrom.percent} * (select count(*) from proposed)
     order by count desc, proposed_by`,
  );
  return found.map(evidence => ({
    kind: 'reversalProposals',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `全村 ${evidence.of} 次冲正申请中，同一人提出 ${evidence.count} 次`,
    en: `One person proposed ${evidence.count} of the village’s ${evidence.of} reversals`,
    evidence,
  }));
}

/** Reversals agreed to in less time than it takes to read them. */
async function fastReversals(db: Db, span: Span): Promise<Signal[]> {
  const found = await evidenceOf(
    db,
    sql`
    select array[decided_by] as "userIds", ${firstIds(sql`id`, sql`proposed_at, id`, sql`fast`)} as "reversalIds",
           count(*) filter (where fast)::integer as count, count(*)::integer as "of", ${spanOf(sql`decided_at`)}
      from (select *, decided_at < proposed_at + make_interval(secs => ${fastFrom.seconds}) as fast
              from (${reversalsOf(span)}) r where state = 'posted') r
     group by decided_by
    having count(*) filter (where fast) >= ${fastFrom.count}
     order by count desc, decided_by`,
  );
  return found.map(evidence => ({
    kind: 'fastDecisions',
    severity: percentOf(evidence.count, evidence.of!),
    zh: `${evidence.of} 次冲正审批中有 ${evidence.count} 次在 ${fastFrom.seconds} 秒内作出`,
    en: `${evidence.count} of ${evidence.of} reversals were approved within ${fastFrom.seconds} seconds`,
    evidence,
  }));
}

/** Not those of an upheld appeal: whoever hears it has looked at the case, and who proposed it is not told. */
function reversalsOf({ village, fromAt, toAt }: Span): SQL {
  return sql`
    select * from earning.reversal
     where village = ${village} and proposed_at >= ${fromAt} and proposed_at < ${toAt} and proposed_by <> ${jobActor}`;
}
