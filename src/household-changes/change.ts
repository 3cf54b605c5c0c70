import type { Earned } from '../ledger/earned.ts';
import type { Lots } from '../ledger/transactions.ts';
import type { ChangeKind, change } from './tables.ts';

/** What a change of a household asks for. Its row has a column for whatever any kind may say; here each kind says its own. */
export type Change = Common & (MemberMove | Split | Merge | MoveAway | MoveIn | Death | Close | Head);

interface Common {
  village: string;
  householdId: string;
  reason: string;
}

/**
 * What becomes of points that the household owes when it ends: who takes it on owes them, or two people waive them. Null
 * where it owes none.
 */
type ArrearsEnd = 'carry' | 'waive' | null;

/** A member goes to another household. No points move. */
interface MemberMove {
  kind: 'memberMove';
  memberId: string;
  toHouseholdId: string;
  /** Who is head afterwards, where it is somebody else than now. */
  headMemberId: string | null;
}

/** Members leave and make a household of their own, with points and honour as both sides signed. */
interface Split {
  kind: 'split';
  memberIds: string[];
  newHousehold: { number: string | null; grid: number | null; address: string | null; headMemberId: string };
  headMemberId: string | null;
  availablePoints: number;
  honourPoints: number;
  arrearsPoints: number;
}

/** All of a household joins another one, which stays. */
interface Merge {
  kind: 'merge';
  toHouseholdId: string;
  arrears: ArrearsEnd;
}

/** A household goes to another village; its points go along, or lapse. */
interface MoveAway {
  kind: 'moveAway';
  toVillage: string;
  carry: boolean;
  arrears: ArrearsEnd;
}

/** What a household brings from the village where it was closed. */
interface MoveIn {
  kind: 'moveIn';
  closing: Closing;
}

interface Death {
  kind: 'death';
  memberId: string;
  diedOn: string;
  headMemberId: string | null;
  /** After the last member: who inherits, or that what is left lapses. Null while others are left. */
  estate: { heirHouseholdId: string } | 'lapses' | null;
  arrears: ArrearsEnd;
}

/** An empty household ends. */
interface Close {
  kind: 'close';
  arrears: ArrearsEnd;
}

/** Another member speaks for the household. */
interface Head {
  kind: 'head';
  headMemberId: string;
}

/** What a household took along when it left another village, as that village's book says. */
export interface Closing {
  village: string;
  number: number;
  hash: string;
  available: number;
  honour: number;
  lots: Lots;
  earned: Earned;
}

/** The other household, where there is one before the change is made: where a member goes, what stays, who inherits. */
export function otherHouseholdOf(change: Change): string | null {
  if (change.kind === 'memberMove' || change.kind === 'merge') return change.toHouseholdId;
  if (change.kind === 'death' && change.estate !== null && change.estate !== 'lapses') {
    return change.estate.heirHouseholdId;
  }
  return null;
}

/** Members who leave or have died. A merger moves everybody: they are known when it is agreed to. */
export function leavingMembersOf(change: Change): string[] {
  if (change.kind === 'memberMove' || change.kind === 'death') return [change.memberId];
  return change.kind === 'split' ? change.memberIds : [];
}

/** The head that the household has afterwards, where it gets another one. */
export function newHeadOf(change: Change): string | null {
  return 'headMemberId' in change ? change.headMemberId : null;
}

/** What becomes of arrears, where the change ends the household. */
export function arrearsEndOf(change: Change): ArrearsEnd {
  return 'arrears' in change ? change.arrears : null;
}

/** The columns that a change fills; the others are null. */
type ChangeColumns = Pick<
  typeof change.$inferSelect,
  | 'toHouseholdId'
  | 'memberIds'
  | 'headMemberId'
  | 'diedOn'
  | 'newNumber'
  | 'newGrid'
  | 'newAddress'
  | 'newHeadMemberId'
  | 'availablePoints'
  | 'honourPoints'
  | 'carried'
  | 'otherVillage'
  | 'closingNumber'
  | 'closingHash'
  | 'lots'
  | 'earned'
  | 'arrears'
  | 'arrearsPoints'
>;

export function columnsOf(change: Change): ChangeColumns {
  return {
    toHouseholdId: otherHouseholdOf(change),
    memberIds: leavingMembersOf(change),
    headMemberId: newHeadOf(change),
    diedOn: change.kind === 'death' ? change.diedOn : null,
    newNumber: null,
    newGrid: null,
    newAddress: null,
    newHeadMemberId: null,
    availablePoints: null,
    honourPoints: null,
    carried: null,
    otherVillage: null,
    closingNumber: null,
    closingHash: null,
    lots: {},
    earned: {},
    arrears: arrearsEndOf(change),
    arrearsPoints: null,
    ...ownColumnsOf(change),
  };
}

function ownColumnsOf(change: Change): Partial<ChangeColumns> {
  switch (change.kind) {
    case 'split': {
      const { newHousehold, availablePoints, honourPoints, arrearsPoints } = change;
      return {
        newNumber: newHousehold.number,
        newGrid: newHousehold.grid,
        newAddress: newHousehold.address,
        newHeadMemberId: newHousehold.headMemberId,
        availablePoints,
        honourPoints,
        arrearsPoints,
      };
    }
    case 'moveAway':
      return { otherVillage: change.toVillage, carried: change.carry };
    case 'moveIn': {
      const { village, number, hash, available, honour, lots, earned } = change.closing;
      return {
        otherVillage: village,
        closingNumber: number,
        closingHash: hash,
        availablePoints: available,
        honourPoints: honour,
        lots,
        earned,
      };
    }
    case 'death':
      return { carried: change.estate === null ? null : change.estate !== 'lapses' };
    default:
      return {};
  }
}

/** The change that a row says, as long as nobody has agreed to it. */
export function changeOf(row: Common & { kind: ChangeKind } & ChangeColumns): Change {
  const { village, householdId, reason, kind, memberIds, headMemberId, arrears } = row;
  const common = { village, householdId, reason };
  switch (kind) {
    case 'memberMove':
      return {
        ...common,
        kind,
        memberId: required(memberIds[0]),
        toHouseholdId: required(row.toHouseholdId),
        headMemberId,
      };
    case 'split':
      return {
        ...common,
        kind,
        memberIds,
        newHousehold: {
          number: row.newNumber,
          grid: row.newGrid,
          address: row.newAddress,
          headMemberId: required(row.newHeadMemberId),
        },
        headMemberId,
        availablePoints: required(row.availablePoints),
        honourPoints: required(row.honourPoints),
        arrearsPoints: row.arrearsPoints ?? 0,
      };
    case 'merge':
      return { ...common, kind, toHouseholdId: required(row.toHouseholdId), arrears };
    case 'moveAway':
      return { ...common, kind, toVillage: required(row.otherVillage), carry: required(row.carried), arrears };
    case 'moveIn':
      return {
        ...common,
        kind,
        closing: {
          village: required(row.otherVillage),
          number: required(row.closingNumber),
          hash: required(row.closingHash),
          available: required(row.availablePoints),
          honour: required(row.honourPoints),
          lots: row.lots,
          earned: row.earned,
        },
      };
    case 'death': {
      const heir = row.toHouseholdId === null ? null : { heirHouseholdId: row.toHouseholdId };
      const estate = heir ?? (row.carried === false ? 'lapses' : null);
      const memberId = required(memberIds[0]);
      return { ...common, kind, memberId, diedOn: required(row.diedOn), headMemberId, estate, arrears };
    }
    case 'close':
      return { ...common, kind, arrears };
    case 'head':
      return { ...common, kind, headMemberId: required(headMemberId) };
  }
}

/** What the table's check `change_form` asks of a kind is there. */
function required<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('a change lacks what its kind asks for');
  return value;
}
