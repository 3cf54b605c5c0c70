import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import { type Asked, awardEach } from '../earning/award.ts';
import { type Grounds, groundsOf } from '../earning/grounds.ts';
import { type Actor, holds, type Role } from '../http/route.ts';
import { giveBackPhotos } from '../photos/use.ts';
import { type Facts, Refusal, type RefusalCode } from '../refusals.ts';
import { byItself } from './by-itself.ts';
import { type ClaimView, digestsOf, getClaim, listByIds, listDecisions } from './read.ts';
import { type ClaimRow, type ClaimState, claim, type DecisionRow, type Step, type Verdict } from './tables.ts';
import { type ClaimKey, mine } from './withdraw.ts';

/** What somebody decides. */
export interface Decided {
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
  const asked = await decideOne(tx, actor, key, decided, now);
  if (asked !== undefined) {
    const [refusal] = await awardAll(tx, [asked], await groundsOf(tx, [{ village: key.village, ...asked.line }]), now);
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
  const { state } = one(await tx.select({ state: claim.state }).from(claim).where(mine(key)));
  const step = state === 'awaitingSecond' ? 'second' : 'firstReview';
  return decideClaim(tx, actor, key, { step, verdict: 'reject', reason }, now);
}

/**
 * Decides a list, each by itself: one that is refused harms no other. The awards of all are made at the end and at once,
 * for whoever posts holds the pen of the village until the last is done. Where the book refuses some, those were never
 * decided: all is done again without them.
 */
export async function decideEach(
  tx: Tx,
  actor: Actor,
  village: string,
  items: (Decided & { claimId: string })[],
  now: Temporal.Instant,
): Promise<(ClaimView | Refusal)[]> {
  const ids = [...new Set(items.map(item => item.claimId))];
  // All of them first, in their order, and with their households: whoever holds the pen waits for nobody.
  const rows = await tx
    .select()
    .from(claim)
    .where(and(eq(claim.village, village), inArray(claim.id, ids)))
    .orderBy(asc(claim.id))
    .for('update');
  const grounds = rows.length === 0 ? new Map<string, Grounds>() : await groundsOf(tx, rows);
  const refused = new Map<number, Refusal>();
  for (let again = true; again; ) {
    await tx.execute(sql`savepoint list`);
    const decided = await decideWithout(tx, actor, village, items, refused, now);
    const asked = [...decided].flatMap(([index, made]) => (made instanceof Refusal || !made ? [] : [{ index, made }]));
    const refusals = await awardAll(
      tx,
      asked.map(({ made }) => made),
      grounds,
      now,
    );
    again = refusals.some(refusal => refusal !== undefined);
    if (again) {
      await tx.execute(sql`rollback to savepoint list`);
      asked.forEach(({ index }, place) => {
        const refusal = refusals[place];
        if (refusal !== undefined) refused.set(index, refusal);
      });
    } else {
      for (const [index, made] of decided) if (made instanceof Refusal) refused.set(index, made);
    }
    await tx.execute(sql`release savepoint list`);
  }
  const views = new Map((await listByIds(tx, actor, village, ids)).map(view => [view.id, view]));
  return items.map(({ claimId }, index) => refused.get(index) ?? views.get(claimId)!);
}

/** Decides all of a list but those that the book has refused. Answers by place what each is refused with, or earns. */
async function decideWithout(
  tx: Tx,
  actor: Actor,
  village: string,
  items: (Decided & { claimId: string })[],
  refused: Map<number, Refusal>,
  now: Temporal.Instant,
): Promise<Map<number, Asked | Refusal | undefined>> {
  const decided = new Map<number, Asked | Refusal | undefined>();
  for (const [index, { claimId, ...said }] of items.entries()) {
    if (refused.has(index)) continue;
    const key = { village, claimId };
    decided.set(index, await byItself(tx, () => decideOne(tx, actor, key, said, now)));
  }
  return decided;
}

/** Answers the award that is to be made, when this was the last yes. */
async function decideOne(
  tx: Tx,
  actor: Actor,
  key: ClaimKey,
  decided: Decided,
  now: Temporal.Instant,
): Promise<Asked | undefined> {
  const { step, verdict, quantity, reason } = decided;
  refuseForm(actor, key.village, decided);
  const [row] = await rowsOf<{ answer: Answer }>(
    tx,
    sql`select claims.decide(${key.village}, ${key.claimId}, ${step}, ${verdict}, ${quantity ?? null}::integer, ${reason},
                             ${actor.id}, ${iso(now)}) as answer`,
  );
  const { answer } = row!;
  if ('refusal' in answer) throw new Refusal(answer.refusal, withInstants(answer.facts));
  if (answer.state !== 'approved' && answer.state !== 'rejected') return undefined;
  const settled = one(await tx.select().from(claim).where(mine(key)));
  if (answer.state === 'approved') return askedOf(tx, actor, settled);
  await giveBackPhotos(tx, key.village, key.claimId, settled.photoIds);
  return undefined;
}

type Answer = { state: ClaimState } | { refusal: RefusalCode; facts: Facts };

function refuseForm(actor: Actor, village: string, { step, verdict, reason }: Decided): void {
  const role = deciders[step];
  if (!holds(actor, village, [role])) throw new Refusal('forbidden', { requiredRoles: [role] });
  const wrong = (pointer: string, detail: string) =>
    new Refusal('validation-failed', { errors: [{ pointer, code: 'required', detail }] });
  if ((step === 'firstReview') !== (verdict === 'pass' || verdict === 'return') && verdict !== 'reject') {
    throw wrong('/verdict', `${step} knows another yes`);
  }
  if (verdict === 'reject' && reason === null) throw wrong('/reason', 'say why');
}

/** PostgreSQL writes an instant in its own way. */
function withInstants(facts: Facts): Facts {
  const at = (name: string) =>
    typeof facts[name] === 'string' && { [name]: iso(Temporal.Instant.from(facts[name] as string)) };
  return { ...facts, ...at('since'), ...at('until') };
}

/** The award of a claim that was just approved. Everything its decision rests on goes into the book as ids. */
async function askedOf(tx: Tx, actor: Actor, row: ClaimRow): Promise<Asked> {
  const { village, id } = row;
  const decisions = await listDecisions(tx, village, [id]);
  const digests = await digestsOf(tx, village, row.photoIds);
  const line = {
    ruleId: row.ruleId,
    householdId: row.householdId,
    memberId: row.memberId,
    quantity: row.agreedQuantity!,
    occurredAt: row.occurredAt,
    occasion: row.occasion ?? undefined,
    note: row.note,
  };
  const origin = {
    claimId: id,
    enteredBy: row.submittedBy,
    decidedBy: [...new Set(decisions.map(one => one.decidedBy))],
    points: row.customPoints ?? undefined,
    frozen: frozenOf(id, decisions, digests),
  };
  return { actor, village, line, origin };
}

/** Makes the awards of approved claims, and answers by place what the book refuses: then none of them may stay. */
async function awardAll(
  tx: Tx,
  asked: Asked[],
  grounds: Map<string, Grounds>,
  now: Temporal.Instant,
): Promise<(Refusal | undefined)[]> {
  if (asked.length === 0) return [];
  const { results, rest } = await awardEach(tx, asked, grounds, { atomic: false, batchId: null }, now);
  const refusals = results.map(result =>
    typeof result === 'object' && 'refusal' in result ? result.refusal : undefined,
  );
  if (refusals.every(refusal => refusal === undefined)) for (const statement of rest) await tx.execute(statement);
  return refusals;
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
