import { readFile } from 'node:fs/promises';
import { t } from 'tap';
import { differencesOf } from '../src/rules/differences.ts';
import { findingsOf } from '../src/rules/findings.ts';
import { importRules } from '../src/rules/import-rules.ts';
import type { RuleDraft } from '../src/rules/rule-draft.ts';
import { refusedTermsIn } from '../src/rules/wording.ts';
import { defaultPolicy, type PolicySettings } from '../src/villages/policy-settings.ts';
import { ruleDraft } from './support/rules.ts';

/** A rule that nothing is wrong with. */
const sound = (code: string, fields: Partial<RuleDraft> = {}) =>
  ruleDraft(code, { capTimes: 4, capPeriod: 'month', evidence: ['signIn'], ...fields });

const sampleRules = async () => importRules(await readFile(new URL('../sample/rules.csv', import.meta.url), 'utf8'));

t.test('fines and cut benefits are found, whatever they hide behind', async t => {
  const found: [text: string, terms: string[]][] = [
    ['停　发 低·保，罚\u200b款', ['罚款', '停发低保']],
    ['罰款', ['罚款']],
    ['罚💰款', ['罚款']],
    ['罚+款', ['罚款']],
    ['ｆｉｎｅ', ['fine']],
    ['F.I.N.E', ['fine']],
    ['A fine of 50 yuan', ['fine']],
    ['Fined for littering', ['fined']],
    ['Penalty', ['penalty']],
    ['Deduct allowance', ['deduct allowance']],
    ['Deducting it from the old-age pension', ['deducting it from the old age pension']],
    ['Stops the subsidy', ['stops the subsidy']],
    ['Cut living subsidies', ['cut living subsidies']],
    ['deduct 20 yuan', ['deduct 20 yuan']],
    ['fá kuǎn', ['fa kuan']],
    ['koukuan', ['koukuan']],
    ['乱扔垃圾罚50元', ['罚50元']],
    ['扣二十块', ['扣二十块']],
    ['乱扔垃圾罚¥50', ['罚50']],
    ['罚人民币五十', ['罚人民币五十']],
    ['扣500RMB', ['扣500RMB']],
    ['缴纳违约金', ['违约金']],
    ['不发低保', ['不发低保']],
    ['不再发放补贴', ['不再发放补贴']],
    ['停了他家低保，低保不发', ['低保不发']],
    ['停了低保', ['停了低保']],
    ['补贴减半', ['补贴减半']],
    ['扣減補貼', ['扣减补贴']],
    ['取消低保资格', ['取消低保']],
    ['不予救助', ['不予救助']],
    ['低保资格予以取消', ['低保资格予以取消']],
  ];
  for (const [text, terms] of found) t.strictSame(refusedTermsIn(text), terms, text);
  for (const harmless of [
    '参加村组环境清扫',
    '看望低保户、特困老人',
    '参加防灾减灾救助演练',
    '乱堆垃圾扣5分',
    '乱堆垃圾罚5分',
    '不发牢骚，看望低保户',
    '脱贫后不再领取低保',
    'Fine arts class',
    'A fine day’s work for the benefit of all',
    'Unpaid communal labour',
    'Weighed half a jin of seed',
    'Reducing waste',
  ]) {
    t.strictSame(refusedTermsIn(harmless), [], harmless);
  }
});

t.test('each finding', async t => {
  const kinds = (rules: RuleDraft[], basePoints = 10, policy: Partial<PolicySettings> = {}) =>
    findingsOf({ title: '细则', rules }, { ...defaultPolicy, basePoints, ...policy }).map(
      ({ level, kind, ruleCode }) => [level, kind, ruleCode],
    );
  t.strictSame(kinds([sound('ENV01'), sound('ENV02')]), []);

  const cases: [RuleDraft, string, string][] = [
    [sound('A1', { titleEn: 'Fine of 5 yuan' }), 'error', 'wordingRefused'],
    [sound('A1', { evidence: [] }), 'error', 'evidenceMissing'],
    [sound('A1', { capTimes: null, capPeriod: null }), 'warning', 'capMissing'],
    [sound('A1', { evidence: ['photo'] }), 'warning', 'photoOnly'],
    [sound('A1', { points: 101 }), 'warning', 'pointsHigh'],
    [sound('A1', { title: '长'.repeat(25) }), 'warning', 'titleLong'],
    [sound('A1', { title: '遵守社会公德' }), 'warning', 'wordingVague'],
    [sound('A1', { highestOnlyGroup: 'TOP' }), 'warning', 'groupOfOne'],
    [sound('A1', { excludes: ['B1'] }), 'warning', 'exclusionOneSided'],
  ];
  for (const [rule, level, kind] of cases) t.strictSame(kinds([rule, sound('B1')]), [[level, kind, 'A1']], kind);

  for (const harmless of [
    sound('A1', { points: 100 }),
    sound('A1', { points: 500, title: '见义勇为', capTimes: null, capPeriod: null }),
    sound('A1', { evidence: ['photo', 'witness'] }),
    sound('A1', { title: '长'.repeat(24) }),
    sound('A1', { excludes: [] }),
  ]) {
    t.strictSame(kinds([harmless, sound('B1')]), []);
  }

  const duplicates = [sound('A1', { title: '打扫院子' }), sound('B1', { title: '打扫 院子。' })];
  t.strictSame(kinds(duplicates), [['warning', 'titleRepeated', 'B1']], 'reported once, of the later one');
  const deduction = [sound('A1'), sound('D1', { direction: 'deduction' })];
  t.strictSame(kinds(deduction, 0), [['warning', 'deductionWithoutBase', null]]);
  t.strictSame(kinds(deduction, 10), [], 'there is something to take');
  const budget = { issuingBudgetFen: 9_999, pointValueFen: 100 };
  t.strictSame(kinds([sound('A1', { points: 100 })], 10, budget), [['error', 'neverPaid', 'A1']], 'one fen too little');
  t.strictSame(
    kinds([sound('A1', { points: 99 }), sound('D1', { points: 100, direction: 'deduction' })], 10, budget),
    [],
  );
  t.strictSame(findingsOf({ title: '罚款办法', rules: [sound('A1')] }, defaultPolicy), [
    {
      level: 'error',
      kind: 'wordingRefused',
      ruleCode: null,
      zh: '含罚款或停发待遇内容：罚款',
      en: 'Contains a fine or benefit cut: 罚款',
    },
  ]);
  const mixed = kinds([sound('A1', { evidence: ['photo'] }), sound('B1', { evidence: [] })]);
  t.strictSame(
    mixed.map(([level]) => level),
    ['error', 'warning'],
    'errors first',
  );
});

t.test('the sample book has no errors, and the warnings it should', async t => {
  const found = findingsOf({ title: '积分细则', rules: await sampleRules() }, defaultPolicy);
  t.strictSame(
    found.filter(({ level }) => level === 'error'),
    [],
  );
  const codes = (kind: string) => found.filter(one => one.kind === kind).map(one => one.ruleCode);
  t.strictSame(codes('photoOnly'), ['DED03', 'ENV04', 'ENV05', 'ENV06']);
  t.strictSame(codes('pointsHigh'), []);
  t.strictSame(codes('exclusionOneSided'), []);
  t.strictSame(codes('deductionWithoutBase'), [null]);
  t.notOk(codes('capMissing').includes('SAF03'), 'bravery needs no cap');
});

t.test('differences in words', async t => {
  const cleaning = ruleDraft('ENV03', {
    title: '参加村组环境清扫',
    titleEn: 'Village clean-up',
    unit: '人次',
    capTimes: 4,
    capPeriod: 'month',
    evidence: ['signIn'],
  });
  const zhOf = (fields: Partial<RuleDraft>, was: Partial<RuleDraft> = {}) => {
    const [one] = differencesOf([{ ...cleaning, ...was }], [{ ...cleaning, ...was, ...fields }]);
    return one?.zh.replace(/^ENV03 [^：]*：/, '');
  };
  t.strictSame(differencesOf([cleaning], [{ ...cleaning }]), []);
  t.strictSame(differencesOf([cleaning], [{ ...cleaning, points: 3, capTimes: null, capPeriod: null }]), [
    {
      code: 'ENV03',
      kind: 'changed',
      fields: ['points', 'capTimes', 'capPeriod'],
      zh: 'ENV03 参加村组环境清扫：分值由 5 改为 3；每月封顶由 4 次改为不封顶',
      en: 'ENV03 Village clean-up: points changed from 5 to 3; cap changed from 4 a month to none',
    },
  ]);
  const cases: [string, Partial<RuleDraft>, Partial<RuleDraft>?][] = [
    ['每月封顶由 4 次改为 6 次', { capTimes: 6 }],
    ['封顶由每月 4 次改为每年 10 次', { capTimes: 10, capPeriod: 'year' }],
    ['由不封顶改为累计封顶 1 次', { capTimes: 1, capPeriod: 'once' }, { capTimes: null, capPeriod: null }],
    ['每月封顶由 20 份（每份 50个）改为 40 份（每份 50个）', { capTimes: 40 }, { capTimes: 20, unit: '50个' }],
    ['每月封顶由 40 公斤改为 20 公斤', { capTimes: 20 }, { capTimes: 40, unit: '公斤' }],
    ['名称由“参加村组环境清扫”改为“打扫村组”', { title: '打扫村组' }],
    ['英文名称由“Village clean-up”改为无', { titleEn: null }],
    ['类别由“环境卫生”改为“志愿服务”', { category: '志愿服务' }],
    ['由加分改为扣分', { direction: 'deduction' }],
    ['计量单位由“人次”改为“小时”', { unit: '小时' }],
    ['计分对象由按户改为按人', { capScope: 'member' }],
    ['佐证由“签到”改为“照片、带队人确认”', { evidence: ['photo', 'leader'] }],
    ['佐证由“签到”改为无', { evidence: [] }],
    ['同一事由不再与 VOL02 同时计分，同一事由可以与 VOL01 同时计分', { excludes: ['VOL02'] }, { excludes: ['VOL01'] }],
    ['改为归入 TOP 组，同一事由组内只计一项', { highestOnlyGroup: 'TOP' }],
    ['由 OLD 组改为归入 TOP 组，同一事由组内只计一项', { highestOnlyGroup: 'TOP' }, { highestOnlyGroup: 'OLD' }],
    ['不再归入 OLD 组', { highestOnlyGroup: null }, { highestOnlyGroup: 'OLD' }],
    ['改为不计荣誉分', { honour: false }],
    ['改为免公示', { publicity: 'exempt' }],
  ];
  for (const [zh, change, was] of cases) t.equal(zhOf(change, was), zh);

  const bags = ruleDraft('REC01', { title: '回收塑料袋', points: 1, unit: '50个', capTimes: 20, capPeriod: 'month' });
  const late = ruleDraft('DED01', {
    title: '参会迟到',
    points: 1,
    unit: '人次',
    direction: 'deduction',
    capScope: 'member',
  });
  const both = differencesOf([cleaning, late], [bags, cleaning]);
  t.strictSame(
    both.map(({ kind, fields, zh, en }) => [kind, fields, zh, en]),
    [
      [
        'removed',
        [],
        'DED01 参会迟到：取消，原为每人次扣 1 分，不封顶，按人计',
        'DED01 参会迟到: removed; it was: deduction of 1 per 人次, cap: none, per member',
      ],
      [
        'added',
        [],
        'REC01 回收塑料袋：新增，每50个加 1 分，每月封顶 20 份（每份 50个），按户计',
        'REC01 回收塑料袋: added: award of 1 per 50个, cap: 20 a month, per household',
      ],
    ],
    'by code',
  );
  t.strictSame(differencesOf([cleaning, late], [late, cleaning]), [], 'in whatever order the rules come');
  const shuffled = { ...cleaning, evidence: ['photo', 'signIn'] };
  t.strictSame(
    differencesOf([shuffled], [{ ...cleaning, evidence: ['signIn', 'photo'] }]),
    [],
    'evidence has no order',
  );
  t.equal(differencesOf([], await sampleRules()).length, 68, 'against nothing, everything is new');
});
