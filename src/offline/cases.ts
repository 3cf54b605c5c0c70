import { randomUUIDv7 } from 'node:crypto';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { endAllowance } from '../allowances/end.ts';
import { openAllowancesAt } from '../allowances/read.ts';
import { dayOf, iso } from '../calendar.ts';
import { type Db, one, type Tx } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import type { KioskKey } from '../kiosks/kiosk.ts';
import { getKioskRow, type KioskRow } from '../kiosks/read.ts';
import { retireKiosk } from '../kiosks/suspend.ts';
import { lockBook } from '../ledger/post.ts';
import { refuseKnownOp } from '../redemptions/redemption.ts';
import { Refusal } from '../refusals.ts';
import { effectiveOp, lockHead, moveHead, opsByHash } from './chain.ts';
import { momentOf } from './clock.ts';
import { postHandOver } from './hand-over.ts';
import { readOp } from './signed-op.ts';
import { type CaseDecision, type CaseKind, offlineCase } from './tables.ts';

type CaseRow = typeof offlineCase.$inferSelect;

interface CaseView extends Omit<CaseRow, 'village'> {
  state: 'open' | 'proposed' | 'resolved';
  /** The operation it is about, as the device signed it. */
  jws: string | null;
}

/** What may be decided on a case of each kind. */
const decisions: Record<CaseKind, readonly CaseDecision[]> = {
  exception: ['noted'],
  opRefused: ['noted', 'booked'],
  chainBroken: ['noted', 'booked'],
  deviceLost: ['writtenOff', 'dismissed'],
  opsLost: ['continued', 'dismissed'],
};

/** Opens a case about an operation, in the database transaction of its verdict. */
export async function openCase(
  tx: Tx,
  key: KioskKey,
  about: Pick<CaseRow, 'kind' | 'opHash' | 'householdId' | 'exceptions'>,
  now: Temporal.Instant,
): Promise<void> {
  await tx.insert(offlineCase).values({ ...key, ...about, id: randomUUIDv7(), openedAt: iso(now) });
}

/**
 * Reports a device, or operations of it, as lost: a case that needs a second person's word. Nothing happens before.
 * @throws Refusal `not-found` | `wrong-state` (retired, or nothing is lost before `continueAt`) | `already-exists`
 */
export async function reportLoss(
  tx: Tx,
  actor: Actor,
  key: KioskKey,
  input: { kind: 'deviceLost' | 'opsLost'; continueAt?: number | undefined; note: string },
  now: Temporal.Instant,
): Promise<CaseView> {
  const kiosk = await getKioskRow(tx, key.village, key.kioskId);
  const { kind, note } = input;
  if (kind === 'deviceLost') refuseRetired(kiosk);
  const continueAt =
    kind === 'opsLost' ? continuing(await lockHead(tx, key, kiosk.thumbprint), input.continueAt) : null;
  const [row] = await tx
    .insert(offlineCase)
    .values({
      ...key,
      id: randomUUIDv7(),
      kind,
      opHash: null,
      householdId: null,
      exceptions: [],
      continueAt,
      openedAt: iso(now),
      decision: kind === 'deviceLost' ? 'writtenOff' : 'continued',
      note,
      proposedBy: actor.id,
      proposedAt: iso(now),
    })
    .returning();
  return viewOf(row!, null);
}

/**
 * Decides on a case. The first call proposes; the same decision by a second person resolves it, and only then does anything
 * happen. Another decision takes the place of the one that was proposed.
 * @throws Refusal `not-found` | `wrong-state` (resolved, or a decision that cases of its kind do not have) |
 *   `second-person-required` | `own-household` | `already-exists` (booked: the exchange is in the book)
 */
export async function resolveCase(
  tx: Tx,
  actor: Actor,
  key: { village: string; caseId: string },
  input: { decision: CaseDecision; note: string },
  now: Temporal.Instant,
): Promise<CaseView> {
  const byKey = and(eq(offlineCase.village, key.village), eq(offlineCase.id, key.caseId));
  const { kioskId } = one(await tx.select({ kioskId: offlineCase.kioskId }).from(offlineCase).where(byKey));
  const kiosk = await getKioskRow(tx, key.village, kioskId);
  // The chain before the case, as an upload locks them.
  await lockHead(tx, { village: key.village, kioskId }, kiosk.thumbprint);
  const row = one(await tx.select().from(offlineCase).where(byKey).for('update'));
  if (row.resolvedAt !== null) throw new Refusal('wrong-state', { state: 'resolved', since: row.resolvedAt });
  if (!decisions[row.kind].includes(input.decision)) {
    throw new Refusal('wrong-state', { state: row.kind, allowedFrom: [...decisions[row.kind]] });
  }
  if (row.householdId !== null) await refuseKin(tx, actor, key.village, [row.householdId]);
  if (row.decision !== input.decision) {
    const proposal = { ...input, proposedBy: actor.id, proposedAt: iso(now) };
    await tx.update(offlineCase).set(proposal).where(byKey);
    return getCase(tx, key.village, key.caseId);
  }
  if (row.proposedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: row.proposedBy });
  const transactionNumber = await carryOut(tx, actor, row, kiosk, now);
  await tx
    .update(offlineCase)
    .set({ resolvedBy: actor.id, resolvedAt: iso(now), transactionNumber })
    .where(byKey);
  return getCase(tx, key.village, key.caseId);
}

/** Cases of a village, the latest first. */
export async function listCases(
  db: Db,
  village: string,
  query: { kioskId?: string | undefined; open?: boolean | undefined; limit: number; cursor?: string | undefined },
): Promise<Page<CaseView>> {
  const filters = { list: 'kioskCases', village, kioskId: query.kioskId, open: query.open };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(offlineCase)
    .where(
      and(
        eq(offlineCase.village, village),
        query.kioskId === undefined ? undefined : eq(offlineCase.kioskId, query.kioskId),
        query.open === true ? isNull(offlineCase.resolvedAt) : undefined,
        start && lt(offlineCase.id, start[0]),
      ),
    )
    .orderBy(desc(offlineCase.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(row => viewOf(row, null)) };
}

/** @throws Refusal `not-found` */
export async function getCase(db: Db, village: string, id: string): Promise<CaseView> {
  const row = one(
    await db
      .select()
      .from(offlineCase)
      .where(and(eq(offlineCase.village, village), eq(offlineCase.id, id))),
  );
  const signed = row.opHash === null ? undefined : (await opsByHash(db, row, [row.opHash])).get(row.opHash);
  return viewOf(row, signed?.jws ?? null);
}

/** What two people agreed on. Answers the number of the transaction, where one was posted. */
async function carryOut(
  tx: Tx,
  actor: Actor,
  row: CaseRow,
  kiosk: KioskRow,
  now: Temporal.Instant,
): Promise<number | null> {
  const key = { village: row.village, kioskId: row.kioskId };
  if (row.decision === 'booked') return book(tx, row, kiosk, now);
  if (row.decision === 'continued') {
    const { ackedSeq } = await lockHead(tx, key, kiosk.thumbprint);
    // Meanwhile some of them may have come after all.
    if (row.continueAt! - 1 > ackedSeq) await moveHead(tx, key, { ackedSeq: row.continueAt! - 1, ackedHash: null });
  }
  if (row.decision === 'writtenOff') {
    if (kiosk.state !== 'retired') await retireKiosk(tx, key, now);
    await lockBook(tx, key.village);
    const event = {
      actor: row.proposedBy!,
      approver: actor.id,
      occurredAt: iso(now),
      businessDate: dayOf(now).toString(),
    };
    for (const open of await openAllowancesAt(tx, key)) await endAllowance(tx, event, open, 'writtenOff', now);
  }
  return null;
}

/**
 * Posts the goods of an operation that was refused, as two people found that they were handed over. The device stays the
 * actor, for it signed; the case says who agreed.
 */
async function book(tx: Tx, row: CaseRow, kiosk: KioskRow, now: Temporal.Instant): Promise<number> {
  const { village, kioskId } = row;
  const stored = (await opsByHash(tx, row, [row.opHash!])).get(row.opHash!)!;
  const signed = await readOp(stored.jws, { kioskId, publicKey: kiosk.publicKey });
  if (signed.kind !== 'good' || signed.op.type !== 'redeem') {
    throw new Refusal('wrong-state', { state: row.kind, allowedFrom: ['noted'] });
  }
  const { op } = signed;
  await refuseKnownOp(tx, village, op.opId);
  const known = await effectiveOp(tx, village, op.opId);
  if (known !== undefined) throw new Refusal('already-exists', { field: 'opId', existingId: op.opId });
  const bounds = {
    earliest: Temporal.Instant.from(kiosk.pairedAt),
    latest: Temporal.Instant.from(stored.receivedAt),
  };
  const posted = await postHandOver(tx, kiosk, op, momentOf(op, bounds), now);
  if (posted === null) throw new Refusal('wrong-state', { state: row.kind, allowedFrom: ['noted'] });
  return posted.transactionNumber;
}

function refuseRetired({ state, stateSince }: KioskRow): void {
  if (state === 'retired') throw new Refusal('wrong-state', { state, since: stateSince });
}

function continuing({ ackedSeq }: { ackedSeq: number }, continueAt = 0): number {
  if (continueAt > ackedSeq + 1) return continueAt;
  throw new Refusal('out-of-bounds', { field: 'continueAt', min: ackedSeq + 2, max: Number.MAX_SAFE_INTEGER });
}

function viewOf({ village, ...row }: CaseRow, jws: string | null): CaseView {
  const state = row.resolvedAt !== null ? 'resolved' : row.proposedAt !== null ? 'proposed' : 'open';
  return { ...row, state, jws };
}
