import { type Call, expectOk } from './client.ts';
import { sampleVillage } from './files.ts';

const path = `/v1/villages/${sampleVillage}/claims`;
const batchMax = 200;

/** A claim as a clerk files it for a household. Its `occasion` is the same for ever. */
interface SampleClaim {
  ref: string;
  ruleId: string;
  householdId: string;
  memberId: string;
  quantity: number;
  occurredAt: string;
  occasion: string;
  note: string | null;
  evidence: { kind: string; text: string }[];
}

/**
 * Has households earn by claims: a clerk files them, the group leader passes them, two of the panel approve them, and the
 * county confirms those that are worth so much. What was filed or decided before stands.
 */
export async function earnByClaims(staff: (login: string) => Call, clerk: Call, claims: SampleClaim[]): Promise<void> {
  const sheets = Array.from({ length: Math.ceil(claims.length / batchMax) }, (_, place) =>
    claims.slice(place * batchMax, (place + 1) * batchMax),
  );
  await Promise.all(
    sheets.map(async sheet => {
      const filed = await file(clerk, sheet);
      await decide(staff('reviewer1'), 'firstReview', filed);
      await decide(staff('reviewer2'), 'panel', filed);
      const states = await decide(staff('reviewer3'), 'panel', filed);
      const large = filed.filter(id => states.get(id) === 'awaitingSecond');
      const confirmed = await decide(staff('supervisor1'), 'second', large);
      for (const [id, state] of new Map([...states, ...confirmed])) {
        if (state !== 'approved') throw new Error(`claim ${id} is ${state}`);
      }
    }),
  );
}

/** Answers the ids of those that are not awarded yet. */
async function file(clerk: Call, claims: SampleClaim[]): Promise<string[]> {
  const key = `sample-month-claims-${claims[0]!.ref}-${claims.at(-1)!.ref}`;
  const { results } = expectOk(await clerk('POST', `${path}/batch`, { items: claims }, key), 'claims');
  return results.flatMap(({ ref, claim, problem }: Line) => {
    if (claim !== null) return [claim.id];
    // Known under another key: it was filed long ago.
    if (problem.code !== 'award-duplicate') throw new Error(`event ${ref}: ${JSON.stringify(problem)}`);
    return problem.claimId ?? [];
  });
}

/** Says yes to all of them, and answers the state in which each is then. */
async function decide(call: Call, step: 'firstReview' | 'panel' | 'second', ids: string[]) {
  const states = new Map<string, string>();
  if (ids.length === 0) return states;
  const verdict = step === 'firstReview' ? 'pass' : 'approve';
  const items = ids.map(claimId => ({ claimId, step, verdict }));
  const { results } = expectOk(await call('POST', `${path}/decisions/batch`, { items }), step);
  for (const { index, claim, problem } of results as Line[]) {
    // Decided before: it is further on, or waits for somebody else.
    if (claim === null && !['wrong-state', 'already-exists'].includes(problem.code)) {
      throw new Error(`claim ${ids[index]}, ${step}: ${JSON.stringify(problem)}`);
    }
    states.set(ids[index]!, claim?.state ?? problem?.state ?? 'inPanel');
  }
  return states;
}

/** One line of the answer to a batch: a claim, or why there is none. */
type Line = { index: number; ref: string | null } & (
  | { claim: { id: string; state: string }; problem: null }
  | { claim: null; problem: { code: string; state?: string; claimId?: string | null } }
);
