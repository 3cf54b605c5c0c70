import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { NoticeRow } from './read.ts';
import { notice } from './tables.ts';

/** The row of a notice: how it is locked and closed. It is written by a function of the database (publish.ts). */

export interface NoticeKey {
  village: string;
  noticeId: string;
}

/** A job for each notice, at the midnight after its last day. */
export const closeQueue = 'publicity.close';

/** @throws Refusal `not-found` */
export async function lockNotice(tx: Tx, key: NoticeKey): Promise<NoticeRow> {
  return one(await tx.select().from(notice).where(byKey(key)).for('update'));
}

export async function markClosed(tx: Tx, key: NoticeKey, now: Temporal.Instant): Promise<void> {
  await tx
    .update(notice)
    .set({ state: 'closed', closedAt: iso(now) })
    .where(byKey(key));
}

function byKey({ village, noticeId }: NoticeKey) {
  return and(eq(notice.village, village), eq(notice.id, noticeId));
}
