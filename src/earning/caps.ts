import { createHash } from 'node:crypto';
import { remembering } from '../calendar.ts';
import type { Limit } from '../ledger/transactions.ts';
import type { CapPeriod } from '../rules/tables.ts';
import { type PolicySettings, yearlyPointsMax } from '../villages/policy-settings.ts';
import type { RuleInBook } from './validate-award.ts';

/** What limits follow from. */
export type CappedRule = Pick<
  RuleInBook,
  'code' | 'excludes' | 'highestOnlyGroup' | 'capTimes' | 'capPeriod' | 'capScope'
>;

interface Use {
  householdId: string;
  memberId: string | null;
  /** Null for an event of its own, which nothing else can be for. */
  occasion: string | null;
  businessDate: Temporal.PlainDate;
  quantity: number;
  points: number;
  /** Entered by one person alone, and decided on by nobody else. */
  direct: boolean;
}

/*
 * The keys of an award's limits. They stay in the book for ever, so their form never changes. An occasion is free text
 * and goes in as a digest of its key: the book keeps no words that may name a person.
 */
const oncePrefix = 'award:';
const exclusionPrefixes = ['awardPair:', 'awardGroup:'];
const householdDayPrefix = 'awardDay:';

/**
 * What an award uses up, checked by the ledger in this order: its occasion, which pays once; what excludes it, because of
 * rules that exclude each other only one pays for an occasion; the cap of its rule in units; of what one person
 * enters alone, the household's points of the day; and the money that the village has for points in the year. Reversing the
 * award gives all of it back.
 */
export function limitsOf(
  rule: CappedRule,
  use: Use,
  policy: Pick<PolicySettings, 'householdDayMaxPoints' | 'pointValueFen' | 'issuingFund' | 'issuingBudgetFen'>,
): Limit[] {
  const holder = holderOf(rule, use);
  const limits: Limit[] = [];
  if (use.occasion !== null) {
    const digest = createHash('sha256').update(occasionKey(use.occasion)).digest('base64url').slice(0, 22);
    const keys = [
      `${oncePrefix}${rule.code}:${holder}`,
      ...rule.excludes.map(excluded => `awardPair:${[rule.code, excluded].sort().join('+')}:${holder}`),
      ...(rule.highestOnlyGroup === null ? [] : [`awardGroup:${rule.highestOnlyGroup}:${holder}`]),
    ];
    for (const key of keys) limits.push({ key: `${key}:${digest}`, use: 1, max: 1, code: 'rule-exclusive' });
  }
  limits.push(...capOf(rule, use));
  if (use.direct) {
    const day = `${householdDayPrefix}${use.householdId}:${use.businessDate}`;
    limits.push({ key: day, use: use.points, max: policy.householdDayMaxPoints, code: 'cap-reached' });
  }
  if (policy.issuingBudgetFen !== null) {
    const max = yearlyPointsMax(policy)!;
    limits.push({ key: `budget:${use.businessDate.year}`, use: use.points, max, code: 'budget-exhausted' });
  }
  return limits;
}

/** What an award uses of its rule's own cap. */
export function capOf(rule: CappedRule, use: Use): Limit[] {
  if (rule.capTimes === null || rule.capPeriod === null) return [];
  const key = `cap:${holderOf(rule, use)}:${rule.code}:${periodOf(rule.capPeriod, use.businessDate)}`;
  return [{ key, use: use.quantity, max: rule.capTimes, code: 'cap-reached' }];
}

/** Which of its limits an award was refused for. */
export function kindOfLimit(key: string): 'once' | 'exclusion' | 'householdDay' | 'rule' {
  if (key.startsWith(oncePrefix)) return 'once';
  if (exclusionPrefixes.some(prefix => key.startsWith(prefix))) return 'exclusion';
  return key.startsWith(householdDayPrefix) ? 'householdDay' : 'rule';
}

/** The first day on which a cap counts from nothing again; null when it never does. */
export function resetsOn(period: CapPeriod, day: Temporal.PlainDate): string | null {
  switch (period) {
    case 'day':
      return day.add({ days: 1 }).toString();
    case 'week':
      return day.add({ days: 8 - day.dayOfWeek }).toString();
    case 'month':
      return day.with({ day: 1 }).add({ months: 1 }).toString();
    case 'year':
      return day.with({ month: 1, day: 1 }).add({ years: 1 }).toString();
    case 'once':
      return null;
  }
}

/** The first day of the period that a day lies in; null for the one that has no beginning. */
export function startOfPeriod(period: CapPeriod, day: Temporal.PlainDate): string | null {
  switch (period) {
    case 'day':
      return day.toString();
    case 'week':
      return day.subtract({ days: day.dayOfWeek - 1 }).toString();
    case 'month':
      return day.with({ day: 1 }).toString();
    case 'year':
      return day.with({ month: 1, day: 1 }).toString();
    case 'once':
      return null;
  }
}

/** 2026-11-23, 2026-W48 (ISO 8601), 2026-11, 2026, or `once`. */
function periodOf(period: CapPeriod, day: Temporal.PlainDate): string {
  switch (period) {
    case 'day':
      return day.toString();
    case 'week':
      return `${day.yearOfWeek}-W${String(day.weekOfYear).padStart(2, '0')}`;
    case 'month':
      return day.toPlainYearMonth().toString();
    case 'year':
      return String(day.year);
    case 'once':
      return 'once';
  }
}

/** Whom the rule pays: the household, or the member, who may move to another. */
export function holderOf(
  rule: Pick<CappedRule, 'capScope'>,
  use: { householdId: string; memberId?: string | null | undefined },
): string {
  return rule.capScope === 'household' ? use.householdId : use.memberId!;
}

/** What does not count in an occasion: control and format characters, blanks, also the one that braille writes. */
const uncounted = /[\p{Cc}\p{Cf}\p{DI}\s\u2800]/gu;
const dashes = /[\p{Pd}\u2043\u2212\u2500\u2501]+/gu;

/** Cyrillic and Greek letters that look like a Latin one, and their other case. Source: Unicode Technical Standard 39, confusables.txt. */
const [lookAlikes, latin] = [
  'АВЕЅІЈКМНОРСТХҮԌԚԜаеѕіјорсхуһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧινορυαγУкмтвнβεζηκμτχ',
  'ABESIJKMHOPCTXYGQWaesijopcxyhdqwlABEZHIKMNOPTYXivopuayYkmtbhbezhkmtx',
];
const alike = new Map([...lookAlikes].map((letter, place) => [letter, latin[place]!]));

/**
 * An occasion as it is compared: NFKC, without what cannot be seen, dashes and look-alikes as one, without case. Some more
 * are one than should be: an occasion that is refused can be named better, one that is paid twice cannot be unpaid.
 */
export const occasionKey = remembering((occasion: string): string => {
  const seen = occasion.normalize('NFKC').replace(uncounted, '').replace(dashes, '-').normalize('NFKC');
  let written = '';
  for (const letter of seen) written += alike.get(letter) ?? letter;
  return written.toUpperCase().toLowerCase();
});
