import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { insertNumbered } from '../households/enrol.ts';
import { closeHousehold, moveMembers, recordDeath, setHead } from '../households/household.ts';
import {
  abroadAccounts,
  arrearsAccount,
  expiredAccount,
  householdAccounts,
  waivedAccount,
} from '../ledger/accounts.ts';
import { type EarnedTerms, earnedTerms, earningsOfHousehold } from '../ledger/earned.ts';
import * as moves from '../ledger/household-transactions.ts';
import { shareOf } from '../ledger/lots.ts';
import { payArrears } from '../ledger/pay-arrears.ts';
import { openAccounts, postOne } from '../ledger/post.ts';
import type { Command, Event } from '../ledger/transactions.ts';
import { arrearsEndOf, type Change, newHeadOf, otherHouseholdOf } from './change.ts';
import { type Proposal, recordMergedMembers } from './change-row.ts';
import { endsHousehold, type Household } from './validate.ts';

type Split = Extract<Proposal, { kind: 'split' }>;

/** A proposal with all that settling it takes: of a split, the household that was made for it. */
type ReadyChange = Exclude<Proposal, Split> | (Split & { madeId: string });

/**
 * Enrols the household that a split makes; its members come to it when the split is settled.
 * @throws Refusal `already-exists` (the number)
 */
export async function readyToSettle(tx: Tx, proposal: Proposal, now: Temporal.Instant): Promise<ReadyChange> {
  if (proposal.kind !== 'split') return proposal;
  const { number, ...rest } = proposal.newHousehold;
  const madeId = randomUUIDv7();
  await insertNumbered(tx, number ?? undefined, {
    ...rest,
    village: proposal.village,
    id: madeId,
    state: 'active',
    pinFailedAttempts: 0,
    createdBy: proposal.proposedBy,
    createdAt: iso(now),
  });
  return { ...proposal, madeId };
}

/**
 * Carries out a change that was validated: registers first, then the book. Answers the number of its transaction, if any.
 */
export async function settleChange(
  tx: Tx,
  event: Event & { approver: string },
  change: ReadyChange,
  household: Household,
): Promise<number | null> {
  await settleMembers(tx, change, household);
  if (endsHousehold(change, household)) await closeHousehold(tx, change, event.approver, event.occurredAt);
  const { village } = change;
  if (change.kind === 'split') await openAccounts(tx, village, householdAccounts(change.madeId));
  const command = commandOf(event, change, household, await earnedTermsOf(tx, event, change, household));
  if (command === undefined) return null;
  const otherVillage = otherBookOf(change);
  if (otherVillage !== null) await openAccounts(tx, village, abroadAccounts(otherVillage));
  const { arrears, owedBy } = debtOf(change, household);
  const owing = owedBy === null ? waivedAccount : arrearsAccount(owedBy);
  const named = new Set(command.transfers!.flatMap(({ from, to }) => [from, to]));
  const late = [expiredAccount, owing].filter(({ code }) => named.has(code));
  if (late.length > 0) await openAccounts(tx, village, late);
  const { number } = await postOne(tx, village, command);
  // Whoever takes on what another one owed pays it with what there is, as with points that come in.
  if (owedBy !== null && arrears > 0)
    await payArrears(tx, village, event, { paymentId: change.id, householdId: owedBy });
  return number;
}

/** What the household owes as it ends or splits, and who owes it afterwards; null: nobody does. */
function debtOf(change: ReadyChange, { balances }: Household): { arrears: number; owedBy: string | null } {
  if (change.kind === 'split') return { arrears: change.arrearsPoints, owedBy: change.madeId };
  return { arrears: balances.arrears, owedBy: arrearsEndOf(change) === 'carry' ? otherHouseholdOf(change) : null };
}

async function settleMembers(tx: Tx, change: ReadyChange, { living }: Household): Promise<void> {
  const { village, id: changeId } = change;
  switch (change.kind) {
    case 'memberMove':
      await moveMembers(tx, village, [change.memberId], change.toHouseholdId);
      break;
    case 'split':
      await moveMembers(tx, village, change.memberIds, change.madeId);
      break;
    case 'merge':
      await moveMembers(tx, village, living, change.toHouseholdId);
      await recordMergedMembers(tx, { village, changeId }, living);
      break;
    case 'death':
      await recordDeath(tx, village, [change.memberId], change.diedOn);
      break;
  }
  const headMemberId = newHeadOf(change);
  if (headMemberId !== null) await setHead(tx, change, headMemberId);
}

/** The village whose book the points go to or came from. */
function otherBookOf(change: Change): string | null {
  if (change.kind === 'moveIn') return change.closing.village;
  return change.kind === 'moveAway' && change.carry ? change.toVillage : null;
}

/** Points take the year along in which they were earned. None where no points move from or to a household. */
async function earnedTermsOf(
  tx: Tx,
  { businessDate }: Event,
  change: ReadyChange,
  household: Household,
): Promise<EarnedTerms> {
  const { village, kind, householdId } = change;
  const year = businessDate.slice(0, 4);
  const own = await earningsOfHousehold(tx, village, householdId);
  if (kind === 'moveIn') {
    const { available, earned } = change.closing;
    return available === 0 ? {} : earnedTerms(year, available, { to: own, moved: earned });
  }
  const points = kind === 'split' ? change.availablePoints : household.balances.available;
  const other = kind === 'split' ? change.madeId : otherHouseholdOf(change);
  if (points === 0 || (other === null && kind !== 'moveAway')) return {};
  const to = other === null ? {} : { to: await earningsOfHousehold(tx, village, other) };
  return earnedTerms(year, points, { from: own, ...to });
}

function commandOf(event: Event, change: ReadyChange, household: Household, earned: EarnedTerms): Command | undefined {
  const { id: changeId, householdId, kind } = change;
  const { available, honour, base, expiring } = household.balances;
  const debt = debtOf(change, household);
  const all = { changeId, available, honour, base, earned, ...debt };
  switch (change.kind) {
    case 'split': {
      const lots = Object.fromEntries(expiring.map(lot => [lot.expiresOn, lot.points]));
      return moves.householdSplit(event, {
        changeId,
        earned,
        available: change.availablePoints,
        honour: change.honourPoints,
        from: householdId,
        to: change.madeId,
        lots: shareOf(lots, available, change.availablePoints),
        arrears: debt.arrears,
      });
    }
    case 'merge':
      return moves.householdMerge(event, { ...all, from: householdId, to: change.toHouseholdId });
    case 'moveAway':
      return change.carry
        ? moves.householdMoveOut(event, { ...all, householdId, toVillage: change.toVillage })
        : moves.lapse(event, { ...all, householdId, why: kind });
    case 'moveIn': {
      const { available, honour, lots, earned: _, ...closing } = change.closing;
      return moves.householdMoveIn(event, { changeId, available, honour, lots, earned, householdId, closing });
    }
    case 'death':
      if (change.estate === null) return undefined;
      return change.estate === 'lapses'
        ? moves.lapse(event, { ...all, householdId, why: kind })
        : moves.inheritance(event, { ...all, from: householdId, to: change.estate.heirHouseholdId });
    case 'close':
      return moves.lapse(event, { ...all, householdId, why: kind });
    default:
      return undefined;
  }
}
