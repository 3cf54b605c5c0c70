import { and, asc, eq } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { getHouseholdRow, type HouseholdRow } from '../households/read.ts';
import { member } from '../households/tables.ts';
import { householdBalances } from '../ledger/read.ts';
import { malformed, Refusal, type Sentence } from '../refusals.ts';
import { arrearsEndOf, type Change, leavingMembersOf, newHeadOf, otherHouseholdOf } from './change.ts';
import { type OpenCases, openCasesOf } from './read.ts';

/** A household as it is when a change of it is validated. */
export interface Household {
  row: HouseholdRow;
  /** Ids of its members who live. */
  living: string[];
  balances: Awaited<ReturnType<typeof householdBalances>>;
}

/** @throws Refusal `not-found` */
export async function readHousehold(db: Db, village: string, id: string): Promise<Household> {
  const row = await getHouseholdRow(db, village, id);
  const members = await db
    .select({ id: member.id, diedOn: member.diedOn })
    .from(member)
    .where(and(eq(member.village, village), eq(member.householdId, id)))
    .orderBy(asc(member.id));
  const living = members.filter(one => one.diedOn === null).map(one => one.id);
  return { row, living, balances: await householdBalances(db, village, id) };
}

/** Whether nothing of the household is left afterwards. */
export function endsHousehold(change: Change, { living }: Pick<Household, 'living'>): boolean {
  if (change.kind === 'death') return living.every(id => id === change.memberId);
  return change.kind === 'merge' || change.kind === 'moveAway' || change.kind === 'close';
}

/**
 * Validates a change against the household as it is now: when it is proposed, and again under all locks when it is agreed
 * to, for what was signed may no longer hold.
 * @throws Refusal `not-found` | `household-not-active` | `member-elsewhere` | `wrong-state` (a dead member, the head that
 *   it has already) | `household-has-balance` (facts: `balances`) | `split-unequal` | `out-of-bounds` (`diedOn`) |
 *   `too-late` (an heir after more than a year) | `validation-failed` (the head, or whether it lapses, is missing)
 */
export async function validateChange(
  db: Db,
  change: Change,
  household: Household,
  now: Temporal.Instant,
): Promise<void> {
  refuseClosed(household.row, 'householdId');
  const other = otherHouseholdOf(change);
  if (other !== null) refuseClosed(await getHouseholdRow(db, change.village, other), 'toHouseholdId');
  for (const id of leavingMembersOf(change)) await refuseMember(db, change, id);
  if (change.kind === 'split') refuseSplit(change, household);
  if (change.kind === 'death') refuseDeath(change, household, now);
  refuseHead(change, household);
  const ends = endsHousehold(change, household);
  const cases = await openCasesOf(db, change, ends);
  if (change.kind === 'split' || ends) refuseBalances(change, household, cases);
  else refuseLeft(cases);
}

function refuseClosed({ state }: HouseholdRow, field: string): void {
  if (state !== 'active') throw new Refusal('household-not-active', { field, state });
}

async function refuseMember(db: Db, { village, householdId }: Change, id: string): Promise<void> {
  const [found] = await db
    .select()
    .from(member)
    .where(and(eq(member.village, village), eq(member.id, id)));
  if (found === undefined) throw new Refusal('not-found', { field: 'memberId', memberId: id });
  if (found.householdId !== householdId) throw new Refusal('member-elsewhere', { memberId: id });
  if (found.diedOn !== null) throw new Refusal('wrong-state', { state: 'dead', since: found.diedOn, memberId: id });
}

function refuseSplit(split: Extract<Change, { kind: 'split' }>, household: Household): void {
  const { memberIds, newHousehold, availablePoints, honourPoints, arrearsPoints } = split;
  const { available, honour, arrears } = household.balances;
  if (arrearsPoints > arrears) {
    throw new Refusal('split-unequal', { field: 'arrearsPoints', available: arrears, arrearsPoints });
  }
  if (availablePoints > available || honourPoints > honour) {
    throw new Refusal('split-unequal', { available, honour, availablePoints, honourPoints });
  }
  if (!memberIds.includes(newHousehold.headMemberId)) {
    throw new Refusal('split-unequal', { field: 'newHousehold/headMemberId' });
  }
  if (household.living.every(id => memberIds.includes(id))) throw new Refusal('split-unequal', { field: 'memberIds' });
}

function refuseDeath(death: Extract<Change, { kind: 'death' }>, household: Household, now: Temporal.Instant): void {
  const { diedOn, estate } = death;
  const today = dayOf(now);
  if (diedOn > today.toString()) {
    throw new Refusal('out-of-bounds', { field: 'diedOn', min: '2000-01-01', max: today.toString() });
  }
  const last = endsHousehold(death, household);
  if (last !== (estate !== null)) {
    const detail = last
      ? {
          zh: '户内已无其他成员，请选择继承户，或选择积分作废。',
          en: 'No member is left: name the heir, or set lapse.',
        }
      : { zh: '户内还有其他成员，积分仍归本户，不要填写继承户。', en: 'Members are left: nobody inherits.' };
    throw malformed('/heirHouseholdId', last ? 'required' : 'not', detail);
  }
  const endedOn = Temporal.PlainDate.from(diedOn).add({ years: 1 });
  if (otherHouseholdOf(death) !== null && Temporal.PlainDate.compare(today, endedOn) > 0) {
    throw new Refusal('too-late', { what: 'inheritance', endedOn: endedOn.toString() });
  }
}

/** Whoever leaves is not the head any more, and the head is one of those who stay. */
function refuseHead(change: Change, household: Household): void {
  const { kind } = change;
  if (kind === 'moveIn') return;
  const headMemberId = newHeadOf(change);
  if (endsHousehold(change, household)) {
    if (headMemberId !== null)
      throw malformed('/headMemberId', 'not', {
        zh: '户内已无其他成员，不要填写户主。',
        en: 'No member is left to become head.',
      });
    return;
  }
  const leaving = leavingMembersOf(change);
  const staying = household.living.filter(id => !leaving.includes(id));
  const broken = (detail: Sentence) =>
    kind === 'split'
      ? new Refusal('split-unequal', { field: 'headMemberId' })
      : malformed('/headMemberId', 'enum', detail);
  // The last one to go takes all along, which is a merger.
  if (staying.length === 0)
    throw malformed('/memberId', 'minItems', {
      zh: '户内将没有成员，请改用并户办理。',
      en: 'No member would be left: merge the households instead.',
    });
  if (headMemberId === null && leaving.includes(household.row.headMemberId))
    throw broken({ zh: '户主将离开本户，请选择新户主。', en: 'The head leaves: name a new one.' });
  if (headMemberId !== null && !staying.includes(headMemberId))
    throw broken({ zh: '户主须是留在本户的成员。', en: 'The head must be a member who stays.' });
  if (kind === 'head' && headMemberId === household.row.headMemberId) {
    throw new Refusal('wrong-state', { state: 'head', memberId: headMemberId });
  }
}

/**
 * Points on the notice board or set aside are not decided, and neither are open claims and appeals. What a household owes when it ends is somebody's, or waived; a
 * split divides it. An empty household has none to spend.
 */
function refuseBalances(change: Change, { balances }: Household, cases: OpenCases): void {
  const { pending, held, available } = balances;
  const isSettled = change.kind === 'split' || arrearsEndOf(change) !== null;
  const arrears = isSettled ? 0 : balances.arrears;
  refuseLeft({ pending, held, arrears, available: change.kind === 'close' ? available : 0, ...cases });
}

function refuseLeft(open: Record<string, number>): void {
  const left = Object.fromEntries(Object.entries(open).filter(([, points]) => points !== 0));
  if (Object.keys(left).length === 0) return;
  // Nothing but arrears can be settled by the change itself.
  const names = Object.keys(left);
  const onlyOwes = names.every(name => name === 'arrears');
  const onlyCases = names.every(name => name === 'openClaims' || name === 'openAppeals');
  const field = onlyOwes ? { field: 'arrears' } : onlyCases ? { field: 'openCases' } : {};
  throw new Refusal('household-has-balance', { ...field, balances: left });
}
