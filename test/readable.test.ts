import { test } from 'tap';
import { chineseOf } from '../src/http/field-names.ts';
import { problemOf } from '../src/http/problems.ts';
import { type Facts, Refusal, type RefusalCode, refusals } from '../src/refusals.ts';
import { declaredOperations, type Schema } from './support/declared.ts';
import { unreadable } from './support/readable.ts';
import { openService } from './support/service.ts';

/*
 * What people read when they are refused. Whatever any other test is refused with is looked at there by `isRefused` and
 * `unclassified`; here stand the facts that the service has been seen to refuse with, and each code without any.
 */

const at = '2026-11-23T02:10:00.000Z';
const id = '0193563d-1111-7000-8000-000000000007';

const seen: [RefusalCode, Facts][] = [
  ['forbidden', { requiredRoles: ['clerk', 'villageAdmin'] }],
  ['forbidden', { requiredRoles: [] }],
  ['forbidden', { reason: 'notAJudge' }],
  ['forbidden', { reason: 'operatorOnly' }],
  ['session-revoked', { reason: 'signedOut' }],
  ['session-revoked', { reason: 'refreshReused' }],
  ['sign-in-locked', { until: at }],
  ['sign-in-locked', { until: null }],
  ['feature-off', { feature: 'basePoints' }],
  ['second-person-required', { firstUserId: id }],
  ['pin-required', { abovePoints: 50 }],
  ['pin-wrong', { attemptsLeft: 4 }],
  ['not-found', { field: 'householdId' }],
  ['not-found', { field: 'entries/3/householdId' }],
  ['not-found', { field: 'judges/0' }],
  ['method-not-allowed', { allow: ['GET', 'POST'] }],
  ['wrong-state', { state: 'inPanel', allowedFrom: ['submitted'], since: at }],
  ['wrong-state', { state: 'awaitingSecond', allowedFrom: ['submitted'] }],
  ['wrong-state', { state: 'posted', since: null }],
  ['wrong-state', { state: 'dead', since: '2026-11-23', memberId: id }],
  ['wrong-state', { state: 'someNewState' }],
  ['wrong-state', { state: 'noSecondFactor' }],
  ['already-exists', { field: 'number', existingId: id }],
  ['already-exists', { field: 'rules/2/code', existingId: null }],
  ['household-not-active', { field: 'toHouseholdId', state: 'frozen' }],
  ['household-not-active', { state: 'frozen', since: at, reason: '户主去世，继承人待定' }],
  ['household-not-active', { state: 'frozen', since: at, reason: null }],
  ['wrong-state', { state: 'frozen', since: at }],
  ['wrong-state', { state: 'inForce', since: '2026-12-01' }],
  ['review-taken', { until: at }],
  ['review-taken', { until: '2026-11-23 02:10:00+00' }],
  ['publicity-running', { endsAt: at }],
  ['already-reversed', { reversalNumber: 12 }],
  ['already-reversed', { reversalNumber: null }],
  ['cause-reused', { transactionNumber: 12 }],
  ['proof-not-ready', { number: 9, treeSize: 0 }],
  ['expired', { what: 'pairing', expiredAt: at }],
  ['expired', { what: 'oneTimePassword', expiredAt: at }],
  ['expired', { expiredAt: at }],
  ['insufficient-points', { required: 30, available: 12 }],
  ['insufficient-points', { field: 'arrears', required: 13, available: 12 }],
  ['insufficient-stock', { lines: [], required: 3, available: 1 }],
  ['number-far', { number: 1180, next: 118 }],
  ['rule-not-in-force', { ruleId: id, fromOn: '2026-11-23', toOn: null }],
  ['rule-not-in-force', { ruleId: id, fromOn: '2026-11-23', toOn: '2026-12-01' }],
  ['rule-not-in-force', { ruleId: id, fromOn: null, toOn: null }],
  ['rule-wording-refused', { terms: ['罚款', '取消低保'], codes: ['ENV01'] }],
  ['evidence-missing', { required: ['photo', 'witness'] }],
  ['evidence-missing', { reason: 'claimRequired', required: ['photo'] }],
  ['split-unequal', { available: 20, honour: 5, availablePoints: 9, honourPoints: 2 }],
  ['split-unequal', { field: 'newHousehold/headMemberId' }],
  ['split-unequal', { field: 'arrearsPoints', available: 4, arrearsPoints: 5 }],
  ['household-has-balance', { field: 'arrears', balances: { arrears: 4 } }],
  ['household-has-balance', { field: 'openCases', balances: { openClaims: 1 } }],
  ['out-of-bounds', { field: 'points', min: 1, max: 20 }],
  ['cap-reached', { cap: 'rule', used: 2, limit: 2, resetsOn: '2026-12-01' }],
  ['cap-reached', { cap: 'openObjections', limit: 5, used: 5 }],
  ['out-of-bounds', { field: 'pin', min: null, max: null }],
  ['out-of-bounds', { field: 'prefix', min: 12, max: 12 }],
  ['out-of-bounds', { field: 'returns', min: 0, max: 1 }],
  ['out-of-bounds', { field: 'yearEndCapPoints', min: 1, max: 1 }],
  ['out-of-bounds', { field: 'exchangeDays/0', min: 1, max: 1 }],
  ['out-of-bounds', { field: 'exchangeDays/0/closes', min: '09:00', max: '24:00' }],
  ['out-of-bounds', { field: 'code', min: '520281', max: '520281' }],
  ['out-of-bounds', { field: 'lines/1/quantity', min: 0, max: 0 }],
  ['out-of-bounds', { field: 'lines/1/quantity', min: 1, max: 0 }],
  ['out-of-bounds', { field: 'diedOn', min: '2000-01-01', max: '2026-11-23' }],
  ['out-of-bounds', { field: 'to', min: 7, max: Number.MAX_SAFE_INTEGER }],
  ['out-of-bounds', { field: 'to', min: '2026-11-23', max: '2999-12-31' }],
  ['out-of-bounds', { field: 'somethingNew', min: 1, max: 9 }],
  ['business-date-refused', { earliest: '2026-11-23', latest: null }],
  ['business-date-refused', { earliest: null, latest: '2026-11-23' }],
  ['business-date-refused', { earliest: '2026-11-23', latest: '2026-11-23' }],
  ['business-date-refused', { earliest: '2026-10-24', latest: '2026-11-23', serverTime: at }],
  ['exchange-closed', { nextExchangeAt: at }],
  ['exchange-closed', { nextExchangeAt: null }],
  ['too-early', { dueOn: '2026-11-23' }],
  ['too-late', { endsAt: at }],
  ['too-late', { what: 'inheritance', endedOn: '2026-11-23' }],
  ['too-late', { what: 'return', endedAt: at }],
  ['export-too-large', { rows: 90_000, maxRows: 50_000 }],
  ['too-many-requests', { retryAfterSeconds: 30, policy: 'pickupCode' }],
  ['too-many-requests', { retryAfterSeconds: 30, policy: 'photosPerDay', limit: 40 }],
];

const bare = (Object.keys(refusals) as RefusalCode[]).map((code): [RefusalCode, Facts] => [code, {}]);

function say(code: RefusalCode, facts: Facts, language: 'zh-CN' | 'en') {
  const context = { origin: 'https://jifen.example', language, instance: '/', requestId: '1' };
  return problemOf(new Refusal(code, facts), context);
}

test('every refusal can be read, and says more than its title', async t => {
  for (const language of ['zh-CN', 'en'] as const) {
    const key = language === 'en' ? 'en' : 'zh';
    const faults = [...seen, ...bare].flatMap(([code, facts]) => {
      const { title, detail } = say(code, facts, language);
      const repeats = detail.replace(/[。.]$/, '') === title ? [`repeats its title: ${detail}`] : [];
      return [...unreadable(detail, key), ...repeats].map(fault => `${code} has ${fault}`);
    });
    t.strictSame(faults, []);
  }
});

test('facts are said in the words of the form, by local time', async t => {
  const details: [RefusalCode, Facts, string, string][] = [
    [
      'out-of-bounds',
      { field: 'lines/1/quantity', min: 0, max: 0 },
      '第 2 项“数量”须为 0，请改正。',
      'The quantity of item 2 must be 0.',
    ],
    [
      'review-taken',
      { until: '2026-11-22T18:10:00.000Z' },
      '2026年11月23日 02:10 前由他人审核，请先处理其他申报。',
      'Another reviewer has it until 02:10 on 23 November 2026 (Asia/Shanghai). Continue with another claim.',
    ],
    [
      'wrong-state',
      { state: 'inPanel' },
      '现在的状态是“评议中”，不能办理这一步。请刷新后核对。',
      'The state is in panel. Reload it to see what can be done.',
    ],
    [
      'forbidden',
      { requiredRoles: ['clerk', 'villageAdmin'] },
      '此事项须由村文书、村管理员办理，请交给有权限的人。',
      'Required role: clerk, village admin.',
    ],
    [
      'business-date-refused',
      { earliest: '2026-11-23', latest: null },
      '可填日期从2026年11月23日开始，请改正日期。',
      'Dates from 23 November 2026 on are allowed.',
    ],
  ];
  for (const [code, facts, zh, en] of details) {
    t.equal(say(code, facts, 'zh-CN').detail, zh);
    t.equal(say(code, facts, 'en').detail, en);
  }
});

test('what nobody can read is seen', async t => {
  const bad: [string, 'zh' | 'en'][] = [
    ['pin 须在 ? 到 ? 之间。', 'zh'],
    ['“代码”须在 12 到 12 之间。', 'zh'],
    ['可用日期为 2026-11-23 至 ?。', 'zh'],
    ['已于 2026-11-23T02:10:00.000Z 过期。', 'zh'],
    ['当前状态：inPanel。', 'zh'],
    ['It ends at undefined.', 'en'],
    ['没有找到', 'zh'],
    ['The field 数量 is wrong.', 'en'],
  ];
  for (const [detail, language] of bad) t.not(unreadable(detail, language).length, 0, detail);
});

test('every field of the contract has a Chinese name', async t => {
  const { app } = await openService(t);
  const names = new Set<string>();
  const walk = (schema: Schema) => {
    for (const [name, field] of Object.entries<Schema>(schema?.properties ?? {})) {
      names.add(name);
      walk(field);
    }
    for (const branch of schema?.anyOf ?? []) walk(branch);
    if (schema?.items) walk(schema.items);
  };
  for (const operation of declaredOperations(app)) {
    walk(operation.body);
    for (const { name } of operation.query) names.add(name);
    for (const name of operation.params) names.add(name);
  }
  t.ok(names.size > 150, 'enough was looked at');
  t.strictSame(
    [...names].filter(name => chineseOf(name) === undefined),
    [],
  );
});
