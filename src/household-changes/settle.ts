import { randomUUIDv7 } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { insertNumbered } from '../households/enrol.ts';
import { closeHousehold, moveMembers, recordDeath, setHead } from '../households/household.ts';
import { abroadAccounts, expiredAccount, householdAccounts } from '../ledger/accounts.ts';
import * as moves from '../ledger/household-transactions.ts';
import { openAccounts, postOne } from '../ledger/post.ts';
import type { Command, Event } from '../ledger/transactions.ts';
import type { ChangeRow } from './read.ts';
import { change } from './tables.ts';
import { endsHousehold, type Household } from './validate.ts';

/** Enters the household that a split makes; its members come to it when the split is settled. @throws Refusal `already-exists` */
export async function foundHousehold(tx: Tx, split: ChangeRow, now: Temporal.Instant): Promise<string> {
  const id = randomUUIDv7();
  await insertNumbered(tx, split.newNumber ?? undefined, {
    village: split.village,
    id,
    grid: split.newGrid,
    address: split.newAddress,
    headMemberId: split.newHeadMemberId!,
    state: 'active',
    pinFailedAttempts: 0,
    createdBy: split.proposedBy,
    createdAt: iso(now),
  });
  return id;
}

/** Carries out a change that was judged: registers first, then the book. Answers the number of its transaction, if any. */
export async function settleChange(
  tx: Tx,
  event: Event & { approver: string },
  row: ChangeRow,
  state: Household,
  madeId: string | null,
): Promise<number | null> {
  await settleMembers(tx, row, state, madeId ?? row.toHouseholdId);
  if (endsHousehold(row, state)) await closeHousehold(tx, row, event.approver, event.occurredAt);
  const { village } = row;
  if (madeId !== null) await openAccounts(tx, village, householdAccounts(madeId));
  const command = commandOf(event, row, state, madeId);
  if (command === undefined) return null;
  if (row.otherVillage !== null && (row.kind === 'moveIn' || row.carried)) {
    await openAccounts(tx, village, abroadAccounts(row.otherVillage));
  }
  if (command.transfers!.some(({ to }) => to === expiredAccount.code))
    await openAccounts(tx, village, [expiredAccount]);
  return (await postOne(tx, village, command)).number;
}

async function settleMembers(tx: Tx, row: ChangeRow, { living }: Household, toId: string | null): Promise<void> {
  const { village, kind, headMemberId } = row;
  const memberIds = kind === 'merge' ? living : row.memberIds;
  if (kind === 'memberMove' || kind === 'split' || kind === 'merge') {
    await moveMembers(tx, village, memberIds, toId!);
  }
  if (kind === 'merge') {
    await tx
      .update(change)
      .set({ memberIds })
      .where(and(eq(change.village, village), eq(change.id, row.id)));
  }
  if (kind === 'death') await recordDeath(tx, village, memberIds, row.diedOn!);
  if (headMemberId !== null) await setHead(tx, row, headMemberId);
}

function commandOf(event: Event, row: ChangeRow, state: Household, madeId: string | null): Command | undefined {
  const { id: changeId, householdId, kind } = row;
  const { available, honour, base, expiring } = state.balances;
  const all = { changeId, available, honour, base };
  const signed = { changeId, available: row.availablePoints!, honour: row.honourPoints! };
  switch (kind) {
    case 'split': {
      const lots = Object.fromEntries(expiring.map(lot => [lot.expiresOn, lot.points]));
      const share = moves.shareOf(lots, available, signed.available);
      return moves.householdSplit(event, { ...signed, from: householdId, to: madeId!, lots: share });
    }
    case 'merge':
      return moves.householdMerge(event, { ...all, from: householdId, to: row.toHouseholdId! });
    case 'moveAway':
      return row.carried
        ? moves.householdMoveOut(event, { ...all, householdId, toVillage: row.otherVillage! })
        : moves.lapse(event, { ...all, householdId, why: kind });
    case 'moveIn': {
      const closing = { village: row.otherVillage!, number: row.closingNumber!, hash: row.closingHash! };
      return moves.householdMoveIn(event, { ...signed, householdId, lots: row.lots, closing });
    }
    case 'death':
      if (row.toHouseholdId !== null)
        return moves.inheritance(event, { ...all, from: householdId, to: row.toHouseholdId });
      return endsHousehold(row, state) ? moves.lapse(event, { ...all, householdId, why: kind }) : undefined;
    case 'close':
      return moves.lapse(event, { ...all, householdId, why: kind });
    default:
      return undefined;
  }
}
