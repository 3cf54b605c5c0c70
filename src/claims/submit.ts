import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { holderOf, occasionKey } from '../earning/caps.ts';
import { refuseUnpayable, refuseUsedUp } from '../earning/payable.ts';
import {
  type AwardContext,
  type RuleInBook,
  readContexts,
  refuseDate,
  refuseUnlessInForce,
  type ValidAward,
  validateAward,
} from '../earning/validate-award.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { usePhotos } from '../photos/use.ts';
import { Refusal } from '../refusals.ts';
import { byItself } from './by-itself.ts';
import { type ClaimView, findOpenDuplicate, getClaim, listByIds } from './read.ts';
import type { ClaimRow, Evidence } from './tables.ts';

/** What is said of a claim. */
export interface NewClaim {
  ruleId: string;
  householdId: string;
  memberId: string | null;
  quantity: number;
  /** RFC 3339; now when absent. */
  occurredAt: string | undefined;
  place: string | null;
  note: string | null;
  occasion: string | undefined;
  photoIds: string[];
  evidence: Evidence[];
  /** Points in all, set by hand instead of the rule's. */
  custom: { points: number; reason: string } | null;
}

/**
 * Files a claim, for the own household or, by staff, for another's. What can be judged early is: nobody votes on what the
 * book would refuse already.
 * @throws Refusal `not-found` | `forbidden` (points by hand from a household) | `own-household` | whatever `validateAward`
 *   refuses | `rule-not-in-force` | `business-date-refused` | `evidence-missing` (facts: `required`) | `award-duplicate` (facts: `awardId` or
 *   `claimId`) | `photo-reused` (facts: `photoId`) | whatever `refuseUnpayable` and `refuseUsedUp` refuse
 */
export async function submitClaim(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewClaim,
  now: Temporal.Instant,
): Promise<ClaimView> {
  const context = (await readContexts(tx, [{ village, line: input }])).get(village)!;
  return getClaim(tx, actor, village, await submitOne(tx, actor, { village, context }, input, now));
}

/** The same for a list, each by itself: one that is refused harms no other. */
export async function submitEach(
  tx: Tx,
  actor: Actor,
  village: string,
  items: NewClaim[],
  now: Temporal.Instant,
): Promise<(ClaimView | Refusal)[]> {
  const lines = items.map(input => ({ village, line: input }));
  const context = (await readContexts(tx, lines)).get(village)!;
  const made: (string | Refusal)[] = [];
  for (const input of items) {
    made.push(await byItself(tx, () => submitOne(tx, actor, { village, context }, input, now)));
  }
  const ids = made.filter(one => typeof one === 'string');
  const views = new Map((await listByIds(tx, actor, village, ids)).map(view => [view.id, view]));
  return made.map(one => (typeof one === 'string' ? views.get(one)! : one));
}

/** Answers the id of the claim. */
async function submitOne(
  tx: Tx,
  actor: Actor,
  { village, context }: { village: string; context: AwardContext },
  input: NewClaim,
  now: Temporal.Instant,
): Promise<string> {
  const { householdId } = input;
  await refuseCaller(tx, actor, village, input);
  const valid = validateClaim(input, context, now);
  if (actor.kind !== 'household' && !valid.rule.onBehalf) throw new Refusal('on-behalf-refused');
  await refuseUsedUp(tx, village, input, valid);
  await refuseDuplicate(tx, village, input, valid.rule);
  const claimId = randomUUIDv7();
  if (input.photoIds.length > 0) {
    await usePhotos(tx, village, { claimId, householdId, photoIds: input.photoIds }, now);
  }
  await insertClaim(tx, actor, { village, id: claimId, context }, input, valid, now);
  return claimId;
}

async function refuseCaller(tx: Tx, actor: Actor, village: string, input: NewClaim): Promise<void> {
  if (actor.kind === 'household') {
    if (input.householdId !== actor.householdId) throw new Refusal('not-found', { field: 'householdId' });
    if (input.custom !== null) throw new Refusal('forbidden', { requiredRoles: ['clerk', 'villageAdmin'] });
  }
  await refuseKin(tx, actor, village, [input.householdId]);
}

/**
 * Validated as the award that it may become, which others will decide on. How late it comes counts now and not then, and
 * so does the book: it is judged by the one that it is filed under. What could never be paid is refused at once.
 */
function validateClaim(input: NewClaim, context: AwardContext, now: Temporal.Instant): ValidAward {
  const valid = validateAward(input, context, now, {
    enteredBy: input.householdId,
    decidedBy: [],
    points: input.custom?.points,
    frozen: {},
  });
  refuseDate(Temporal.Instant.from(valid.occurredAt), context, now);
  refuseUnlessInForce(valid.rule, valid.businessDate.toString());
  refuseUnpayable(valid, input.quantity);
  const { evidence: required } = valid.rule;
  const shown = [...input.evidence.map(({ kind }) => kind), ...(input.photoIds.length > 0 ? ['photo'] : [])];
  if (required.length > 0 && !required.some(kind => shown.includes(kind))) {
    throw new Refusal('evidence-missing', { required });
  }
  return valid;
}

/**
 * The same when a claim is filed again: its day and its rule were judged when it was filed, what it would be paid is not.
 * @throws Refusal whatever `validateAward`, `refuseUnpayable` and `refuseUsedUp` refuse
 */
export async function refuseRefiled(tx: Tx, row: ClaimRow, quantity: number, now: Temporal.Instant): Promise<void> {
  const { village, id, customPoints, submittedBy } = row;
  const line = { ...row, quantity, occasion: row.occasion ?? undefined };
  const context = (await readContexts(tx, [{ village, line }])).get(village)!;
  const origin = { claimId: id, enteredBy: submittedBy, decidedBy: [], points: customPoints ?? undefined, frozen: {} };
  const valid = validateAward(line, context, now, origin);
  refuseUnpayable(valid, quantity);
  await refuseUsedUp(tx, village, line, valid);
}

async function refuseDuplicate(tx: Tx, village: string, input: NewClaim, rule: RuleInBook): Promise<void> {
  if (input.occasion === undefined) return;
  const same = { holderId: holderOf(rule, input), occasionKey: occasionKey(input.occasion) };
  const claimId = await findOpenDuplicate(tx, village, { ...same, ruleCode: rule.code });
  if (claimId !== undefined) throw new Refusal('award-duplicate', { claimId });
}

/** By hand, for drizzle would name columns that only a decision may fill. */
async function insertClaim(
  tx: Tx,
  actor: Actor,
  { village, id, context }: { village: string; id: string; context: AwardContext },
  input: NewClaim,
  { rule, occurredAt, businessDate }: ValidAward,
  now: Temporal.Instant,
): Promise<void> {
  const { reviewSteps, panelSize, secondApproverFromPoints } = context.policyOn(dayOf(now).toString());
  const state = reviewSteps === 'panel' ? 'inPanel' : 'submitted';
  await tx.execute(sql`
    insert into claims.claim (
      village, id, household_id, member_id, rule_id, rule_code, unit_points, quantity, custom_points, custom_reason,
      occurred_at, business_date, place, note, occasion, photo_ids, evidence, on_behalf, submitted_by, submitted_at,
      review_steps, panel_size, second_from_points, state, state_since, occasion_key, holder_id)
    values (
      ${village}, ${id}, ${input.householdId}, ${input.memberId}, ${rule.id}, ${rule.code}, ${rule.points},
      ${input.quantity}, ${input.custom?.points ?? null}, ${input.custom?.reason ?? null}, ${occurredAt},
      ${businessDate.toString()}, ${input.place}, ${input.note}, ${input.occasion ?? null},
      ${sql.param(input.photoIds)}::uuid[], ${JSON.stringify(input.evidence)}, ${actor.kind !== 'household'}, ${actor.id},
      ${iso(now)}, ${reviewSteps}, ${panelSize}, ${secondApproverFromPoints}, ${state}, ${iso(now)},
      ${input.occasion === undefined ? null : occasionKey(input.occasion)}, ${holderOf(rule, input)})`);
}
