import type { RuleDraft } from './rule-draft.ts';
import type { CapPeriod } from './tables.ts';

/** One rule that is not as it was, in words for the assembly. */
interface Difference {
  code: string;
  kind: 'added' | 'removed' | 'changed';
  /** Members of the rule that changed; none where it came or went as a whole. */
  fields: string[];
  zh: string;
  en: string;
}

/** What is different in `after`, by code. The cap is one thing: its times and its period are told together. */
export function differencesOf(before: RuleDraft[], after: RuleDraft[]): Difference[] {
  const old = new Map(before.map(rule => [rule.code, rule]));
  const young = new Map(after.map(rule => [rule.code, rule]));
  const codes = [...new Set([...old.keys(), ...young.keys()])].sort();
  return codes.flatMap(code => differenceOf(code, old.get(code), young.get(code)));
}

function differenceOf(code: string, was: RuleDraft | undefined, is: RuleDraft | undefined): Difference[] {
  if (was === undefined) {
    const { zh, en } = termsOf(is!);
    return [{ code, kind: 'added', fields: [], zh: `${headZh(is!)}：新增，${zh}`, en: `${headEn(is!)}: added: ${en}` }];
  }
  if (is === undefined) {
    const { zh, en } = termsOf(was);
    return [
      {
        code,
        kind: 'removed',
        fields: [],
        zh: `${headZh(was)}：取消，原为${zh}`,
        en: `${headEn(was)}: removed; it was: ${en}`,
      },
    ];
  }
  const changes = changesOf(was, is);
  if (changes.length === 0) return [];
  return [
    {
      code,
      kind: 'changed',
      fields: changes.flatMap(change => change.fields),
      zh: `${headZh(is)}：${changes.map(change => change.zh).join('；')}`,
      en: `${headEn(is)}: ${changes.map(change => change.en).join('; ')}`,
    },
  ];
}

interface Change {
  fields: string[];
  zh: string;
  en: string;
}

/** In the order in which people ask: what it is, what it gives, how often, to whom, on what proof. */
function changesOf(was: RuleDraft, is: RuleDraft): Change[] {
  const turned = <F extends keyof RuleDraft>(
    field: F,
    say: (was: RuleDraft[F], is: RuleDraft[F]) => [string, string],
  ) => {
    if (same(was[field], is[field])) return [];
    const [zh, en] = say(was[field], is[field]);
    return [{ fields: [field], zh, en }];
  };
  return [
    ...turned('title', (a, b) => [`名称由“${a}”改为“${b}”`, `title changed from “${a}” to “${b}”`]),
    ...turned('titleEn', (a, b) => [
      `英文名称由${quotedZh(a)}改为${quotedZh(b)}`,
      `English title changed from ${quotedEn(a)} to ${quotedEn(b)}`,
    ]),
    ...turned('category', (a, b) => [`类别由“${a}”改为“${b}”`, `category changed from “${a}” to “${b}”`]),
    ...turned('direction', (_, b) =>
      b === 'deduction'
        ? ['由加分改为扣分', 'now deducts points instead of awarding them']
        : ['由扣分改为加分', 'now awards points instead of deducting them'],
    ),
    ...turned('points', (a, b) => [`分值由 ${a} 改为 ${b}`, `points changed from ${a} to ${b}`]),
    ...turned('unit', (a, b) => [`计量单位由“${a}”改为“${b}”`, `unit changed from “${a}” to “${b}”`]),
    ...capChange(was, is),
    ...turned('capScope', (a, b) => [
      `计分对象由${scopes[a].zh}改为${scopes[b].zh}`,
      `now applies to ${scopes[b].en} instead of ${scopes[a].en}`,
    ]),
    ...turned('evidence', (a, b) => [
      `佐证由${evidenceZh(a)}改为${evidenceZh(b)}`,
      `evidence changed from ${listEn(a)} to ${listEn(b)}`,
    ]),
    ...exclusionChange(was, is),
    ...turned('highestOnlyGroup', (a, b) => [
      b === null ? `不再归入 ${a} 组` : `${a === null ? '' : `由 ${a} 组`}改为归入 ${b} 组，同一事由组内只计一项`,
      b === null ? `removed from group ${a}` : `added to group ${b}, of which only one rule counts per occasion`,
    ]),
    ...turned('honour', (_, b) =>
      b ? ['改为计入荣誉分', 'now earns honour points'] : ['改为不计荣誉分', 'no longer earns honour points'],
    ),
    ...turned('publicity', (_, b) =>
      b === 'required'
        ? ['改为须经公示', 'now requires public notice']
        : ['改为免公示', 'no longer requires public notice'],
    ),
    ...turned('onBehalf', (_, b) =>
      b === false
        ? ['改为须由本户自行申报', 'can now be claimed only by the household itself']
        : ['改为可由村里代为申报', 'can now be claimed on behalf of a household'],
    ),
  ];
}

function capChange(was: RuleDraft, is: RuleDraft): Change[] {
  const [a, b] = [capOf(was), capOf(is)];
  if (a?.times === b?.times && a?.period === b?.period) return [];
  const fields = (['capTimes', 'capPeriod'] as const).filter(field => was[field] !== is[field]);
  const en = `cap changed from ${capEn(was)} to ${capEn(is)}`;
  if (a === null) return [{ fields, zh: `由不封顶改为${capZh(is)}`, en }];
  const before = amountZh(a.times, was.unit);
  if (b === null) return [{ fields, zh: `${periods[a.period].zh}封顶由 ${before}改为不封顶`, en }];
  const after = amountZh(b.times, is.unit);
  if (a.period === b.period) return [{ fields, zh: `${periods[a.period].zh}封顶由 ${before}改为 ${after}`, en }];
  return [{ fields, zh: `封顶由${periods[a.period].zh} ${before}改为${periods[b.period].zh} ${after}`, en }];
}

function exclusionChange(was: RuleDraft, is: RuleDraft): Change[] {
  const fresh = is.excludes.filter(code => !was.excludes.includes(code)).sort();
  const gone = was.excludes.filter(code => !is.excludes.includes(code)).sort();
  if (fresh.length + gone.length === 0) return [];
  const zh = [
    ...(fresh.length > 0 ? [`同一事由不再与 ${fresh.join('、')} 同时计分`] : []),
    ...(gone.length > 0 ? [`同一事由可以与 ${gone.join('、')} 同时计分`] : []),
  ];
  const en = [
    ...(fresh.length > 0 ? [`now excludes ${fresh.join(', ')} for the same occasion`] : []),
    ...(gone.length > 0 ? [`no longer excludes ${gone.join(', ')}`] : []),
  ];
  return [{ fields: ['excludes'], zh: zh.join('，'), en: en.join(', ') }];
}

/** What a rule gives, how often, and to whom. */
function termsOf(rule: RuleDraft): { zh: string; en: string } {
  const { points, unit, direction, capScope } = rule;
  const [verbZh, verbEn] = direction === 'award' ? ['加', 'award'] : ['扣', 'deduction'];
  return {
    zh: `每${unit}${verbZh} ${points} 分，${capZh(rule)}，${scopes[capScope].zh}计`,
    en: `${verbEn} of ${points} per ${unit}, cap: ${capEn(rule)}, per ${capScope}`,
  };
}

/** What is listed has no order. */
function same(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every(one => b.includes(one));
}

function capOf({ capTimes, capPeriod }: RuleDraft): { times: number; period: CapPeriod } | null {
  return capTimes === null || capPeriod === null ? null : { times: capTimes, period: capPeriod };
}

function capZh(rule: RuleDraft): string {
  const cap = capOf(rule);
  return cap === null ? '不封顶' : `${periods[cap.period].zh}封顶 ${amountZh(cap.times, rule.unit)}`;
}

function capEn(rule: RuleDraft): string {
  const cap = capOf(rule);
  return cap === null ? 'none' : `${cap.times} ${periods[cap.period].en}`;
}

/** 4 次, 40 公斤, 20 份（每份 50个）. */
function amountZh(times: number, unit: string): string {
  if (/^(人次|次|户|人|户次)$/.test(unit)) return `${times} 次`;
  return /^[\d一二三四五六七八九十百]/.test(unit) ? `${times} 份（每份 ${unit}）` : `${times} ${unit}`;
}

function headZh({ code, title }: RuleDraft): string {
  return `${code} ${title}`;
}

function headEn({ code, title, titleEn }: RuleDraft): string {
  return `${code} ${titleEn ?? title}`;
}

function quotedZh(text: string | null): string {
  return text === null ? '无' : `“${text}”`;
}

function quotedEn(text: string | null): string {
  return text === null ? 'none' : `“${text}”`;
}

function evidenceZh(kinds: string[]): string {
  return kinds.length === 0 ? '无' : `“${kinds.map(kind => evidenceNames[kind] ?? kind).join('、')}”`;
}

function listEn(kinds: string[]): string {
  return kinds.length === 0 ? 'none' : kinds.join(', ');
}

const periods: Record<CapPeriod, { zh: string; en: string }> = {
  day: { zh: '每日', en: 'a day' },
  week: { zh: '每周', en: 'a week' },
  month: { zh: '每月', en: 'a month' },
  year: { zh: '每年', en: 'a year' },
  once: { zh: '累计', en: 'in total' },
};

const scopes = {
  household: { zh: '按户', en: 'the household' },
  member: { zh: '按人', en: 'the member' },
};

const evidenceNames: Record<string, string> = {
  photo: '照片',
  signIn: '签到',
  count: '计数',
  weight: '过秤',
  panel: '评议',
  visit: '入户查看',
  record: '台账',
  minutes: '会议记录',
  leader: '带队人确认',
  beneficiary: '受益人确认',
  roster: '花名册',
  caseNo: '工单号',
  witness: '见证人',
  certificate: '证书',
  official: '正式文书',
};
