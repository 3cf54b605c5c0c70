import { type PolicySettings, yearlyPointsMax } from '../villages/policy-settings.ts';
import { type RuleDraft, textsOf } from './rule-draft.ts';
import { refusedTermsIn } from './wording.ts';

/** What the notice has room for on one line, in characters. */
const noticeTitleMax = 24;
/** More than that for one unit is for deeds that few do once in a life. */
const usualPointsMax = 100;

export const findingKinds = [
  'wordingRefused',
  'evidenceMissing',
  'neverPaid',
  'capMissing',
  'photoOnly',
  'pointsHigh',
  'exclusionOneSided',
  'groupOfOne',
  'titleRepeated',
  'titleLong',
  'wordingVague',
  'deductionWithoutBase',
] as const;

/** What is wrong with a book: an error keeps it from being adopted, a warning is for the assembly to weigh. */
interface Finding {
  level: 'error' | 'warning';
  kind: (typeof findingKinds)[number];
  /** The rule it is about; null: the book. */
  ruleCode: string | null;
  zh: string;
  en: string;
}

/**
 * Everything that is found wrong with a book under a policy, errors first, then by rule. Where the village gives no base
 * points, a deduction has nothing to take from those who have earned nothing; what one unit earns has to fit into the money
 * of a year.
 */
export function findingsOf(
  book: { title: string; rules: RuleDraft[] },
  policy: Pick<PolicySettings, 'basePoints' | 'issuingBudgetFen' | 'pointValueFen'>,
): Finding[] {
  const pointsMax = yearlyPointsMax(policy);
  const rules = [...book.rules].sort((a, b) => (a.code < b.code ? -1 : 1));
  const found = [
    ...wordingOf(null, [book.title]),
    ...rules.flatMap(rule => [...ofRule(rule, pointsMax), ...ofRelations(rule, rules)]),
    ...ofDeductions(rules, policy.basePoints),
  ];
  return [...found.filter(one => one.level === 'error'), ...found.filter(one => one.level === 'warning')];
}

function ofRule(rule: RuleDraft, pointsMax: number | null): Finding[] {
  const { code, title } = rule;
  const warn = (kind: Finding['kind'], zh: string, en: string): Finding => warning(kind, code, zh, en);
  const found = wordingOf(code, textsOf(rule));
  if (rule.evidence.length === 0) {
    found.push({
      level: 'error',
      kind: 'evidenceMissing',
      ruleCode: code,
      zh: '没有写明凭什么佐证，谁都可以说自己做了',
      en: 'No evidence is required: anyone could claim it',
    });
  }
  if (pointsMax !== null && rule.direction === 'award' && rule.points > pointsMax) {
    found.push({
      level: 'error',
      kind: 'neverPaid',
      ruleCode: code,
      zh: `一次 ${rule.points} 分，全年预算只够 ${pointsMax} 分，永远发不出`,
      en: `${rule.points} points per unit can never be paid: the budget of a year covers ${pointsMax}`,
    });
  }
  if (rule.capTimes === null && !isRareDeed(title)) {
    found.push(
      warn('capMissing', '没有封顶，一户可以无限次计分', 'No cap: a household can earn from this rule without limit'),
    );
  }
  if (rule.evidence.length === 1 && rule.evidence[0] === 'photo') {
    found.push(
      warn(
        'photoOnly',
        '只认照片，不会拍照的人无法申报，请加一种佐证',
        'Only photos are accepted: add another kind of evidence for people who cannot take them',
      ),
    );
  }
  if (rule.points > usualPointsMax && !isRareDeed(title)) {
    found.push(
      warn(
        'pointsHigh',
        `一次 ${rule.points} 分，超过 ${usualPointsMax} 分，请再核实`,
        `${rule.points} points per unit is more than ${usualPointsMax}: please check`,
      ),
    );
  }
  if ([...title].length > noticeTitleMax) {
    found.push(
      warn(
        'titleLong',
        `名称超过 ${noticeTitleMax} 个字，公示表一行放不下`,
        `The title has more than ${noticeTitleMax} characters and does not fit on one line of the notice`,
      ),
    );
  }
  const vague = vagueWords.filter(word => title.includes(word));
  if (vague.length > 0) {
    found.push(
      warn(
        'wordingVague',
        `“${vague.join('”“')}”说不清做了什么，请写成看得见、数得出的事`,
        `“${vague.join('”, “')}” does not say what was done: describe something that can be seen and counted`,
      ),
    );
  }
  return found;
}

/** What a rule is among the others. */
function ofRelations(rule: RuleDraft, rules: RuleDraft[]): Finding[] {
  const others = rules.filter(other => other.code !== rule.code);
  const found: Finding[] = [];
  for (const code of rule.excludes) {
    if (others.find(other => other.code === code)?.excludes.includes(rule.code)) continue;
    found.push(
      warning(
        'exclusionOneSided',
        rule.code,
        `写明不与 ${code} 同时计分，${code} 却没有写明`,
        `Excludes ${code}, but ${code} does not exclude it`,
      ),
    );
  }
  const group = rule.highestOnlyGroup;
  if (group !== null && !others.some(other => other.highestOnlyGroup === group)) {
    found.push(
      warning(
        'groupOfOne',
        rule.code,
        `${group} 组只有这一项，分组不起作用`,
        `Only rule of group ${group}, so the group has no effect`,
      ),
    );
  }
  const duplicates = others.filter(other => plain(other.title) === plain(rule.title) && other.code < rule.code);
  if (duplicates.length > 0) {
    const code = duplicates[0]!.code;
    found.push(
      warning(
        'titleRepeated',
        rule.code,
        `名称与 ${code} 相同，登记时容易选错`,
        `Has the same title as ${code} and is easily confused with it`,
      ),
    );
  }
  return found;
}

function ofDeductions(rules: RuleDraft[], basePoints: number): Finding[] {
  if (basePoints > 0 || !rules.some(rule => rule.direction === 'deduction')) return [];
  return [
    warning(
      'deductionWithoutBase',
      null,
      '有扣分项，但本村不发基础分，积分为零的户无分可扣',
      'The rule book has deductions, but the village grants no base points: households without points have nothing to deduct from',
    ),
  ];
}

function wordingOf(ruleCode: string | null, texts: string[]): Finding[] {
  const terms = [...new Set(texts.flatMap(refusedTermsIn))];
  if (terms.length === 0) return [];
  return [
    {
      level: 'error',
      kind: 'wordingRefused',
      ruleCode,
      zh: `含罚款或停发待遇内容：${terms.join('、')}`,
      en: `Contains a fine or benefit cut: ${terms.join(', ')}`,
    },
  ];
}

function warning(kind: Finding['kind'], ruleCode: string | null, zh: string, en: string): Finding {
  return { level: 'warning', kind, ruleCode, zh, en };
}

const vagueWords = [
  '社会公德',
  '思想好',
  '觉悟高',
  '表现好',
  '表现突出',
  '态度好',
  '品德好',
  '素质高',
  '作风好',
  '人缘好',
  '精神面貌',
];

function isRareDeed(title: string): boolean {
  return /见义勇为|[一二三特]等功|舍己救人|抢险救灾|英雄|烈士/.test(title);
}

function plain(title: string): string {
  return title.normalize('NFKC').replace(/[\s\p{P}]/gu, '');
}
