import { sql } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import { type AwardInput, awardEach } from '../earning/award.ts';
import { type AwardContext, readContexts } from '../earning/validate-award.ts';
import { type Actor, holds, type Role } from '../http/route.ts';
import { giveBackPhotos } from '../photos/use.ts';
import { malformed, Refusal, type Sentence } from '../refusals.ts';
import { byItself } from './by-itself.ts';
import { type ClaimKey, decideStep, lockClaims } from './claim.ts';
import { type ClaimView, digestsOf, getClaim, getClaimRow, listByIds, listClaimRows, listDecisions } from './read.ts';
import type { ClaimRow, ClaimState, DecisionRow, Step, Verdict } from './tables.ts';

/** What somebody decides. */
interface Decided {
  step: Step;
  verdict: Verdict;
  /** Units that are granted; all when absent. */
  quantity?: number | undefined;
  /** Required with everything but a yes. */
  reason: string | null;
}

/** Who decides each step. Roles of a supervisor lie one level up from every village. */
const deciders: Record<Step, Role> = { firstReview: 'reviewer', panel: 'reviewer', second: 'supervisor' };

/**
 * Decides one step of a claim. With the last yes the award is made in the same database transaction: what the book
 * refuses is the answer, and the claim stands as before.
 * @throws Refusal `forbidden` | `not-found` | `validation-failed` (`/reason`) | `second-person-required` | `own-household` |
 *   `wrong-state` | `already-exists` (a second vote) | `review-taken` | `out-of-bounds` | whatever an award is refused with
 */
export async function decideClaim(
  tx: Tx,
  actor: Actor,
  key: ClaimKey,
  decided: Decided,
  now: Temporal.Instant,
): Promise<ClaimView> {
  const state = await decideOne(tx, actor, key, decided, now);
  if (state === 'approved') {
    const [refusal] = (await awardClaims(tx, actor, key.village, [key.claimId], now)).values();
    if (refusal !== undefined) throw refusal;
  }
  return getClaim(tx, actor, key.village, key.claimId);
}

/** Says no to what waits for the first review or for the second person, whichever it is. */
export async function rejectClaim(
  tx: Tx,
  actor: Actor,
  key: ClaimKey,
  { reason }: { reason: string },
  now: Temporal.Instant,
): Promise<ClaimView> {
  const { state } = await getClaimRow(tx, key);
  const step = state === 'awaitingSecond' ? 'second' : 'firstReview';
  return decideClaim(tx, actor, key, { step, verdict: 'reject', reason }, now);
}

/** Decides a list, each by itself: one that is refused harms no other. */
export async function decideEach(
  tx: Tx,
  actor: Actor,
  village: string,
  items: (Decided & { claimId: string })[],
  now: Temporal.Instant,
): Promise<(ClaimView | Refusal)[]> {
  const ids = [...new Set(items.map(item => item.claimId))];
  // All of them first, in their order, and with their households: whoever has locked the book waits for nobody.
  const rows = await lockClaims(tx, village, ids);
  const answers = await decideBatch(tx, actor, village, items, rows, now);
  const views = new Map((await listByIds(tx, actor, village, ids)).map(view => [view.id, view]));
  return answers.map((answer, place) => answer ?? views.get(items[place]!.claimId)!);
}

/**
 * Decides a list whose claims are locked, and makes all its awards at once in the end, so that the book is locked for as short
 * as can be. What the book refuses leaves its claim as it was: then all is undone, and decided again without that. Answers
 * the refusal of each.
 */
async function decideBatch(
  tx: Tx,
  actor: Actor,
  village: string,
  items: (Decided & { claimId: string })[],
  rows: ClaimRow[],
  now: Temporal.Instant,
): Promise<(Refusal | undefined)[]> {
  const contexts = rows.length === 0 ? undefined : await contextsOf(tx, rows);
  const refusedByBook = new Map<number, Refusal>();
  for (;;) {
    await tx.execute(sql`savepoint batch`);
    const approved: { claimId: string; place: number }[] = [];
    const answers: (Refusal | undefined)[] = [];
    for (const [place, { claimId, ...decided }] of items.entries()) {
      const answer =
        refusedByBook.get(place) ??
        (await byItself(tx, () => decideOne(tx, actor, { village, claimId }, decided, now)));
      if (answer === 'approved') approved.push({ claimId, place });
      answers.push(answer instanceof Refusal ? answer : undefined);
    }
    const approvedIds = approved.map(({ claimId }) => claimId);
    const refused = await awardClaims(tx, actor, village, approvedIds, now, contexts);
    if (refused.size > 0) await tx.execute(sql`rollback to savepoint batch`);
    await tx.execute(sql`release savepoint batch`);
    if (refused.size === 0) return answers;
    for (const { claimId, place } of approved) {
      const refusal = refused.get(claimId);
      if (refusal !== undefined) refusedByBook.set(place, refusal);
    }
  }
}

/** Decides one step of one claim, but for its award. Answers where it stands now. */
async function decideOne(
  tx: Tx,
  actor: Actor,
  key: ClaimKey,
  decided: Decided,
  now: Temporal.Instant,
): Promise<ClaimState> {
  const { step, verdict, quantity, reason } = decided;
  refuseForm(actor, key.village, decided);
  const state = await decideStep(tx, actor.id, key, { step, verdict, quantity, reason }, now);
  if (state === 'rejected') {
    const { photoIds } = await getClaimRow(tx, key);
    await giveBackPhotos(tx, key.village, key.claimId, photoIds);
  }
  return state;
}

function refuseForm(actor: Actor, village: string, { step, verdict, reason }: Decided): void {
  const role = deciders[step];
  if (!holds(actor, village, [role])) throw new Refusal('forbidden', { requiredRoles: [role] });
  const wrong = (pointer: string, detail: Sentence) => malformed(pointer, 'required', detail);
  if ((step === 'firstReview') !== (verdict === 'pass' || verdict === 'return') && verdict !== 'reject') {
    throw wrong('/verdict', {
      zh: '审核意见与当前步骤不符，请重新选择。',
      en: `The verdict does not belong to the step ${step}.`,
    });
  }
  if (verdict === 'reject' && reason === null)
    throw wrong('/reason', { zh: '驳回须写明理由。', en: 'A rejection needs a reason.' });
}

/**
 * Makes the awards of claims that were just approved, in this order, and answers what the book refuses, by the claim's id:
 * then nothing may stay of any of it. Everything that a decision rests on goes into the book as ids.
 */
async function awardClaims(
  tx: Tx,
  actor: Actor,
  village: string,
  claimIds: string[],
  now: Temporal.Instant,
  contexts?: Map<string, AwardContext>,
): Promise<Map<string, Refusal>> {
  if (claimIds.length === 0) return new Map();
  const found = await listClaimRows(tx, village, claimIds);
  const rows = new Map(found.map(row => [row.id, row]));
  const decisions = Map.groupBy(await listDecisions(tx, village, claimIds), row => row.claimId);
  const photoIds = found.flatMap(row => row.photoIds);
  const digests = new Map((await digestsOf(tx, village, photoIds)).map((digest, place) => [photoIds[place]!, digest]));
  const inputs = claimIds.map(id => {
    const row = rows.get(id)!;
    const photos = row.photoIds.map(photoId => digests.get(photoId)!);
    return { actor, village, ...inputOf(row, decisions.get(id)!, photos) };
  });
  const results = await awardEach(
    tx,
    inputs,
    contexts ?? (await contextsOf(tx, found)),
    { atomic: false, batchId: null },
    now,
  );
  const refused = results.flatMap((result, place): [string, Refusal][] =>
    typeof result === 'object' && 'refusal' in result ? [[claimIds[place]!, result.refusal]] : [],
  );
  return new Map(refused);
}

function contextsOf(tx: Tx, rows: ClaimRow[]): Promise<Map<string, AwardContext>> {
  return readContexts(
    tx,
    rows.map(row => ({ village: row.village, line: row })),
  );
}

function inputOf(row: ClaimRow, decisions: DecisionRow[], digests: string[]): Pick<AwardInput, 'line' | 'origin'> {
  return {
    line: {
      ruleId: row.ruleId,
      householdId: row.householdId,
      memberId: row.memberId,
      quantity: row.agreedQuantity!,
      occurredAt: row.occurredAt,
      occasion: row.occasion ?? undefined,
      note: row.note,
    },
    origin: {
      claimId: row.id,
      enteredBy: row.submittedBy,
      decidedBy: [...new Set(decisions.map(({ decidedBy }) => decidedBy))],
      points: row.customPoints ?? undefined,
      frozen: frozenOf(row.id, decisions, digests),
    },
  };
}

function frozenOf(claimId: string, decisions: DecisionRow[], digests: string[]): Record<string, string> {
  return {
    claimId,
    ...Object.fromEntries(digests.map((digest, place) => [`photo${place + 1}`, digest])),
    ...Object.fromEntries(
      decisions.map(({ number, step, verdict, decidedBy }) => [`decision${number}`, `${step} ${verdict} ${decidedBy}`]),
    ),
  };
}
