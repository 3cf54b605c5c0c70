import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { enrol, type NewMember } from '../households/enrol.ts';
import { folded } from '../households/folding.ts';
import { refuseFarNumber } from '../households/numbers.ts';
import { hasGrid } from '../households/read.ts';
import { lockRegister } from '../households/register.ts';
import type { Actor } from '../http/route.ts';
import { getUser } from '../identity/read.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { malformed, Refusal } from '../refusals.ts';
import { type JoinKey, lockApplication, recordEnd, updateApplication } from './application.ts';
import { duplicatesOf, getJoinApplication, type JoinRow, type JoinView } from './read.ts';
import type { Applicant } from './tables.ts';

/** What an application says. */
interface JoinContent {
  grid: number | null;
  address?: string | null | undefined;
  phone?: string | null | undefined;
  /** The first is the head. */
  members: (NewMember & { isMinor?: boolean | undefined; guardian?: string | null | undefined })[];
  /** Who consented, for all of them. */
  consent: { by: string };
}

/**
 * Takes an application to join. Likely duplicates are pointed out in what it answers, and refuse nothing yet.
 * @throws Refusal `validation-failed` (a guardian is missing, or the head is under 14) | `not-found` (the grid)
 */
export async function applyToJoin(
  tx: Tx,
  actor: Actor,
  village: string,
  input: JoinContent,
  now: Temporal.Instant,
): Promise<JoinView> {
  const { grid, address, phone, members, consentBy } = await validated(tx, village, input);
  const id = randomUUIDv7();
  // The service may fill these columns alone: what a decision leaves is another's to write.
  await tx.execute(sql`
    insert into households.join_application
      (village, id, channel, grid, address, phone, members, consent_by, created_by, created_at)
    values (${village}, ${id}, ${actor.kind === 'kiosk' ? 'kiosk' : 'staff'}, ${grid}, ${address}, ${phone},
      ${JSON.stringify(members)}::jsonb, ${consentBy}, ${actor.id}, ${iso(now)})`);
  return getJoinApplication(tx, actor, village, id);
}

/** Sends it back with a question. @throws Refusal `not-found` | `wrong-state` */
export async function returnJoin(
  tx: Tx,
  actor: Actor,
  key: JoinKey,
  input: { question: string },
  now: Temporal.Instant,
): Promise<JoinView> {
  await lockApplication(tx, key, ['submitted']);
  const returned = { question: input.question, returnedBy: actor.id, returnedAt: iso(now), answer: null };
  await updateApplication(tx, key, { state: 'returned', ...returned });
  return getJoinApplication(tx, actor, key.village, key.applicationId);
}

/**
 * Answers the question; corrections replace the earlier content.
 * @throws Refusal `not-found` | `wrong-state` | `validation-failed`
 */
export async function resubmitJoin(
  tx: Tx,
  actor: Actor,
  key: JoinKey,
  input: { answer: string; corrected: JoinContent | null },
  now: Temporal.Instant,
): Promise<JoinView> {
  const { editedBy } = await lockApplication(tx, key, ['returned']);
  const content = input.corrected === null ? {} : await validated(tx, key.village, input.corrected);
  const resubmitted = { answer: input.answer, resubmittedBy: actor.id, resubmittedAt: iso(now) };
  const hands = { editedBy: [...new Set([...editedBy, actor.id])] };
  await updateApplication(tx, key, { state: 'submitted', ...content, ...resubmitted, ...hands });
  return getJoinApplication(tx, actor, key.village, key.applicationId);
}

/** Ends it without a household, at the wish of those who applied. @throws Refusal `not-found` | `wrong-state` */
export async function withdrawJoin(tx: Tx, actor: Actor, key: JoinKey, now: Temporal.Instant): Promise<JoinView> {
  await lockApplication(tx, key, ['submitted', 'returned']);
  return end(tx, actor, key, { state: 'withdrawn' }, now);
}

/**
 * Ends it without a household, with the reason.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household`
 */
export async function rejectJoin(
  tx: Tx,
  actor: Actor,
  key: JoinKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<JoinView> {
  await lockForDecision(tx, actor, key, now);
  return end(tx, actor, key, { state: 'rejected', reason: input.reason }, now);
}

/**
 * Enrols the household, and opens its accounts at zero. Nobody who is in the register with the same name and end of the
 * ID number is enrolled twice; who is only alike was shown, and is the second person's to decide.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household` | `member-elsewhere` (facts:
 *   `place`, counted from 0) | `already-exists` (the number) | `number-far`
 */
export async function approveJoin(
  tx: Tx,
  actor: Actor,
  key: JoinKey,
  input: { number?: string | undefined; numberConfirmed?: boolean | undefined },
  now: Temporal.Instant,
): Promise<JoinView> {
  const row = await lockForDecision(tx, actor, key, now);
  await lockRegister(tx, key.village);
  await refuseFarNumber(tx, key.village, input, { head: row.members[0]?.name });
  const elsewhere = (await duplicatesOf(tx, key.village, row.id)).find(({ likeness }) => likeness === 'person');
  if (elsewhere !== undefined) throw new Refusal('member-elsewhere', { place: elsewhere.place });
  const [head, ...others] = row.members;
  const members = [{ ...head!, phone: head!.phone ?? row.phone }, ...others];
  const [householdId] = await enrol(tx, actor, key.village, [{ ...input, ...row, number: input.number, members }], now);
  return end(tx, actor, key, { state: 'approved', householdId }, now);
}

/** @throws Refusal `validation-failed` | `not-found` (facts: `field`) */
async function validated(tx: Tx, village: string, input: JoinContent) {
  const members: Applicant[] = input.members.map(one => ({
    name: one.name,
    phone: one.phone ?? null,
    idLast4: one.idLast4 ?? null,
    isMinor: one.isMinor ?? false,
    guardian: one.guardian ?? null,
  }));
  if (members[0]!.isMinor)
    throw malformed('/members/0/isMinor', 'required', {
      zh: '户主须为成年人。',
      en: 'The head of household must be of age.',
    });
  const place = members.findIndex(one => one.isMinor && one.guardian === null);
  if (place >= 0)
    throw malformed(`/members/${place}/guardian`, 'required', {
      zh: '未满十四周岁的成员须填写监护人。',
      en: 'A person under 14 needs a guardian.',
    });
  if (input.grid !== null && !(await hasGrid(tx, village, input.grid)))
    throw new Refusal('not-found', { field: 'grid' });
  const { grid, consent } = input;
  return { grid, address: input.address ?? null, phone: input.phone ?? null, members, consentBy: consent.by };
}

/** An application before its decision by somebody who has no part in it. */
async function lockForDecision(tx: Tx, actor: Actor, key: JoinKey, now: Temporal.Instant): Promise<JoinRow> {
  const row = await lockApplication(tx, key, ['submitted']);
  if ([row.createdBy, ...row.editedBy].includes(actor.id)) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }
  const duplicates = await duplicatesOf(tx, key.village, row.id);
  await refuseKin(tx, actor, key.village, [...new Set(duplicates.map(({ householdId }) => householdId))]);
  // Before its household is in the register, nothing but the name says that somebody would decide on the own one.
  const { name } = await getUser(tx, actor.id, now);
  if (row.members.some(one => folded(one.name) === folded(name))) throw new Refusal('own-household');
  return row;
}

async function end(
  tx: Tx,
  actor: Actor,
  key: JoinKey,
  to: Parameters<typeof recordEnd>[3],
  now: Temporal.Instant,
): Promise<JoinView> {
  await recordEnd(tx, actor.id, key, to, now);
  return getJoinApplication(tx, actor, key.village, key.applicationId);
}
