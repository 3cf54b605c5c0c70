import { abroad, expired, householdAccount, waived } from './accounts.ts';
import { causes } from './causes.ts';
import type { EarnedTerms } from './earned.ts';
import { type Command, command, type Event, type Lots, type Transfer } from './transactions.ts';

/*
 * How value moves when a household changes, as pure as transactions.ts. Between accounts of households points keep their
 * lots: the ledger takes along what is there, or what is wanted. A function answers undefined where nothing moves.
 */

/** What a household has, or what of it goes along, and when it was earned. */
interface Estate {
  available: number;
  honour: number;
  earned: EarnedTerms;
}

/** What the household owes, and who owes it from now on; null: nobody does. */
interface Debt {
  arrears: number;
  owedBy: string | null;
}

/** A household's points, honour and arrears, as far as the two sides signed, for the household that its members make. */
export function householdSplit(
  event: Event,
  split: Estate & { changeId: string; from: string; to: string; lots: Lots; arrears: number },
): Command | undefined {
  const owed = owedNowBy(split.from, { arrears: split.arrears, owedBy: split.to });
  return changed(event, 'householdSplit', split, [...between(split, split.lots), ...owed]);
}

/** All that a household has goes to the one that stays, and with the household its base points end. */
export function householdMerge(
  event: Event,
  merge: Estate & Debt & { changeId: string; from: string; to: string; base: number },
): Command | undefined {
  return changed(event, 'householdMerge', merge, allOf(merge));
}

/** The same after the last member's death, for the heir. */
export function inheritance(event: Event, left: Parameters<typeof householdMerge>[1]): Command | undefined {
  return changed(event, 'inheritance', left, allOf(left));
}

/** Closes the accounts of a household that moves to another village, whose own book opens them: no transfer crosses books. */
export function householdMoveOut(
  event: Event,
  move: Estate & Debt & { changeId: string; householdId: string; toVillage: string; base: number },
): Command | undefined {
  const { householdId, toVillage, base } = move;
  const transfers = [
    ...inParts({
      from: householdAccount(householdId, 'available'),
      to: abroad(toVillage),
      asset: 'PTS',
      amount: move.available,
    }),
    ...inParts({
      from: householdAccount(householdId, 'honour'),
      to: abroad(toVillage),
      asset: 'HON',
      amount: move.honour,
    }),
    ...baseEnds(householdId, base),
    ...owedNowBy(householdId, move),
  ];
  return changed(event, 'householdMoveOut', move, transfers, { toVillage });
}

/** Opens here what another village's closing transaction let go: once for each, and linked to it by its terms. */
export function householdMoveIn(
  event: Event,
  move: Estate & {
    changeId: string;
    householdId: string;
    lots: Lots;
    closing: { village: string; number: number; hash: string };
  },
): Command | undefined {
  const { householdId, closing } = move;
  const from = abroad(closing.village);
  const transfers = [
    ...inParts({
      from,
      to: householdAccount(householdId, 'available'),
      asset: 'PTS',
      amount: move.available,
      lots: move.lots,
    }),
    ...inParts({ from, to: householdAccount(householdId, 'honour'), asset: 'HON', amount: move.honour }),
  ];
  const terms = {
    change: move.changeId,
    fromVillage: closing.village,
    fromNumber: String(closing.number),
    fromHash: closing.hash,
    ...move.earned,
  };
  if (transfers.length === 0) return undefined;
  return command(event, 'householdMoveIn', causes.householdMoveIn(closing), { transfers, frozen: terms });
}

/** What nobody takes on when a household ends. Honour stays where it was earned: it is a record, and nobody spends it. */
export function lapse(
  event: Event,
  left: Debt & { changeId: string; householdId: string; available: number; base: number; why: string },
): Command | undefined {
  const { householdId, available, base, why } = left;
  const from = householdAccount(householdId, 'available');
  const transfers = [
    ...inParts({ from, to: expired, asset: 'PTS', amount: available }),
    ...baseEnds(householdId, base),
    ...owedNowBy(householdId, left),
  ];
  return changed(event, 'lapse', { ...left, earned: {} }, transfers, { why });
}

/**
 * What an award brought goes back from the household that took on all of the one it was given to: posted just before the
 * award's reversal, which then finds it and stays an exact mirror.
 */
export function successorReturn(
  event: Event,
  back: Estate & { awardId: string; from: string; to: string; lots: Lots },
): Command {
  const terms = { award: back.awardId, ...back.earned };
  return command(event, 'successorReturn', causes.successorReturn(back.awardId), {
    transfers: between(back, back.lots),
    frozen: terms,
  });
}

function changed(
  event: Event,
  kind: 'householdSplit' | 'householdMerge' | 'inheritance' | 'householdMoveOut' | 'lapse',
  { changeId, earned }: Pick<Estate, 'earned'> & { changeId: string },
  transfers: Transfer[],
  terms: Record<string, string> = {},
): Command | undefined {
  if (transfers.length === 0) return undefined;
  return command(event, kind, causes[kind](changeId), {
    transfers,
    frozen: { change: changeId, ...earned, ...terms },
  });
}

function between(
  { from, to, available, honour }: Omit<Estate, 'earned'> & { from: string; to: string },
  lots?: Lots,
): Transfer[] {
  const move = (purpose: 'available' | 'honour') => ({
    from: householdAccount(from, purpose),
    to: householdAccount(to, purpose),
  });
  return [
    ...inParts({ ...move('available'), asset: 'PTS', amount: available, lots }),
    ...inParts({ ...move('honour'), asset: 'HON', amount: honour }),
  ];
}

function allOf(left: Estate & Debt & { from: string; to: string; base: number }): Transfer[] {
  return [...between(left), ...baseEnds(left.from, left.base), ...owedNowBy(left.from, left)];
}

function owedNowBy(householdId: string, { arrears, owedBy }: Debt): Transfer[] {
  const from = owedBy === null ? waived : householdAccount(owedBy, 'arrears');
  return inParts({ from, to: householdAccount(householdId, 'arrears'), asset: 'PTS', amount: arrears });
}

function baseEnds(householdId: string, base: number): Transfer[] {
  return inParts({ from: householdAccount(householdId, 'base'), to: expired, asset: 'PTS', amount: base });
}

/** Most that one line may carry: `ledger.amount_max`. A household may have more. */
const lineMax = 1_000_000;

/** A transfer in as many lines as it takes; none for nothing. Each line has its part of the lots. */
function inParts({ amount, lots, ...rest }: Transfer): Transfer[] {
  const left = Object.entries(lots ?? {}).sort(([a], [b]) => a.localeCompare(b));
  const parts: Transfer[] = [];
  for (let rests = amount; rests > 0; rests -= lineMax) {
    const part = Math.min(rests, lineMax);
    const own: Lots = {};
    for (let room = part; room > 0 && left.length > 0; ) {
      const [day, points] = left[0]!;
      const some = Math.min(points, room);
      own[day] = some;
      room -= some;
      if (some === points) left.shift();
      else left[0] = [day, points - some];
    }
    parts.push({ ...rest, amount: part, ...(lots !== undefined && { lots: own }) });
  }
  return parts;
}
