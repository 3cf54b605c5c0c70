import type { Limit } from '../ledger/transactions.ts';
import type { RuleView } from '../rules/read.ts';
import type { PolicySettings } from '../villages/policy-settings.ts';
import { type CappedRule, capOf, kindOfLimit, limitsOf } from './caps.ts';

/** An award that stands, as far as its limits need it, with its rule as it was. */
export interface EnteredAward {
  /** Its place in the book: caps are judged in this order. */
  transactionNumber: number;
  householdId: string;
  memberId: string | null;
  occasion: string;
  businessDate: string;
  quantity: number;
  points: number;
  /** Entered by one person alone. */
  direct: boolean;
  rule: CappedRule & { points: number };
}

/** Why an award would not have been made: the book has no such rule or takes points for it, or a limit was used up. */
type SimulatedRefusal = 'notInBook' | 'deduction' | 'memberMissing' | 'cap' | 'householdDay' | 'exclusion' | 'budget';

interface Simulated {
  award: EnteredAward;
  /** What it would have come to; 0 when refused. */
  points: number;
  refused: SimulatedRefusal | null;
}

/**
 * Judges the awards of a span again, under the rules of another book, as the book of points would have: in the order in
 * which they were entered, one that is refused using nothing up. What was awarded for days before the span stands, and has
 * used up what it did of its cap; an exclusion it cannot have used up, for what it excludes could not be entered after
 * it. Points that were set by hand stay as they are.
 * @param asked.spent points of each year before the span, as far as a budget counted them
 */
export function simulate(asked: {
  before: EnteredAward[];
  within: EnteredAward[];
  rules: Pick<RuleView, keyof CappedRule | 'points' | 'direction'>[];
  policyOn: (day: string) => PolicySettings;
  spent: { year: string; points: number }[];
}): Simulated[] {
  const rules = new Map(asked.rules.map(rule => [rule.code, rule]));
  const used = new Map<string, number>(asked.spent.map(({ year, points }) => [`budget:${year}`, points]));
  // Of a hundred thousand awards few are of different days, and a day is slow to read.
  const days = new Map<string, Temporal.PlainDate>();
  const useOf = (award: EnteredAward, points: number) => {
    const day = days.get(award.businessDate) ?? Temporal.PlainDate.from(award.businessDate);
    days.set(award.businessDate, day);
    return { ...award, businessDate: day, points };
  };
  const entries = [
    ...asked.before.map(award => ({ award, stands: true })),
    ...asked.within.map(award => ({ award, stands: false })),
  ].sort((a, b) => a.award.transactionNumber - b.award.transactionNumber);

  return entries.flatMap(({ award, stands }): Simulated[] => {
    if (stands) {
      take(used, capOf(award.rule, useOf(award, award.points)));
      return [];
    }
    const rule = rules.get(award.rule.code);
    const refusal = refusalFor(rule, award);
    if (rule === undefined || refusal !== null) return [{ award, points: 0, refused: refusal }];
    const byHand = award.points !== award.rule.points * award.quantity;
    const points = byHand ? award.points : rule.points * award.quantity;
    const limits = limitsOf(rule, useOf(award, points), asked.policyOn(award.businessDate));
    const reached = limits.find(limit => (used.get(limit.key) ?? 0) + limit.use > limit.max);
    if (reached !== undefined) return [{ award, points: 0, refused: refusalOf(reached) }];
    take(used, limits);
    return [{ award, points, refused: null }];
  });
}

function refusalFor(
  rule: { direction: string; capScope: string } | undefined,
  award: EnteredAward,
): SimulatedRefusal | null {
  if (rule === undefined) return 'notInBook';
  if (rule.direction === 'deduction') return 'deduction';
  return rule.capScope === 'member' && award.memberId === null ? 'memberMissing' : null;
}

function take(used: Map<string, number>, limits: Limit[]): void {
  for (const { key, use } of limits) used.set(key, (used.get(key) ?? 0) + use);
}

function refusalOf({ code, key }: Limit): SimulatedRefusal {
  if (code === 'budget-exhausted') return 'budget';
  const kind = kindOfLimit(key);
  return kind === 'rule' ? 'cap' : kind === 'once' ? 'exclusion' : kind;
}

interface Sums {
  awards: number;
  pointsThen: number;
  pointsNow: number;
  refused: Record<SimulatedRefusal, number>;
}

export interface SimulationTotals {
  total: Sums;
  /** By code; with the rules of the book that nobody has used. */
  rules: ({ code: string } & Sums)[];
  gaining: number;
  losing: number;
  unchanged: number;
  /** Whose points would change most, the most first. */
  gainingMost: HouseholdChange[];
  losingMost: HouseholdChange[];
}

interface HouseholdChange {
  householdId: string;
  pointsThen: number;
  pointsNow: number;
}

/** How many households are shown on either side. */
const shown = 10;

/** Adds up what a simulation came to. */
export function totalsOf(simulated: Simulated[], codes: string[]): SimulationTotals {
  const byCode = Map.groupBy(simulated, one => one.award.rule.code);
  const all = [...new Set([...codes, ...byCode.keys()])].sort();
  const changes = [...Map.groupBy(simulated, one => one.award.householdId)].map(([householdId, own]) => {
    const { pointsThen, pointsNow } = sumsOf(own);
    return { householdId, pointsThen, pointsNow, change: pointsNow - pointsThen };
  });
  const most = (sign: 1 | -1) =>
    changes
      .filter(one => one.change * sign > 0)
      .sort((a, b) => (b.change - a.change) * sign || (a.householdId < b.householdId ? -1 : 1));
  const [gaining, losing] = [most(1), most(-1)];
  const rest = ({ change: _, ...one }: HouseholdChange & { change: number }) => one;
  return {
    total: sumsOf(simulated),
    rules: all.map(code => ({ code, ...sumsOf(byCode.get(code) ?? []) })),
    gaining: gaining.length,
    losing: losing.length,
    unchanged: changes.length - gaining.length - losing.length,
    gainingMost: gaining.slice(0, shown).map(rest),
    losingMost: losing.slice(0, shown).map(rest),
  };
}

function sumsOf(simulated: Simulated[]): Sums {
  const refused = {
    notInBook: 0,
    deduction: 0,
    memberMissing: 0,
    cap: 0,
    householdDay: 0,
    exclusion: 0,
    budget: 0,
  };
  let [pointsThen, pointsNow] = [0, 0];
  for (const one of simulated) {
    pointsThen += one.award.points;
    pointsNow += one.points;
    if (one.refused !== null) refused[one.refused] += 1;
  }
  return { awards: simulated.length, pointsThen, pointsNow, refused };
}
