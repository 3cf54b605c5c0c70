import { randomUUIDv7 } from 'node:crypto';
import { limitsOf } from '../src/earning/caps.ts';
import { lastDayOfMonth } from '../src/ledger/lots.ts';
import { award, type Command } from '../src/ledger/transactions.ts';
import { policy, type Village } from './town.ts';

/** The command that `POST …/awards` makes of one sweeping: the same transfers, limits and terms. */
export function awardCommand(
  actor: string,
  village: Village,
  householdId: string,
  when: { occurredAt: string; businessDate: Temporal.PlainDate },
): Command {
  const { rule } = village;
  const awardId = randomUUIDv7();
  const { businessDate, occurredAt } = when;
  const use = {
    householdId,
    memberId: null,
    occasion: null,
    businessDate,
    quantity: 1,
    points: rule.points,
    direct: true,
  };
  return award(
    { actor, occurredAt, businessDate: businessDate.toString() },
    {
      awardId,
      householdId,
      points: rule.points,
      honour: rule.honour,
      pending: false,
      expiresOn: lastDayOfMonth(businessDate, policy.expiryMonths!),
      limits: limitsOf(rule, use, policy),
      frozen: {
        ruleCode: rule.code,
        ruleId: rule.id,
        ruleBookId: rule.ruleBookId,
        ruleBookTitle: rule.ruleBookTitle,
        unitPoints: String(rule.points),
        quantity: '1',
        publicityDays: '0',
        backEntry: 'false',
      },
    },
  );
}
