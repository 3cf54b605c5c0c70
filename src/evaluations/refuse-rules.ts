import type { Tx } from '../db/database.ts';
import { refuseUnpayable } from '../earning/payable.ts';
import { refuseUnlessInForce } from '../earning/validate-award.ts';
import { malformed, Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { listRules } from './read.ts';
import type { Grade } from './tables.ts';

/** The day for which a round awards what is decided on a day: that day, as far as it lies in the round's month. */
export function awardDayOf(month: string, day: Temporal.PlainDate): Temporal.PlainDate {
  const { daysInMonth } = Temporal.PlainYearMonth.from(month);
  const [first, last] = [1, daysInMonth].map(one => Temporal.PlainYearMonth.from(month).toPlainDate({ day: one }));
  if (Temporal.PlainDate.compare(day, first!) < 0) return first!;
  return Temporal.PlainDate.compare(day, last!) > 0 ? last! : day;
}

/**
 * What grades earn belongs to households, is in force, and can be paid: otherwise a whole village would be scored, and nobody
 * could be awarded. The round is closed by the book that holds when it is opened.
 * @throws Refusal `not-found` | `validation-failed` | `rule-not-in-force` | `out-of-bounds` (the quantity, the points)
 */
export async function refuseRules(
  tx: Tx,
  village: string,
  { month, grades }: { month: string; grades: Grade[] },
  today: Temporal.PlainDate,
): Promise<void> {
  const day = awardDayOf(month, today);
  const policy = await policyOn(tx, village, day);
  const rules = await listRules(
    tx,
    village,
    grades.map(grade => grade.ruleId),
  );
  for (const [index, { ruleId, quantity }] of grades.entries()) {
    const rule = rules.get(ruleId);
    if (rule === undefined) throw new Refusal('not-found', { field: `grades/${index}/ruleId` });
    if (rule.direction !== 'award' || rule.capScope !== 'household') {
      throw malformed(`/grades/${index}/ruleId`, 'not', {
        zh: '只能选择按户加分的细则条目。',
        en: 'Choose a rule that awards points to whole households.',
      });
    }
    refuseUnlessInForce(rule, day.toString());
    refuseUnpayable({ rule, points: rule.points * quantity, policy }, quantity, `grades/${index}/`);
  }
}
