import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Database, rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { findRedemptionByCode, getRedemptionByNumber, type RedemptionView } from './read.ts';
import { codeTry } from './tables.ts';

/** Digits are misread now and then; whoever misses more often within an hour is guessing. */
const missesPerHour = 10;

/**
 * The order that a slip is for: by the number in its QR code, or by the pick-up code that is said. A number proves nothing
 * and is no secret, so it may be asked for at will.
 * @throws Refusal `not-found` | `too-many-requests` (facts: `retryAfterSeconds`)
 */
export function lookUp(
  database: Database,
  actor: Actor,
  village: string,
  asked: { pickupCode?: string | undefined; number?: string | undefined },
  now: Temporal.Instant,
): Promise<RedemptionView> {
  const { pickupCode, number } = asked;
  if (pickupCode !== undefined) return lookUpCode(database, actor, village, pickupCode, now);
  return database.inSnapshot(village, db => getRedemptionByNumber(db, actor, village, number!));
}

/**
 * The order that waits under a pick-up code. Codes that none has are counted for whoever says them, and the count stands
 * though the answer is no.
 * @throws Refusal `not-found` | `too-many-requests` (facts: `retryAfterSeconds`)
 */
async function lookUpCode(
  database: Database,
  actor: Actor,
  village: string,
  pickupCode: string,
  now: Temporal.Instant,
): Promise<RedemptionView> {
  const found = await database.inTransaction(village, async tx => {
    await countLookUp(tx, actor, village, now);
    const view = await findRedemptionByCode(tx, actor, village, pickupCode);
    if (view !== undefined) await forgetLookUp(tx, actor, village);
    return view;
  });
  if (found === undefined) throw new Refusal('not-found');
  return found;
}

/** Counted before it is looked at, so that a hundred guesses at once are still ten. @throws Refusal `too-many-requests` */
async function countLookUp(tx: Tx, actor: Actor, village: string, now: Temporal.Instant): Promise<void> {
  const hourAgo = iso(now.subtract({ hours: 1 }));
  const counted = await rowsOf(
    tx,
    sql`
    insert into store.code_try as t (village, user_id, since, tries) values (${village}, ${actor.id}, ${iso(now)}, 1)
    on conflict (village, user_id) do update
      set tries = case when t.since <= ${hourAgo}::timestamptz then 1 else t.tries + 1 end,
          since = case when t.since <= ${hourAgo}::timestamptz then excluded.since else t.since end
    where t.since <= ${hourAgo}::timestamptz or t.tries < ${missesPerHour}
    returning t.tries`,
  );
  if (counted.length === 1) return;
  const [row] = await tx.select().from(codeTry).where(byActor(actor, village));
  const until = Temporal.Instant.from(row!.since).add({ hours: 1 });
  const retryAfterSeconds = Math.max(1, Math.ceil(until.since(now).total('seconds')));
  throw new Refusal('too-many-requests', { retryAfterSeconds, policy: 'pickupCode' });
}

async function forgetLookUp(tx: Tx, actor: Actor, village: string): Promise<void> {
  await tx
    .update(codeTry)
    .set({ tries: sql`${codeTry.tries} - 1` })
    .where(byActor(actor, village));
}

function byActor(actor: Actor, village: string) {
  return and(eq(codeTry.village, village), eq(codeTry.userId, actor.id));
}
