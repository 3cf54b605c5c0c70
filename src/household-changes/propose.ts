import { randomUUIDv7 } from 'node:crypto';
import type { Tx } from '../db/database.ts';
import { refuseFarNumber } from '../households/numbers.ts';
import { findHouseholdByNumber, hasGrid } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { villageExists } from '../villages/read.ts';
import { type Change, type Closing, otherHouseholdOf } from './change.ts';
import { insertChange } from './change-row.ts';
import { type ChangeView, getChange } from './read.ts';
import type { NewChange } from './schemas.ts';
import { type Household, readHousehold, validateChange } from './validate.ts';

/**
 * Proposes a change of a household. Nothing moves until somebody else agrees. One proposal for a household at a time.
 * @param closing of a `moveIn`, read in the other village's book
 * @throws Refusal whatever `validateChange` refuses | `already-exists` (an open proposal, the number, a closing that came
 *   in) | `number-far`
 */
export async function proposeChange(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewChange,
  now: Temporal.Instant,
  closing?: Closing,
): Promise<ChangeView> {
  const household = await readHousehold(tx, village, input.householdId);
  const change: Change = {
    village,
    householdId: input.householdId,
    reason: input.reason,
    ...termsOf(input, household, closing),
  };
  refuseSelf(change);
  await refusePlaces(tx, change);
  if (input.kind === 'split') await refuseFarNumber(tx, village, input.newHousehold);
  await validateChange(tx, change, household, now);
  const id = randomUUIDv7();
  await insertChange(tx, { ...change, id, proposedBy: actor.id }, now);
  return getChange(tx, actor, village, id);
}

type Input<K extends NewChange['kind']> = Extract<NewChange, { kind: K }>;
type Terms<C = Change> = C extends unknown ? Omit<C, 'village' | 'householdId' | 'reason'> : never;

function termsOf(input: NewChange, household: Household, closing?: Closing): Terms {
  switch (input.kind) {
    case 'memberMove': {
      const { kind, memberId, toHouseholdId, headMemberId } = input;
      return { kind, memberId, toHouseholdId, headMemberId: headMemberId ?? null };
    }
    case 'split':
      return splitOf(input, household);
    case 'merge':
      return { kind: input.kind, toHouseholdId: input.toHouseholdId, arrears: input.arrears ?? null };
    case 'moveAway':
      return { kind: input.kind, toVillage: input.toVillage, carry: input.carry, arrears: input.arrears ?? null };
    case 'moveIn':
      return { kind: input.kind, closing: closing! };
    case 'death':
      return deathOf(input);
    case 'close':
      return { kind: input.kind, arrears: input.arrears ?? null };
    case 'head':
      return { kind: input.kind, headMemberId: input.headMemberId };
  }
}

function splitOf(input: Input<'split'>, { living, balances }: Household): Terms {
  const { kind, memberIds, newHousehold } = input;
  const share = (points: number) =>
    Number((BigInt(points) * BigInt(memberIds.length)) / BigInt(Math.max(1, living.length)));
  return {
    kind,
    memberIds,
    newHousehold: {
      number: newHousehold.number ?? null,
      grid: newHousehold.grid,
      address: newHousehold.address ?? null,
      headMemberId: newHousehold.headMemberId,
    },
    headMemberId: input.headMemberId ?? null,
    availablePoints: input.availablePoints ?? share(balances.available),
    honourPoints: input.honourPoints ?? share(balances.honour),
    arrearsPoints: input.arrearsPoints ?? share(balances.arrears),
  };
}

function deathOf(input: Input<'death'>): Terms {
  const { kind, memberId, diedOn, headMemberId, heirHouseholdId, lapse, arrears = null } = input;
  if (heirHouseholdId !== undefined && lapse === true) {
    throw malformed('/lapse', 'not', {
      zh: '继承户和积分作废只能选一项。',
      en: 'Name an heir or set lapse, not both.',
    });
  }
  if (arrears !== null && heirHouseholdId === undefined && (arrears === 'carry' || lapse !== true)) {
    throw malformed('/arrears', 'not', {
      zh: '欠分由继承户承担的，请先选择继承户；免除欠分的，请选择继承户或积分作废。',
      en: 'Arrears can be carried by an heir, or waived when the household ends.',
    });
  }
  const estate = heirHouseholdId !== undefined ? { heirHouseholdId } : lapse === true ? 'lapses' : null;
  return { kind, memberId, diedOn, headMemberId: headMemberId ?? null, estate, arrears };
}

function refuseSelf(change: Change): void {
  if (otherHouseholdOf(change) === change.householdId)
    throw malformed('/toHouseholdId', 'not', { zh: '接收户不能是本户，请另选一户。', en: 'Name another household.' });
  const otherVillage =
    change.kind === 'moveAway' ? change.toVillage : change.kind === 'moveIn' ? change.closing.village : null;
  if (otherVillage === change.village)
    throw malformed('/toVillage', 'not', { zh: '请选择另一个村。', en: 'Name another village.' });
}

async function refusePlaces(tx: Tx, change: Change): Promise<void> {
  const { village } = change;
  if (change.kind === 'split') {
    const { grid, number } = change.newHousehold;
    if (grid !== null && !(await hasGrid(tx, village, grid))) throw new Refusal('not-found', { field: 'grid' });
    const taken = number === null ? undefined : await findHouseholdByNumber(tx, village, number);
    if (taken !== undefined) throw new Refusal('already-exists', { field: 'number', existingId: taken.id });
  }
  if (change.kind === 'moveAway' && change.carry && !(await villageExists(tx, change.toVillage))) {
    throw new Refusal('not-found', { field: 'toVillage' });
  }
}
