import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { closeQueue } from './notice.ts';
import { getNotice, type NoticeView } from './read.ts';

/**
 * Publishes what stands on no notice yet, at most 1,000 awards: those that wait for it, and those that could be spent at
 * once. From tomorrow on it stands there for as many full days as the policy says of whatever may be on it; a job closes
 * it at the midnight after. The function in the database chooses and copies the lines, and holds that nobody publishes
 * what went through the own hands.
 * @throws Refusal `nothing-waits` | `second-person-required` (facts: `lines`, how many are the caller's own; with
 *   `skipOwn` they are left for somebody else)
 */
export async function publish(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { skipOwn?: boolean | undefined },
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<NoticeView> {
  const id = randomUUIDv7();
  const today = dayOf(now);
  const policy = await policyOn(tx, village, today);
  const days = Math.max(policy.publicityDays, policy.directAwardPublicityDays);
  const startsOn = today.add({ days: 1 }).toString();
  const [answer] = await rowsOf<{ result: { lines: number; own: number } }>(
    tx,
    sql`select publicity.publish(${village}, ${id}, ${actor.id}, ${startsOn}, ${days}, ${input.skipOwn ?? false},
                                 ${iso(now)}) as result`,
  );
  const { lines, own } = answer!.result;
  if (own > 0) throw new Refusal('second-person-required', { lines: own });
  if (lines === 0) throw new Refusal('nothing-waits');
  const notice = await getNotice(tx, village, id);
  await jobs.send(tx, closeQueue, { village, noticeId: id }, { key: id, startAfter: notice.endsAt });
  return notice;
}
