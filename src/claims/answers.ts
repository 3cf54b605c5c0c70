import { refOf } from '../http/sheets.ts';
import { Refusal } from '../refusals.ts';
import type { ClaimView } from './read.ts';

/** What each item of a batch would have been answered as a single request: `status`, or what it is refused with. */
export function answersOf<P extends { status: number }>(
  results: (ClaimView | Refusal)[],
  items: unknown[],
  status: 200 | 201,
  problemOfLine: (refusal: Refusal) => P,
) {
  const lines = results.map((result, index) => {
    const ref = refOf(items[index]);
    if (!(result instanceof Refusal)) return { index, ref, status, claim: result, problem: null };
    const problem = problemOfLine(result);
    return { index, ref, status: problem.status, claim: null, problem };
  });
  const refused = lines.filter(line => line.problem !== null).length;
  return { succeeded: lines.length - refused, refused, results: lines };
}
