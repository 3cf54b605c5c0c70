import type { CapPeriod } from './tables.ts';

/** One line of a rule book, before it is in one. */
export interface RuleDraft {
  code: string;
  category: string;
  title: string;
  titleEn: string | null;
  /** Points for one unit, positive for a deduction too. */
  points: number;
  direction: 'award' | 'deduction';
  /** What is counted: 人次, 小时, 公斤 … */
  unit: string;
  /** Most units in a period; both null for no cap. */
  capTimes: number | null;
  capPeriod: CapPeriod | null;
  /** Whom the item, and its cap, belongs to. */
  capScope: 'household' | 'member';
  evidence: string[];
  /** Codes that may not be awarded for the same occasion. */
  excludes: string[];
  /** Of one group, one item counts for the same occasion. */
  highestOnlyGroup: string | null;
  honour: boolean;
  /** `exempt`: spendable at once, whatever the policy says of publicity. */
  publicity: 'required' | 'exempt';
  /** Whether staff may claim it for a household; true unless told. */
  onBehalf?: boolean | undefined;
}

/** The texts of a rule whose wording is checked. */
export function textsOf({ category, title, titleEn, unit }: RuleDraft): string[] {
  return [category, title, titleEn ?? '', unit];
}
