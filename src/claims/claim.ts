import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import { type Facts, Refusal, type RefusalCode } from '../refusals.ts';
import { type ClaimRow, type ClaimState, claim, type Step, type Verdict } from './tables.ts';

/** The row of a claim: how it is locked, and moved from state to state. */

export interface ClaimKey {
  village: string;
  claimId: string;
}

/** @throws Refusal `not-found` */
export async function lockClaim(tx: Tx, key: ClaimKey): Promise<ClaimRow> {
  return one(await tx.select().from(claim).where(byKey(key)).for('update'));
}

/** @throws Refusal `wrong-state` (facts: `state`, `allowedFrom`, `since`) */
export function refuseState({ state, stateSince }: ClaimRow, allowedFrom: ClaimState[]): void {
  if (!allowedFrom.includes(state)) throw new Refusal('wrong-state', { state, allowedFrom, since: stateSince });
}

/** Locks these claims, in the order of their ids. Answers those there are. */
export async function lockClaims(tx: Tx, village: string, ids: string[]): Promise<ClaimRow[]> {
  return tx
    .select()
    .from(claim)
    .where(and(eq(claim.village, village), inArray(claim.id, ids)))
    .orderBy(asc(claim.id))
    .for('update');
}

/** Changes what a service may change of a claim that is locked. Decisions are `decideStep`'s. */
export async function updateClaim(tx: Tx, key: ClaimKey, to: Partial<ClaimRow>): Promise<void> {
  await tx.update(claim).set(to).where(byKey(key));
}

/**
 * Writes down one decision, by the only function of the database that may: it locks the claim, and asks what has to be true.
 * Answers the state in which the claim is now.
 * @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` | `already-exists` |
 *   `review-taken` | `out-of-bounds`
 */
export async function decideStep(
  tx: Tx,
  decidedBy: string,
  key: ClaimKey,
  decision: { step: Step; verdict: Verdict; quantity?: number | undefined; reason: string | null },
  now: Temporal.Instant,
): Promise<ClaimState> {
  const { step, verdict, quantity, reason } = decision;
  const [row] = await rowsOf<{ answer: Answer }>(
    tx,
    sql`select claims.decide(${key.village}, ${key.claimId}, ${step}, ${verdict}, ${quantity ?? null}::integer, ${reason},
                             ${decidedBy}, ${iso(now)}) as answer`,
  );
  const { answer } = row!;
  if ('refusal' in answer) throw new Refusal(answer.refusal, withInstants(answer.facts));
  return answer.state;
}

type Answer = { state: ClaimState } | { refusal: RefusalCode; facts: Facts };

/** PostgreSQL writes an instant in its own way. */
function withInstants(facts: Facts): Facts {
  const at = (name: string) =>
    typeof facts[name] === 'string' && { [name]: iso(Temporal.Instant.from(facts[name] as string)) };
  return { ...facts, ...at('since'), ...at('until') };
}

function byKey(key: ClaimKey) {
  return and(eq(claim.village, key.village), eq(claim.id, key.claimId));
}
