import { randomUUIDv7, timingSafeEqual } from 'node:crypto';
import { and, eq, gt, lt, ne, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Database, rowsOf, type Tx } from '../db/database.ts';
import { householdOfCard } from '../households/cards.ts';
import { provePin } from '../households/prove-pin.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { usePhotos } from '../photos/use.ts';
import { malformed, Refusal } from '../refusals.ts';
import { type SlipView, slipViewOf } from './read.ts';
import { type RedemptionKey, type RedemptionRow, refuseForeign } from './redemption.ts';
import { type Presented, pinTry, redemption, slip } from './tables.ts';

/*
 * What a household shows, so that nobody at a counter spends the points of others alone. At a kiosk it has shown it when
 * its session began.
 */

export interface Shown {
  cardCode?: string | undefined;
  pin?: string | undefined;
  /** Neither: a photo of what the household signed, and why. */
  slip?: { photoId: string; reason: string } | undefined;
}

export interface ShownWithCode extends Shown {
  pickupCode?: string | undefined;
}

/** After so many wrong codes an order's code opens it no more. A check of the table says the same. */
const codeTriesMax = 5;

/** As many as a kiosk bears within an hour. Cards, pick-up codes and slips go on. */
const wrongPerDay = 30;

/** @throws Refusal `identification-required` | `validation-failed` (two of them) */
export function presentedBy(actor: Actor, input: Shown): Presented {
  if (actor.kind === 'household') return actor.level!;
  const { cardCode, pin, slip } = input;
  if (slip !== undefined) {
    if (cardCode === undefined && pin === undefined) return 'slip';
    throw malformed('/slip', 'dependency', {
      zh: '已刷卡或输入密码的，不用再填凭条。',
      en: 'A slip is only accepted without a card and a PIN.',
    });
  }
  if (pin !== undefined) return cardCode === undefined ? 'pin' : 'cardAndPin';
  if (cardCode !== undefined) return 'card';
  throw new Refusal('identification-required');
}

/** @throws Refusal `identification-required` | `validation-failed` (two of them) */
export function presentedAtHandOver(actor: Actor, input: ShownWithCode): Presented | 'pickupCode' {
  if (actor.kind === 'household' || input.pickupCode === undefined) return presentedBy(actor, input);
  const other = (['cardCode', 'pin', 'slip'] as const).find(name => input[name] !== undefined);
  if (other === undefined) return 'pickupCode';
  throw malformed(`/${other}`, 'dependency', {
    zh: '已填取货码的，不用再出示其他凭证。',
    en: 'Only accepted without a pick-up code.',
  });
}

/**
 * Proves the PIN of an order that staff enters. Before its database transaction, in ones of its own: a wrong try counts
 * though the order is refused, at the household and for whoever enters it.
 * @throws Refusal `not-found` | `card-unknown` | `card-revoked` | `pin-wrong` (facts: `attemptsLeft`) | `pin-locked` |
 *   `too-many-requests`
 */
export async function proveShownPin(
  database: Database,
  actor: Actor,
  village: string,
  input: Shown & { householdId?: string | undefined },
  now: Temporal.Instant,
): Promise<void> {
  const { pin, cardCode, householdId } = input;
  if (actor.kind === 'household' || pin === undefined || input.slip !== undefined) return;
  if (cardCode === undefined && householdId === undefined) return;
  const entered = pinsEnteredBy(actor, village, now);
  await provePin(
    database,
    village,
    pin,
    {
      find: tx =>
        cardCode === undefined ? getHouseholdRow(tx, village, householdId!) : householdOfCard(tx, village, cardCode),
      countUnknown: () => Promise.reject(new Refusal('not-found', { field: 'householdId' })),
      counter: {
        async count(tx, household) {
          await entered.count(tx, household!.id);
          return true;
        },
        uncount: entered.uncount,
      },
    },
    now,
  );
}

/**
 * Counts the PINs that one person enters at a counter, whatever households they are for: whoever tries a few at every
 * household enters no more after thirty wrong ones within 24 hours. Each is wrong until it has turned out to be right.
 */
function pinsEnteredBy(actor: Actor, village: string, now: Temporal.Instant) {
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
  const dayAgo = iso(now.subtract({ hours: 24 }));
  const wrong = await tx
    .select({ triedAt: pinTry.triedAt })
    .from(pinTry)
    .where(
      and(
        eq(pinTry.village, village),
        eq(pinTry.userId, actor.id),
        eq(pinTry.wasRight, false),
        gt(pinTry.triedAt, dayAgo),
      ),
    )
    .orderBy(pinTry.triedAt);
  if (wrong.length < wrongPerDay) return;
  const until = Temporal.Instant.from(wrong[0]!.triedAt).add({ hours: 24 });
  const retryAfterSeconds = Math.max(1, Math.ceil(until.since(now).total('seconds')));
  throw new Refusal('too-many-requests', { retryAfterSeconds, policy: 'counterPins', limit: wrongPerDay });
}

/**
 * The same when goods leave; and a wrong pick-up code is counted here, for the refusal must not take the count back.
 * @throws Refusal `not-found` | `pin-wrong` | `pin-locked` | `too-many-requests` | `pickup-code-wrong` (facts: `attemptsLeft`)
 */
export async function proveAtHandOver(
  database: Database,
  actor: Actor,
  key: RedemptionKey,
  input: ShownWithCode,
  now: Temporal.Instant,
): Promise<void> {
  const { village } = key;
  const byKey = and(eq(redemption.village, village), eq(redemption.id, key.redemptionId));
  const { pin, pickupCode } = input;
  if (pin !== undefined && pickupCode === undefined && actor.kind !== 'household') {
    const [row] = await database.inSnapshot(village, db =>
      db.select({ householdId: redemption.householdId }).from(redemption).where(byKey),
    );
    // A card and a PIN are of one household, that of the order: the card is looked at when the goods leave.
    if (row !== undefined) await proveShownPin(database, actor, village, { pin, slip: input.slip, ...row }, now);
  }
  if (pickupCode === undefined) return;
  const [wrong] = await database.inTransaction(village, async tx => {
    const [row] = await tx.select({ householdId: redemption.householdId }).from(redemption).where(byKey);
    if (row !== undefined) refuseForeign(actor, row);
    return tx
      .update(redemption)
      .set({ codeTries: sql`${redemption.codeTries} + 1` })
      .where(and(byKey, ne(redemption.pickupCode, pickupCode), lt(redemption.codeTries, codeTriesMax)))
      .returning({ codeTries: redemption.codeTries });
  });
  if (wrong !== undefined) {
    throw new Refusal('pickup-code-wrong', { attemptsLeft: codeTriesMax - wrong.codeTries });
  }
}

/** Says no to a wrong code, and to any when too many were wrong. @throws Refusal `pickup-code-wrong` */
export function refuseWrongCode(row: RedemptionRow, input: ShownWithCode): void {
  if (input.pickupCode === undefined) return;
  const same = timingSafeEqual(Buffer.from(input.pickupCode), Buffer.from(row.pickupCode!));
  if (!same || row.codeTries >= codeTriesMax) {
    throw new Refusal('pickup-code-wrong', { attemptsLeft: codeTriesMax - row.codeTries });
  }
}

/**
 * One person alone would earn points, set the PIN, and take the goods: who set the PIN last hands out on it no more, nor who
 * issued a card that still counts on cards, until somebody else has made a new one. The database asks once more.
 * @throws Refusal `second-person-required` (facts: `reason`)
 */
export async function refuseOwnProof(
  tx: Tx,
  actor: Actor,
  { village, householdId }: { village: string; householdId: string },
  presented: Presented | 'pickupCode',
): Promise<void> {
  if (actor.kind === 'household') return;
  const [asked] = await rowsOf<{ own: boolean }>(
    tx,
    sql`select households.is_own_proof(${village}, ${actor.id}, ${householdId}, ${presented}) as own`,
  );
  if (asked!.own) throw new Refusal('second-person-required', { reason: 'ownProof' });
}

/** A card of somebody else's fetches nothing. @throws Refusal `card-unknown` | `card-revoked` */
export async function refuseForeignCard(tx: Tx, actor: Actor, row: RedemptionRow, input: Shown): Promise<void> {
  if (actor.kind === 'household' || input.cardCode === undefined) return;
  const { id } = await householdOfCard(tx, row.village, input.cardCode);
  if (id !== row.householdId) throw new Refusal('card-unknown');
}

/**
 * Keeps the slip that was shown. Its photo is of this household, and shows one slip only.
 * @throws Refusal `not-found` (facts: `field`) | `photo-reused`
 */
export async function recordSlip(
  tx: Tx,
  actor: Actor,
  row: RedemptionRow,
  step: 'order' | 'handOver',
  input: Shown['slip'],
  now: Temporal.Instant,
): Promise<SlipView[]> {
  if (input === undefined || actor.kind === 'household') return [];
  const { village, householdId } = row;
  const id = randomUUIDv7();
  await usePhotos(tx, village, { claimId: id, householdId, photoIds: [input.photoId] }, now);
  const made = await tx
    .insert(slip)
    .values({ village, id, redemptionId: row.id, step, ...input, recordedBy: actor.id, recordedAt: iso(now) })
    .returning();
  return made.map(slipViewOf);
}
