import { sql } from 'drizzle-orm';
import { byOurClock, dayOf, iso, remembering } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import { malformed, Refusal } from '../refusals.ts';
import type { RuleView } from '../rules/read.ts';
import { defaultPolicy, type PolicySettings } from '../villages/policy-settings.ts';

/** More than any rule with any count comes to. */
export const awardMaxPoints = 1_000_000;

/**
 * Evidence that a clerk can enter points from: a count, what the scales say, a sheet that people sign, a roster. A rule that
 * accepts none of them is judged by others, so it takes a claim.
 */
export const directEvidence: ReadonlySet<string> = new Set(['count', 'weight', 'signIn', 'roster']);

/** What a clerk says of an award. */
export interface AwardLine {
  ruleId: string;
  householdId: string;
  memberId?: string | null | undefined;
  /** Units of the rule. */
  quantity: number;
  /** RFC 3339; now when absent. */
  occurredAt?: string | undefined;
  /** The event it is for; an event of its own when absent. */
  occasion?: string | undefined;
  note?: string | null | undefined;
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

/** A rule with the book it stands in. */
export type RuleInBook = Pick<
  RuleView,
  | 'id'
  | 'ruleBookId'
  | 'code'
  | 'title'
  | 'points'
  | 'direction'
  | 'capTimes'
  | 'capPeriod'
  | 'capScope'
  | 'evidence'
  | 'excludes'
  | 'highestOnlyGroup'
  | 'honour'
  | 'publicity'
  | 'onBehalf'
> & { ruleBookTitle: string; inForceFrom: string | null; inForceTo: string | null };

/** What the awards of a village are validated against. Whatever is missing was not found. */
export interface AwardContext {
  openedOn: string;
  rules: Map<string, RuleInBook>;
  /** State of each household. */
  households: Map<string, string>;
  /** Household of each member, and the day of death of those who have died. */
  members: Map<string, { householdId: string; diedOn: string | null }>;
  /** Who must keep out of which of the households, each as `<user> <household>`. */
  kin: Set<string>;
  policyOn: (day: string) => PolicySettings;
}

/** An award that only the book may still refuse. */
export interface ValidAward {
  rule: RuleInBook;
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
 * Validates what can be known before the book is opened. Points and caps follow the policy of the day the thing
 * happened; how late it may be entered follows today's, and the publicity of a direct award whichever is longer. Directly awarded is only what a count or a sheet shows. A deduction
 * is less than one point, and direct awards begin at one: it is out of bounds until deductions have their own way in, with
 * publicity before and not after. What others have decided than entered it may be worth more, and was entered in time, under
 * a rule in force, when it was asked for.
 * @throws Refusal `not-found` | `household-not-active` | `rule-not-in-force` | `validation-failed` (`/memberId`, `/occasion`) |
 *   `evidence-missing` (facts: `reason`, `required`) | `out-of-bounds` (facts: `field`, `min`, `max`) |
 *   `business-date-refused` (facts: `earliest`, `latest`)
 */
export function validateAward(
  line: AwardLine,
  context: AwardContext,
  now: Temporal.Instant,
  origin?: Origin,
): ValidAward {
  const rule = refuseUnknown(line, context);
  // Claims that were filed before are awarded as they were filed.
  if (
    line.occasion === undefined &&
    origin?.claimId === undefined &&
    (rule.highestOnlyGroup ?? rule.excludes[0]) != null
  ) {
    throw malformed('/occasion', 'required', {
      zh: '这条细则与同类细则就同一事由只计一项，请填写事由。',
      en: `Rule ${rule.code} excludes others for the same occasion: name the occasion.`,
    });
  }
  const occurred = line.occurredAt === undefined ? now : byOurClock(Temporal.Instant.from(line.occurredAt), now);
  const businessDate = dayOf(occurred);
  const day = businessDate.toString();
  if (origin === undefined) refuseDate(occurred, context, now);
  // What a member did before their death is still awarded.
  const diedOn = context.members.get(line.memberId ?? '')?.diedOn ?? null;
  if (diedOn !== null && day > diedOn) {
    throw new Refusal('business-date-refused', { earliest: context.openedOn, latest: diedOn });
  }
  if (origin === undefined) {
    refuseUnlessInForce(rule, day);
    if (!rule.evidence.some(kind => directEvidence.has(kind))) {
      throw new Refusal('evidence-missing', { reason: 'claimRequired', required: rule.evidence });
    }
  }
  const policy = context.policyOn(day);
  const points = origin?.points ?? rule.points * line.quantity;
  const max = origin === undefined ? policy.directAwardMaxPoints : awardMaxPoints;
  // Of the day it happened or the day it is entered, whichever is stricter: else a date would choose the policy.
  const days =
    origin === undefined
      ? Math.max(policy.directAwardPublicityDays, context.policyOn(dayOf(now).toString()).directAwardPublicityDays)
      : policy.publicityDays;
  const publicityDays = rule.publicity === 'required' ? days : 0;
  if (rule.direction === 'deduction' || points > max)
    throw new Refusal('out-of-bounds', { field: 'points', min: 1, max });
  return {
    rule,
    points,
    occurredAt: iso(occurred),
    businessDate,
    backEntry: !businessDate.equals(dayOf(now)),
    pending: publicityDays > 0,
    publicityDays,
    policy,
  };
}

/** The rule, if household, rule and member exist and belong together. */
function refuseUnknown({ householdId, ruleId, memberId = null }: AwardLine, context: AwardContext): RuleInBook {
  const state = context.households.get(householdId);
  if (state === undefined) throw new Refusal('not-found', { field: 'householdId' });
  if (state !== 'active') throw new Refusal('household-not-active', { state });
  const rule = context.rules.get(ruleId);
  if (rule === undefined) throw new Refusal('not-found', { field: 'ruleId' });
  if (memberId === null && rule.capScope !== 'household') {
    throw malformed('/memberId', 'required', {
      zh: '这条细则按人计分，请选择成员。',
      en: `Rule ${rule.code} applies to members: name one.`,
    });
  }
  if (memberId !== null && context.members.get(memberId)?.householdId !== householdId) {
    throw new Refusal('not-found', { field: 'memberId' });
  }
  return rule;
}

/**
 * How late a thing may be entered, by today's policy.
 * @throws Refusal `business-date-refused` (facts: `earliest`, `latest`; `serverTime` if it is in the future)
 */
export function refuseDate(
  occurred: Temporal.Instant,
  { openedOn, policyOn }: AwardContext,
  now: Temporal.Instant,
): void {
  const today = dayOf(now);
  const latest = today.toString();
  const allowed = daysBefore(today, policyOn(latest).backdateDays);
  const earliest = allowed > openedOn ? allowed : openedOn;
  const day = dayOf(occurred).toString();
  if (Temporal.Instant.compare(occurred, now) > 0) {
    throw new Refusal('business-date-refused', { earliest, latest, serverTime: iso(now) });
  }
  if (day < earliest) {
    throw new Refusal('business-date-refused', { earliest, latest });
  }
}

/** @throws Refusal `rule-not-in-force` (facts: `ruleId`, `fromOn`, `toOn`) */
export function refuseUnlessInForce(
  { id, inForceFrom, inForceTo }: Pick<RuleInBook, 'id' | 'inForceFrom' | 'inForceTo'>,
  day: string,
): void {
  if (inForceFrom !== null && inForceFrom <= day && (inForceTo === null || day < inForceTo)) return;
  throw new Refusal('rule-not-in-force', { ruleId: id, fromOn: inForceFrom, toOn: inForceTo });
}

const daysBefore = remembering((day: Temporal.PlainDate, days: number) => day.subtract({ days }).toString());

/**
 * Reads everything a list of awards is validated against, by village, in one round trip however long the list. Locks the
 * households against being closed: it waits for one that is being closed, and then sees it closed. Once the book is locked it
 * is too late for this, because whoever has the household may be waiting for the book.
 */
export async function readContexts(
  tx: Tx,
  awards: { village: string; line: Pick<AwardLine, 'ruleId' | 'householdId' | 'memberId'> }[],
): Promise<Map<string, AwardContext>> {
  // Each of them once: the twelve digits of its village, then its id.
  const [villages, rules, households, members] = [
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
  ];
  for (const { village, line } of awards) {
    villages.add(village);
    rules.add(village + line.ruleId);
    households.add(village + line.householdId);
    if (line.memberId != null) members.add(village + line.memberId);
  }
  const [row] = await rowsOf<Row>(
    tx,
    sql`
    with village as materialized (
           select village, opened_on from villages.village where village = any(${sql.param([...villages])}::text[])),
         rule as materialized (
           select left(k, 12) as village, substr(k, 13)::uuid as id from unnest(${sql.param([...rules])}::text[]) k),
         household as materialized (
           select left(k, 12) as village, substr(k, 13)::uuid as id from unnest(${sql.param([...households])}::text[]) k),
         member as materialized (
           select left(k, 12) as village, substr(k, 13)::uuid as id from unnest(${sql.param([...members])}::text[]) k)
    select (select json_agg(json_build_object('village', village, 'openedOn', opened_on)) from village) as villages,
           (select json_agg(json_build_object('village', village, 'validFrom', valid_from, 'policy', policy)
                            order by valid_from desc)
              from villages.policy where village = any(${sql.param([...villages])}::text[])) as policies,
           (select json_agg(json_build_object(
                     'village', r.village, 'id', r.id, 'ruleBookId', r.rule_book_id, 'code', r.code, 'title', r.title,
                     'points', r.points, 'direction', r.direction, 'capTimes', r.cap_times, 'capPeriod', r.cap_period,
                     'capScope', r.cap_scope, 'evidence', r.evidence, 'excludes', r.excludes,
                     'highestOnlyGroup', r.highest_only_group, 'honour', r.honour, 'publicity', r.publicity, 'onBehalf', r.on_behalf,
                     'ruleBookTitle', b.title, 'inForceFrom', b.in_force_from,
                     'inForceTo', (select min(next.in_force_from)
                                     from rules.rule_book next
                                    where next.village = b.village and next.in_force_from > b.in_force_from)))
              from rule k
             cross join lateral (select * from rules.rule where village = k.village and id = k.id offset 0) r
             cross join lateral (
               select * from rules.rule_book where village = r.village and id = r.rule_book_id offset 0) b) as rules,
           (select json_agg(json_build_object('village', h.village, 'id', h.id, 'state', h.state))
              from (select h.village, h.id, h.state
                      from household k
                      join households.household h on h.village = k.village and h.id = k.id
                       for key share of h) h) as households,
           (select json_agg(json_build_object('village', m.village, 'id', m.id, 'householdId', m.household_id,
                                              'diedOn', m.died_on))
              from member k
             cross join lateral (
               select * from households.member where village = k.village and id = k.id offset 0) m) as members,
           (select json_agg(json_build_object('village', village, 'pair', user_id || ' ' || household_id))
              from households.kin
             where village = any(${sql.param([...villages])}::text[]) and ended_at is null
               and household_id = any(array(select id from household))) as kin`,
  );
  const contexts = new Map<string, AwardContext>();
  for (const { village, openedOn } of row!.villages ?? []) {
    const policies = (row!.policies ?? [])
      .filter(one => one.village === village)
      .map(({ validFrom, policy }) => ({ validFrom, settings: { ...defaultPolicy, ...policy } }));
    contexts.set(village, {
      openedOn,
      rules: new Map(),
      households: new Map(),
      members: new Map(),
      kin: new Set(),
      policyOn: day => policies.find(({ validFrom }) => validFrom <= day)?.settings ?? defaultPolicy,
    });
  }
  for (const rule of row!.rules ?? []) contexts.get(rule.village)!.rules.set(rule.id, rule);
  for (const { village, id, state } of row!.households ?? []) contexts.get(village)!.households.set(id, state);
  for (const member of row!.members ?? []) contexts.get(member.village)!.members.set(member.id, member);
  for (const { village, pair } of row!.kin ?? []) contexts.get(village)!.kin.add(pair);
  return contexts;
}

interface Row {
  villages: { village: string; openedOn: string }[] | null;
  policies: { village: string; validFrom: string; policy: PolicySettings }[] | null;
  rules: (RuleInBook & { village: string })[] | null;
  households: { village: string; id: string; state: string }[] | null;
  members: { village: string; id: string; householdId: string; diedOn: string | null }[] | null;
  kin: { village: string; pair: string }[] | null;
}
