import { dayOf, iso, remembering } from '../calendar.ts';
import { malformed, Refusal } from '../refusals.ts';
import { refuseUnlessInForce } from '../rules/read.ts';
import type { PolicySettings } from '../villages/policy-settings.ts';
import type { GroundRule, Grounds } from './grounds.ts';

/** More than any rule with any count comes to. */
const awardMaxPoints = 1_000_000;

/** What a clerk says of an award. */
export interface AwardLine {
  ruleId: string;
  householdId: string;
  memberId: string | null;
  /** Units of the rule. */
  quantity: number;
  /** RFC 3339; now when absent. */
  occurredAt?: string | undefined;
  /** The event it is for; an event of its own when absent. */
  occasion?: string | undefined;
  note: string | null;
}

/** How an award came about that others decided than entered it: a claim that was approved, a round that was closed. */
export interface Origin {
  claimId?: string;
  roundId?: string;
  /** Who asked for it. */
  enteredBy: string;
  /** Everybody who decided on it, in order, at least one; never who entered it. */
  decidedBy: string[];
  /** Points that were set by hand, instead of the rule's. */
  points?: number | undefined;
  /** What the book keeps of it beside the rule's terms: ids and digests, never words. */
  frozen: Record<string, string>;
}

/** An award that only the book may still refuse. */
export interface JudgedAward {
  rule: GroundRule;
  points: number;
  occurredAt: string;
  businessDate: Temporal.PlainDate;
  backEntry: boolean;
  /** Waits on the notice board before it can be spent. */
  pending: boolean;
  /** For how many full days; 0 when it does not. */
  publicityDays: number;
  /** As it held on the business date. */
  policy: PolicySettings;
}

/**
 * Judges what can be known before the book is opened. Points, caps and publicity follow the policy of the day the thing
 * happened; how late it may be entered follows today's. A deduction is less than one point, and direct awards begin at
 * one: it is out of bounds until deductions have their own way in, with publicity before and not after. What others have
 * decided than entered it may be worth more, and was entered in time when it was asked for.
 * @throws Refusal `not-found` | `household-not-active` | `rule-not-in-force` | `validation-failed` (`/memberId`) |
 *   `out-of-bounds` (facts: `field`, `min`, `max`) | `business-date-refused` (facts: `earliest`, `latest`)
 */
export function judge(line: AwardLine, grounds: Grounds, now: Temporal.Instant, origin?: Origin): JudgedAward {
  refuseHousehold(line, grounds);
  const rule = grounds.rules.get(line.ruleId);
  if (rule === undefined) throw new Refusal('not-found', { field: 'ruleId' });
  refuseMember(line, rule, grounds);
  const occurred = line.occurredAt === undefined ? now : Temporal.Instant.from(line.occurredAt);
  const businessDate = dayOf(occurred);
  if (origin === undefined) refuseDate(occurred, grounds, now);
  refuseDead(line, grounds, businessDate);
  refuseUnlessInForce(rule, businessDate.toString());
  const policy = grounds.policyOn(businessDate.toString());
  const points = origin?.points ?? rule.points * line.quantity;
  const max = origin === undefined ? policy.directAwardMaxPoints : awardMaxPoints;
  const days = origin === undefined ? policy.directAwardPublicityDays : policy.publicityDays;
  const publicityDays = rule.publicity === 'required' ? days : 0;
  if (rule.direction === 'deduction' || points > max)
    throw new Refusal('out-of-bounds', { field: 'points', min: 1, max });
  return {
    rule,
    points,
    occurredAt: isoOf(occurred),
    businessDate,
    backEntry: !businessDate.equals(dayOf(now)),
    pending: publicityDays > 0,
    publicityDays,
    policy,
  };
}

function refuseHousehold({ householdId }: AwardLine, { households }: Grounds): void {
  const state = households.get(householdId);
  if (state === undefined) throw new Refusal('not-found', { field: 'householdId' });
  if (state !== 'active') throw new Refusal('household-not-active', { state });
}

function refuseMember({ householdId, memberId }: AwardLine, rule: GroundRule, { members }: Grounds): void {
  if (memberId === null) {
    if (rule.capScope === 'household') return;
    throw malformed('/memberId', 'required', `rule ${rule.code} applies to members: name one`);
  }
  if (members.get(memberId) !== householdId) throw new Refusal('not-found', { field: 'memberId' });
}

/** What a member did before their death is still awarded. */
function refuseDead({ memberId }: AwardLine, { died, openedOn }: Grounds, businessDate: Temporal.PlainDate): void {
  const latest = memberId === null ? undefined : died.get(memberId);
  if (latest !== undefined && businessDate.toString() > latest) {
    throw new Refusal('business-date-refused', { earliest: openedOn, latest });
  }
}

/**
 * How late a thing may be entered, by today's policy.
 * @throws Refusal `business-date-refused` (facts: `earliest`, `latest`)
 */
export function refuseDate(occurred: Temporal.Instant, { openedOn, policyOn }: Grounds, now: Temporal.Instant): void {
  const today = dayOf(now);
  const latest = today.toString();
  const allowed = daysBefore(today, policyOn(latest).backdateDays);
  const earliest = allowed > openedOn ? allowed : openedOn;
  const day = dayOf(occurred).toString();
  if (day < earliest || Temporal.Instant.compare(occurred, now) > 0) {
    throw new Refusal('business-date-refused', { earliest, latest });
  }
}

/** The lines of a sheet happened at one and the same instant, unless they say otherwise. */
const isoOf = remembering(iso);

const daysBefore = remembering((day: Temporal.PlainDate, days: number) => day.subtract({ days }).toString());
