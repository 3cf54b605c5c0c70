import { randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { instantText } from '../book/transactions.ts';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { pinTry } from './tables.ts';

/** As many as a kiosk bears within an hour. Cards, pick-up codes and slips go on. */
const wrongPerDay = 30;

/**
 * Counts the PINs that one person enters at a counter, whatever households they are for: whoever tries a few at every
 * household enters no more after thirty wrong ones within 24 hours. Each is wrong until it has turned out to be right.
 */
export function pinsEnteredBy(actor: Actor, village: string, now: Temporal.Instant) {
  const id = randomUUIDv7();
  return {
    /** @throws Refusal `too-many-requests` (facts: `policy`, `limit`, `retryAfterSeconds`) */
    async count(tx: Tx, householdId: string): Promise<void> {
      // Locked in one statement, counted in the next: of many at once, each sees those before it.
      await tx.execute(
        sql`select pg_advisory_xact_lock(hashtextextended(${`counter-pins:${village}:${actor.id}`}, 0))`,
      );
      await refuseMany(tx, actor, village, now);
      await tx.insert(pinTry).values({ village, id, userId: actor.id, householdId, triedAt: iso(now) });
    },
    async uncount(tx: Tx): Promise<void> {
      await tx
        .update(pinTry)
        .set({ wasRight: true })
        .where(and(eq(pinTry.village, village), eq(pinTry.id, id)));
    },
  };
}

/** @throws Refusal `too-many-requests` */
async function refuseMany(tx: Tx, actor: Actor, village: string, now: Temporal.Instant): Promise<void> {
  const [row] = await rowsOf<{ wrong: number; firstAt: string | null }>(
    tx,
    sql`
    select count(*)::integer as wrong, ${instantText(sql`min(tried_at)`)} as "firstAt" from store.pin_try
     where village = ${village} and user_id = ${actor.id} and not was_right
       and tried_at > ${iso(now.subtract({ hours: 24 }))}`,
  );
  if (row!.wrong < wrongPerDay) return;
  const until = Temporal.Instant.from(row!.firstAt!).add({ hours: 24 });
  const retryAfterSeconds = Math.max(1, Math.ceil(until.since(now).total('seconds')));
  throw new Refusal('too-many-requests', { retryAfterSeconds, policy: 'counterPins', limit: wrongPerDay });
}
