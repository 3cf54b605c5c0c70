import { t } from 'tap';
import { awardsPath, household } from './support/awards.ts';
import { declaredOperations, unclassified } from './support/declared.ts';
import { prepare, send } from './support/hostile.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { openService, villages } from './support/service.ts';
import { openWorld } from './support/world.ts';

t.setTimeout(600_000);

const claimsPath = `/v1/villages/${villages.own}/claims`;

t.test('a query parameter that an operation does not know is refused by its name', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const faults: string[] = [];
  let sent = 0;
  for (const operation of declaredOperations(service.app)) {
    const ready = await prepare(world, operation);
    const { url } = ready.call;
    const answer = await send(service, {
      ...ready,
      call: { ...ready.call, url: `${url}${url.includes('?') ? '&' : '?'}householdID=1&pageSize=2` },
    });
    const told = (answer.body?.errors ?? []).map((one: { pointer: string }) => one.pointer);
    const isTold = told.includes('/querystring/householdID') && told.includes('/querystring/pageSize');
    if (unclassified(operation, answer) !== null || answer.status !== 400 || !isTold)
      faults.push(`${operation.id} answered ${answer.status} ${answer.text.slice(0, 120)}`);
    sent += 1;
  }
  t.ok(sent > 150, 'enough was tried');
  t.strictSame(faults, []);
});

t.test('all mistakes are told', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const body = { mode: 'perLine', occasion: 'a b', batchSize: 7, items: [{ quantity: 0, note: '' }] };

  await t.test('each by its place', async t => {
    isRefused(t, await clerk('POST', `${awardsPath}/batch`, body), '400 validation-failed', {
      errors: [
        '/batchSize additionalProperties',
        '/mode enum',
        '/occasion pattern',
        '/items/0/ruleId required',
        '/items/0/householdId required',
        '/items/0/quantity minimum',
        '/items/0/note minLength',
      ],
    });
  });

  await t.test('in the language of the caller', async t => {
    const details = async (language: string) => {
      const reply = await clerk('POST', `${awardsPath}/batch`, body, { 'accept-language': language });
      return [reply.body.detail, ...reply.body.errors.map((one: { detail: string }) => one.detail)];
    };
    t.strictSame(await details('zh-CN'), [
      '共有 7 处须改正。没有名为“batchSize”的填写项，请核对名称。',
      '没有名为“batchSize”的填写项，请核对名称。',
      '“办理方式”只能从规定的选项中选择。',
      '“事由”格式不正确，或含有不能使用的字符。',
      '请填写第 1 项“细则条目”。',
      '请填写第 1 项“户”。',
      '第 1 项“数量”不能小于 1。',
      '第 1 项“备注”不能为空。',
    ]);
    t.strictSame((await details('en')).slice(0, 5), [
      '7 values are invalid. Unknown field: batchSize.',
      'Unknown field: batchSize.',
      'Mode must be one of: atomic, perItem.',
      'Occasion has an invalid format or characters.',
      'Rule ID of item 1 is required.',
    ]);
  });

  await t.test('fifty at most, and of a body beyond all measure the first', async t => {
    const items = Array.from({ length: 100 }, () => ({}));
    const many = await clerk('POST', `${awardsPath}/batch`, { mode: 'atomic', items });
    t.equal(many.body.errors.length, 50);
    const huge = await clerk('POST', `${awardsPath}/batch`, { mode: 'atomic', items: Array(30_000).fill(1) });
    t.equal(huge.status, 400);
    t.equal(huge.body.errors.length, 1);
  });
});

t.test('a malformed line is refused, and its sheet is not', async t => {
  const service = await openService(t);
  const rules = await adoptRules(service, [ruleDraft('FREE', { points: 1 })]);
  const clerk = await service.as('clerk');
  const { id } = await household(service);
  const line = (fields: object) => ({ ruleId: rules.FREE, householdId: id, quantity: 1, ...fields });
  const spoiled = [line({ ref: 'bad', quantity: '1', colour: 'red' }), null, line({ ref: 7 })];

  await t.test('of awards', async t => {
    const items = [line({ ref: 'first', occasion: 'one' }), ...spoiled, line({ ref: 'last', occasion: 'two' })];
    const key = { 'idempotency-key': 'malformed-line' };
    const reply = await clerk('POST', `${awardsPath}/batch`, { mode: 'perItem', items }, key);
    t.equal(reply.status, 207, reply.text);
    t.equal(reply.body.succeeded, 2);
    t.equal(reply.body.refused, 3);
    const verdicts = reply.body.results.map((one: { index: number; ref: string; status: number }) => [
      one.index,
      one.ref,
      one.status,
    ]);
    t.strictSame(verdicts, [
      [0, 'first', 201],
      [1, 'bad', 400],
      [2, null, 400],
      [3, null, 400],
      [4, 'last', 201],
    ]);
    isRefused(t, reply.body.results[1].problem, '400 validation-failed', {
      errors: ['/items/1/colour additionalProperties', '/items/1/quantity type'],
    });
    isRefused(t, reply.body.results[2].problem, '400 validation-failed', { errors: ['/items/2 type'] });
    const again = await clerk('POST', `${awardsPath}/batch`, { mode: 'perItem', items }, key);
    t.strictSame(again.body, reply.body, 'the same call has the same answer');
  });

  await t.test('unless lines share their fate, the head is wrong, or no line is right', async t => {
    const refused = async (body: object, errors: string[]) =>
      isRefused(t, await clerk('POST', `${awardsPath}/batch`, body), '400 validation-failed', { errors });
    await refused({ mode: 'atomic', items: [line({}), null] }, ['/items/1 type']);
    await refused({ mode: 'perItem', items: [null, line({})], size: 2 }, [
      '/size additionalProperties',
      '/items/0 type',
    ]);
    await refused({ mode: 'perItem', items: [null, 7] }, ['/items/0 type', '/items/1 type']);
  });

  await t.test('for text that no schema sees', async t => {
    const text = (fields: object) => JSON.stringify(line(fields));
    /** The line with one more member, written as it stands. */
    const withMember = (ref: string, member: string) => `${text({ ref }).slice(0, -1)},${member}}`;
    const lines = [
      text({ ref: 'first', occasion: 'three' }),
      withMember('NUL', '"note":"a\\u0000b"'),
      withMember('half', '"note":"\\ud83d"'),
      withMember('twice', '"quantity":2'),
      withMember('name', '"\\u0000":1,"\\ud83d":2'),
      withMember('proto', '"__proto__":{"quantity":2}'),
      withMember('whole', '"occasion":"four","note":"\\ud83d\\ude00"'),
    ];
    const body = (mode: string) => `{"mode":"${mode}","items":[${lines}]}`;
    const key = { 'idempotency-key': 'bad-text' };
    const reply = await clerk('POST', `${awardsPath}/batch`, body('perItem'), key);
    t.equal(reply.status, 207, reply.text);
    const told = reply.body.results.map((one: { ref: string; problem: { errors: object[] } | null }) => [
      one.ref,
      (one.problem?.errors ?? []).map(error => Object.values(error).slice(0, 2).join(' ')),
    ]);
    t.strictSame(told, [
      ['first', []],
      ['NUL', ['/items/1/note nul']],
      ['half', ['/items/2/note unicode']],
      ['twice', ['/items/3 repeatedKey']],
      ['name', ['/items/4 nul', '/items/4 unicode', '/items/4/\ufffd additionalProperties']],
      ['proto', ['/items/5/__proto__ additionalProperties']],
      ['whole', []],
    ]);
    t.equal(reply.body.results[6].award.note, '\u{1f600}');
    t.strictSame((await clerk('POST', `${awardsPath}/batch`, body('perItem'), key)).body, reply.body);

    const all = await clerk('POST', `${awardsPath}/batch`, body('atomic'));
    t.strictSame(
      [all.status, all.body.errors.length, all.body.errors[0].pointer],
      [400, 7, '/items/3'],
      'lines that share their fate are refused together, with all that is wrong',
    );
    for (const [what, whole] of [
      ['a head', `{"mode":"perItem","occasion":"a\\u0000","items":[${lines[0]}]}`],
      ['a head twice', `{"mode":"perItem","mode":"perItem","items":[${lines[0]}]}`],
      ['two lists', `{"mode":"perItem","items":[${lines[1]}],"items":[${lines[0]}]}`],
      ['no JSON', `{"mode":"perItem","items":[${lines[0]},]}`],
      ['too deep', `{"mode":"perItem","items":[${lines[0]},${'['.repeat(30)}${']'.repeat(30)}]}`],
      ['more than can be told', `{"mode":"perItem","items":[${lines[0]},[${Array(2_000).fill('"\\u0000"')}]]}`],
    ] as const) {
      const { status, body: refused } = await clerk('POST', `${awardsPath}/batch`, whole);
      t.strictSame([status, refused.code], [400, 'validation-failed'], what);
    }
  });

  await t.test('of claims and of decisions', async t => {
    const items = [line({ ref: 'bad', quantity: 0 }), line({ ref: 'good' })];
    const filed = await clerk('POST', `${claimsPath}/batch`, { items });
    t.equal(filed.status, 207, filed.text);
    t.equal(filed.body.results[0].problem.code, 'validation-failed');
    t.not(filed.body.results[1].problem?.code, 'validation-failed');
    const reviewer = await service.as('reviewer');
    const decision = { claimId: crypto.randomUUID(), step: 'firstReview', verdict: 'pass' };
    const decided = await reviewer('POST', `${claimsPath}/decisions/batch`, {
      items: [decision, { ...decision, verdict: 'yes' }],
    });
    t.equal(decided.status, 207, decided.text);
    t.strictSame(
      decided.body.results.map((one: { status: number }) => one.status),
      [404, 400],
    );
  });
});
