import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { releaseEach } from '../earning/release.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { isPaused } from './lines.ts';
import { closeQueue, lockNotice, markClosed, type NoticeKey } from './notice.ts';
import { getNotice, type NoticeView } from './read.ts';

/** Awards of one database transaction: for as long as it takes, the village waits. */
const batchSize = 100;

/**
 * Closes a notice whose last day has ended: what nobody objects to becomes spendable, a hundred awards now and the rest in
 * the background.
 * @throws Refusal `not-found` | `publicity-running` (facts: `endsAt`)
 */
export async function close(
  tx: Tx,
  actor: Actor,
  key: NoticeKey,
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<NoticeView> {
  const { endsAt } = await getNotice(tx, key.village, key.noticeId);
  if (isBefore(now, endsAt)) throw new Refusal('publicity-running', { endsAt });
  // Sent before the book is locked.
  await jobs.send(tx, closeQueue, key, { key: key.noticeId, startAfter: iso(now) });
  await closeBatch(tx, key, actor.id, now);
  return getNotice(tx, key.village, key.noticeId);
}

/**
 * Releases the next awards of a notice that has ended, and answers whether there may be more; with the last it is closed.
 * Each was pending and is not afterwards, so that closing goes on where it was broken off, and two at once double nothing.
 */
export async function closeBatch(tx: Tx, key: NoticeKey, actorId: string, now: Temporal.Instant): Promise<boolean> {
  const { village, noticeId } = key;
  const row = await lockNotice(tx, key);
  if (row.state === 'closed' || isBefore(now, row.endsAt)) return false;
  const next = await rowsOf<{ id: string }>(
    tx,
    sql`
    select a.id
      from earning.award a
     where a.village = ${village} and a.state = 'pending' and not ${isPaused(sql`a`)}
       and (select l.notice_id from publicity.line l where l.village = a.village and l.award_id = a.id) = ${noticeId}
     order by a.transaction_number
     limit ${batchSize}
       for update of a`,
  );
  await releaseUnpaused(
    tx,
    village,
    next.map(({ id }) => id),
    actorId,
    now,
  );
  if (next.length === batchSize) return true;
  await markClosed(tx, key, now);
  return false;
}

/**
 * Lets an award go on whose case was decided: when its notice has ended meanwhile and nobody else objects, its points can
 * be spent from now. The award is locked.
 */
export async function goOn(
  tx: Tx,
  village: string,
  awardId: string,
  actorId: string,
  now: Temporal.Instant,
): Promise<void> {
  const ended = await rowsOf<{ id: string }>(
    tx,
    sql`
    select l.award_id as id
      from publicity.line l
      join publicity.notice n on n.village = l.village and n.id = l.notice_id
     where l.village = ${village} and l.award_id = ${awardId} and n.ends_at <= ${iso(now)}`,
  );
  await releaseUnpaused(
    tx,
    village,
    ended.map(({ id }) => id),
    actorId,
    now,
  );
}

export function isBefore(now: Temporal.Instant, endsAt: string): boolean {
  return Temporal.Instant.compare(now, Temporal.Instant.from(endsAt)) < 0;
}

/** Asks again under the locks: an objection that held one of them first has been written by now. */
async function releaseUnpaused(tx: Tx, village: string, awardIds: string[], actorId: string, now: Temporal.Instant) {
  if (awardIds.length === 0) return;
  const free = await rowsOf<{ id: string }>(
    tx,
    sql`
    select a.id from earning.award a
     where a.village = ${village} and a.id = any(${sql.param(awardIds)}::uuid[]) and not ${isPaused(sql`a`)}`,
  );
  const by = { actor: actorId, businessDate: dayOf(now).toString() };
  await releaseEach(
    tx,
    village,
    free.map(({ id }) => id),
    by,
    now,
  );
}
