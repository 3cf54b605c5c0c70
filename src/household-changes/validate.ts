import { and, asc, eq } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { getHouseholdRow, type HouseholdRow } from '../households/read.ts';
import { member } from '../households/tables.ts';
import { householdBalances } from '../ledger/read.ts';
import { malformed, Refusal } from '../refusals.ts';
import type { ChangeRow } from './read.ts';

/** What a change asks for: all of its row that is said when it is proposed. */
export type Terms = Omit<
  ChangeRow,
  'id' | 'state' | 'proposedBy' | 'proposedAt' | 'decidedBy' | 'decidedAt' | 'rejectionReason' | 'transactionNumber'
>;

/** A household as it is when a change of it is judged. */
export interface Household {
  row: HouseholdRow;
  /** Ids of its members who live. */
  living: string[];
  balances: Awaited<ReturnType<typeof householdBalances>>;
}

/** @throws Refusal `not-found` */
export async function lookAt(db: Db, village: string, id: string): Promise<Household> {
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
export function endsHousehold(
  terms: Pick<Terms, 'kind' | 'memberIds'>,
  { living }: Pick<Household, 'living'>,
): boolean {
  if (terms.kind === 'death') return living.every(id => terms.memberIds.includes(id));
  return terms.kind === 'merge' || terms.kind === 'moveAway' || terms.kind === 'close';
}

/**
 * Judges a change of a household as it is now: when it is proposed, and again under all locks when it is agreed to, for
 * what was signed may no longer hold.
 * @throws Refusal `not-found` | `household-not-active` | `member-elsewhere` | `wrong-state` (a dead member, the head that
 *   it has already) | `household-has-balance` (facts: `balances`) | `split-unequal` | `out-of-bounds` (`diedOn`) |
 *   `too-late` (an heir after more than a year) | `validation-failed` (who is head, or whether it lapses, is not said)
 */
export async function judgeChange(db: Db, terms: Terms, found: Household, now: Temporal.Instant): Promise<void> {
  const { village, kind, toHouseholdId } = terms;
  refuseClosed(found.row, 'householdId');
  if (kind !== 'split' && toHouseholdId !== null) {
    refuseClosed(await getHouseholdRow(db, village, toHouseholdId), 'toHouseholdId');
  }
  for (const id of terms.memberIds) await refuseMember(db, terms, id);
  if (kind === 'split') refuseSplit(terms, found);
  if (kind === 'death') refuseDeath(terms, found, now);
  refuseHead(terms, found);
  if (kind === 'split' || endsHousehold(terms, found)) refuseBalances(terms, found);
}

function refuseClosed({ state }: HouseholdRow, field: string): void {
  if (state !== 'active') throw new Refusal('household-not-active', { field, state });
}

/** A merger names its members only when it is agreed to: they are those it then has. */
async function refuseMember(db: Db, { village, householdId, kind }: Terms, id: string): Promise<void> {
  if (kind === 'merge') return;
  const [found] = await db
    .select()
    .from(member)
    .where(and(eq(member.village, village), eq(member.id, id)));
  if (found === undefined) throw new Refusal('not-found', { field: 'memberId', memberId: id });
  if (found.householdId !== householdId) throw new Refusal('member-elsewhere', { memberId: id });
  if (found.diedOn !== null) throw new Refusal('wrong-state', { state: 'dead', since: found.diedOn, memberId: id });
}

function refuseSplit({ memberIds, newHeadMemberId, availablePoints, honourPoints }: Terms, found: Household): void {
  const { available, honour } = found.balances;
  if (availablePoints! > available || honourPoints! > honour) {
    throw new Refusal('split-unequal', { available, honour, availablePoints, honourPoints });
  }
  if (!memberIds.includes(newHeadMemberId!)) throw new Refusal('split-unequal', { field: 'newHousehold/headMemberId' });
  if (found.living.every(id => memberIds.includes(id))) throw new Refusal('split-unequal', { field: 'memberIds' });
}

function refuseDeath(terms: Terms, found: Household, now: Temporal.Instant): void {
  const { diedOn, toHouseholdId, carried } = terms;
  const today = dayOf(now);
  if (diedOn! > today.toString()) {
    throw new Refusal('out-of-bounds', { field: 'diedOn', min: '2000-01-01', max: today.toString() });
  }
  const last = endsHousehold(terms, found);
  if (last !== (carried !== null)) {
    const detail = last ? 'nobody is left: say who inherits, or that it lapses' : 'others are left: nobody inherits';
    throw malformed('/heirHouseholdId', last ? 'required' : 'not', detail);
  }
  const endedOn = Temporal.PlainDate.from(diedOn!).add({ years: 1 });
  if (toHouseholdId !== null && Temporal.PlainDate.compare(today, endedOn) > 0) {
    throw new Refusal('too-late', { what: 'inheritance', endedOn: endedOn.toString() });
  }
}

/** Whoever leaves is not the head any more, and the head is one of those who stay. */
function refuseHead(terms: Terms, found: Household): void {
  const { kind, memberIds, headMemberId } = terms;
  if (kind === 'moveIn') return;
  if (endsHousehold(terms, found)) {
    if (headMemberId !== null) throw malformed('/headMemberId', 'not', 'nobody is left to be head');
    return;
  }
  const staying = found.living.filter(id => !memberIds.includes(id));
  const broken = (detail: string) =>
    kind === 'split'
      ? new Refusal('split-unequal', { field: 'headMemberId' })
      : malformed('/headMemberId', 'enum', detail);
  // The last one to go takes all along, which is a merger.
  if (staying.length === 0) throw malformed('/memberId', 'minItems', 'nobody would be left: merge the households');
  if (headMemberId === null && memberIds.includes(found.row.headMemberId))
    throw broken('the head leaves: say who is next');
  if (headMemberId !== null && !staying.includes(headMemberId)) throw broken('the head is one of those who stay');
  if (kind === 'head' && headMemberId === found.row.headMemberId) {
    throw new Refusal('wrong-state', { state: 'head', memberId: headMemberId });
  }
}

/** Points on the notice board or set aside are not decided, and what is owed is not paid. An empty household has none. */
function refuseBalances({ kind }: Terms, { balances }: Household): void {
  const { pending, held, arrears, available } = balances;
  const open = { pending, held, arrears, available: kind === 'close' ? available : 0 };
  const left = Object.fromEntries(Object.entries(open).filter(([, points]) => points !== 0));
  if (Object.keys(left).length > 0) throw new Refusal('household-has-balance', { balances: left });
}
