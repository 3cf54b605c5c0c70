import { t } from 'tap';
import { adoptRuleBook } from '../src/rules/adopt.ts';
import type { RuleDraft } from '../src/rules/rule-draft.ts';
import { awarding, awardsPath, household, insisting, readyToRace } from './support/awards.ts';
import { isRefused, refusalOf } from './support/refusal.ts';
import { adoptRules, ruleDraft, unanimous } from './support/rules.ts';
import { type Caller, connect, openService, villages } from './support/service.ts';

const books = `/v1/villages/${villages.own}/rule-books`;
const publicRules = `/v1/public/villages/${villages.own}/rules`;

const cleaning = ruleDraft('ENV03', {
  title: '参加村组环境清扫',
  capTimes: 4,
  capPeriod: 'month',
  evidence: ['signIn'],
});

const draft = async (who: Caller, rules: RuleDraft[] = [cleaning]): Promise<string> => {
  const { body, text } = await who('POST', books, { title: '细则', rules });
  if (body.id === undefined) throw new Error(text);
  return body.id;
};

const adoption = (inForceFrom: string, fields: object = {}) => ({
  inForceFrom,
  resolution: { heldOn: '2026-11-20', ...unanimous },
  ...fields,
});

t.test('from draft to superseded', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  const supervisor = await service.as('supervisor');

  const id = await draft(clerk, [ruleDraft('ENV03', { title: '思想好', evidence: [] })]);
  const url = `${books}/${id}`;
  const found = await supervisor('GET', `${url}/findings`);
  t.match(found.body, { ruleBookId: id, revision: 1, errors: 1, warnings: 2 });
  t.match(found.body.data, [
    { level: 'error', kind: 'evidenceMissing', ruleCode: 'ENV03' },
    { level: 'warning', kind: 'capMissing' },
    { level: 'warning', kind: 'wordingVague' },
  ]);
  const early = await supervisor('POST', `${url}/adopt`, adoption('2026-11-25'));
  isRefused(t, early, '422 rule-book-unsound', { findings: [{ kind: 'evidenceMissing', ruleCode: 'ENV03' }] });

  const revised = await admin('PUT', url, { title: '2026 年版', rules: [cleaning], revision: 1 });
  t.equal(revised.status, 200, revised.text);
  t.match(revised.body, {
    id,
    title: '2026 年版',
    state: 'draft',
    standing: 'draft',
    revision: 2,
    ruleCount: 1,
    createdBy: clerk.actor.id,
    editedBy: [admin.actor.id],
  });
  const { id: _, ruleBookId: __, ...kept } = revised.body.rules[0];
  t.strictSame(kept, cleaning);
  t.match((await clerk('GET', `${url}/findings`)).body, { revision: 2, errors: 0, warnings: 0, data: { length: 0 } });

  const stale = await supervisor('POST', `${url}/adopt`, adoption('2026-11-25', { revision: 1 }));
  isRefused(t, stale, '409 rule-book-changed', {
    revision: 2,
    detail: '他人已改到第 2 稿，请重新打开草案，核对后再提交。',
  });
  const adopted = await supervisor('POST', `${url}/adopt`, adoption('2026-11-25', { revision: 2 }));
  t.match(adopted.body, { state: 'adopted', standing: 'adopted' }, adopted.text);
  t.match(
    (await service.anonymous('GET', publicRules)).body,
    { ruleBook: null, data: { length: 0 } },
    'not before its first day',
  );

  const standing = async (of: string) => (await clerk('GET', `${books}/${of}`)).body.standing;
  service.clock.set('2026-11-24T15:59:59.999Z');
  t.equal(await standing(id), 'adopted', 'to the last moment in Shanghai');
  service.clock.set('2026-11-24T16:00:00Z');
  t.equal(await standing(id), 'inForce', 'from the first');

  const next = await clerk('POST', books, { title: '2027 年版', copyOf: id });
  t.equal(next.status, 201, next.text);
  t.match(next.body, { standing: 'draft', revision: 1, editedBy: { length: 0 }, ruleCount: 1 });
  t.not(next.body.rules[0].id, adopted.body.rules[0].id, 'rules of its own');
  const nextUrl = `${books}/${next.body.id}`;
  await clerk('PUT', nextUrl, {
    title: '2027 年版',
    rules: [{ ...cleaning, points: 3, capTimes: null, capPeriod: null }, ruleDraft('ENV04', { title: '门前三包' })],
  });
  const diff = await clerk('GET', `${nextUrl}/diff?against=${id}`);
  t.strictSame(
    diff.body.data.map((one: { zh: string }) => one.zh),
    [
      'ENV03 参加村组环境清扫：分值由 5 改为 3；每月封顶由 4 次改为不封顶',
      'ENV04 门前三包：新增，每次加 5 分，不封顶，按户计',
    ],
  );
  t.match(diff.body, { ruleBookId: next.body.id, againstId: id });
  isRefused(t, await clerk('GET', `${nextUrl}/diff?against=${crypto.randomUUID()}`), '404 not-found');
  isRefused(
    t,
    await clerk('GET', `${nextUrl}/diff`),
    '400 validation-failed',
    { errors: ['/querystring/against required'] },
    'against what?',
  );

  t.equal((await supervisor('POST', `${nextUrl}/adopt`, adoption('2026-12-01'))).status, 200);
  t.strictSame([await standing(id), await standing(next.body.id)], ['inForce', 'adopted']);
  service.clock.set('2026-11-30T16:00:00Z');
  t.strictSame([await standing(id), await standing(next.body.id)], ['superseded', 'inForce']);
  t.strictSame(
    (await clerk('GET', books)).body.data.map((book: { standing: string }) => book.standing),
    ['inForce', 'superseded'],
  );
  t.equal((await clerk('GET', url)).body.state, 'adopted', 'the state is as it was');
});

t.test('a draft is revised as a whole, and only a draft', async t => {
  const service = await openService(t);
  const clerk = insisting(await service.as('clerk'));
  const supervisor = await service.as('supervisor');
  const id = await draft(clerk);
  const put = (body: object, of = id) => clerk('PUT', `${books}/${of}`, { title: '细则', rules: [cleaning], ...body });

  isRefused(t, await put({ revision: 7 }), '409 rule-book-changed', { revision: 1 });
  isRefused(t, await put({ rules: [{ ...cleaning, titleEn: 'Fine of 5 yuan' }] }), '422 rule-wording-refused', {
    terms: ['fine'],
    codes: ['ENV03'],
  });
  isRefused(t, await put({ rules: [cleaning, cleaning] }), '409 already-exists', {
    field: 'rules/1/code',
    existingId: null,
  });
  isRefused(t, await put({ rules: [{ ...cleaning, excludes: ['ENV09'] }] }), '400 validation-failed', {
    errors: ['/rules/0/excludes/0 relation'],
  });
  isRefused(t, await put({ rules: [] }), '400 validation-failed', { errors: ['/rules minItems'] }, 'no rules');
  isRefused(t, await put({}, crypto.randomUUID()), '404 not-found');
  t.match(
    (await clerk('GET', `${books}/${id}`)).body,
    { revision: 1, editedBy: { length: 0 } },
    'nothing of this was kept',
  );

  const many = Array.from({ length: 200 }, (_, n) => ruleDraft(`R${n}`, { title: `事项${n}`, evidence: ['count'] }));
  t.match((await put({ title: '二百条', rules: many })).body, { ruleCount: 200, title: '二百条', revision: 2 });
  await readyToRace(service);
  const racing = await Promise.all(Array.from({ length: 6 }, () => put({ revision: 2 })));
  t.strictSame(racing.map(reply => reply.status).sort(), [200, 409, 409, 409, 409, 409], 'one of many who read it');
  t.match((await clerk('GET', `${books}/${id}`)).body, { ruleCount: 1, revision: 3, editedBy: { length: 0 } });
  t.match((await put({})).body, { revision: 4 });
  t.match((await put({})).body, { revision: 5 }, 'the same again is a revision too');

  const given = await draft(clerk);
  const key = { 'idempotency-key': 'discard-1' };
  const discarded = await clerk('POST', `${books}/${given}/discard`, undefined, key);
  t.match(discarded.body, { state: 'discarded', standing: 'discarded', discardedBy: clerk.actor.id });
  t.equal(
    (await clerk('POST', `${books}/${given}/discard`, undefined, key)).text,
    discarded.text,
    'the same call twice',
  );
  isRefused(t, await clerk('POST', `${books}/${given}/discard`), '409 wrong-state', {
    state: 'discarded',
    allowedFrom: ['draft'],
    since: discarded.body.discardedAt,
  });
  isRefused(t, await put({}, given), '409 wrong-state', {
    state: 'discarded',
    allowedFrom: ['draft'],
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await supervisor('POST', `${books}/${given}/adopt`, adoption('2026-11-25')), '409 wrong-state', {
    state: 'discarded',
    allowedFrom: ['draft'],
    since: '2026-11-23T02:00:00.000Z',
  });
  t.equal((await clerk('POST', books, { title: '又来', copyOf: given })).status, 201, 'it can be copied still');

  t.equal((await supervisor('POST', `${books}/${id}/adopt`, adoption('2026-11-25'))).status, 200);
  isRefused(t, await put({}, id), '409 wrong-state', {
    state: 'adopted',
    allowedFrom: ['draft'],
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await clerk('POST', `${books}/${id}/discard`), '409 wrong-state', {
    state: 'adopted',
    allowedFrom: ['draft'],
    since: '2026-11-23T02:00:00.000Z',
  });

  isRefused(t, await clerk('POST', books, { title: '无', copyOf: crypto.randomUUID() }), '404 not-found');
  for (const body of [{ title: '无' }, { title: '无', copyOf: id, rules: [cleaning] }]) {
    isRefused(t, await clerk('POST', books, body), '400 validation-failed', { errors: ['/copyOf relation'] });
  }
});

t.test('whoever had a hand in a draft does not adopt it', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  const id = await draft(clerk);
  await admin('PUT', `${books}/${id}`, { title: '细则', rules: [cleaning] });
  await service.inVillage(villages.own, async tx => {
    for (const actor of [clerk.actor, admin.actor]) {
      const key = { village: villages.own, ruleBookId: id };
      const said = { inForceFrom: '2026-11-25', resolution: { heldOn: '2026-11-20', ...unanimous } };
      const adopted = adoptRuleBook(tx, actor, key, said, service.clock.now());
      t.strictSame(await refusalOf(adopted), { code: 'second-person-required', facts: { firstUserId: actor.id } });
    }
  });

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  const adopt = (by: string) =>
    app.query(`select rules.adopt('${villages.own}', $1, $2, now(), '2026-11-25', '2026-11-20', 3, 3, 0, 0)`, [id, by]);
  await t.rejects(adopt(clerk.actor.id), /rule_book_second_person/);
  await t.rejects(adopt(admin.actor.id), /rule_book_editors/);
  const refused: [statement: string, why: RegExp][] = [
    [`update rules.rule_book set edited_by = '{}'`, /permission denied/],
    ['update rules.rule_book set revision = 1', /permission denied/],
    ["update rules.rule_book set state = 'adopted'", /permission denied/],
    [`select rules.discard('${villages.own}', '${id}', null, now())`, /rule_book_discarded/],
    [`select rules.fill('${villages.own}', '${id}', '[]')`, /permission denied/],
    [`select rules.redraft('${villages.own}', '${id}', null, 'x', '[]')`, /rule_book_editors_known/],
    [`select rules.redraft('${villages.sibling}', '${id}', gen_random_uuid(), 'x', '[]')`, /only a draft is revised/],
  ];
  for (const [statement, why] of refused) await t.rejects(app.query(statement), why, statement);
  const third = (await service.as('supervisor')).actor.id;
  await adopt(third);
  const changes: [statement: string, code: string][] = [
    [`select rules.redraft('${villages.own}', '${id}', gen_random_uuid(), 'x', '[]')`, 'JF005'],
    [`select rules.discard('${villages.own}', '${id}', gen_random_uuid(), now())`, 'JF005'],
    [
      `update rules.rule_book set state = 'draft', in_force_from = null, held_on = null, present = null, votes_for = null,
              votes_against = null, abstained = null, adopted_by = null, adopted_at = null`,
      '42501',
    ],
    ['update rules.rule_book set discarded_at = now()', '23514'],
    [
      `insert into rules.rule select (r).* from (select jsonb_populate_record(x, '{"id": "${crypto.randomUUID()}",
         "code": "ENV99"}') r from rules.rule x limit 1) s`,
      '42501',
    ],
    [
      `insert into rules.rule_book select (b).* from (select jsonb_populate_record(x, '{"id": "${crypto.randomUUID()}",
         "in_force_from": "2026-12-25"}') b from rules.rule_book x limit 1) s`,
      '42501',
    ],
  ];
  for (const [statement, code] of changes) await t.rejects(app.query(statement), { code }, statement);
  await t.rejects(adopt(third), { code: 'JF005' }, 'an adopted book is as it was adopted, whoever asks');
});

t.test('words that came to be refused later keep a draft from being adopted', async t => {
  const service = await openService(t);
  const id = await draft(await service.as('clerk'));
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  await owner.query(`update rules.rule set title = '乱扔垃圾罚款'`);
  const refused = await (await service.as('supervisor'))('POST', `${books}/${id}/adopt`, adoption('2026-11-25'));
  isRefused(t, refused, '422 rule-wording-refused', { terms: ['罚款'], codes: ['ENV03'] });
  const copied = await (await service.as('clerk'))('POST', books, { title: '细则', copyOf: id });
  isRefused(t, copied, '422 rule-wording-refused', { terms: ['罚款'], codes: ['ENV03'] }, 'nor is it copied');
});

t.test('an award keeps the worth it was given under its book', async t => {
  const service = await openService(t);
  const old = await adoptRules(service, [ruleDraft('ENV03', { points: 5 })]);
  const next = await adoptRules(service, [ruleDraft('ENV03', { points: 3 })], { inForceFrom: '2026-12-01' });
  service.clock.set('2026-11-30T15:59:59.999Z');
  const clerk = await service.as('clerk');
  const give = awarding(clerk);
  const { id } = await household(service);
  const before = await give({ ruleId: old.ENV03, householdId: id, occasion: 'nov' });
  t.match(before.body, { points: 5, ruleId: old.ENV03, businessDate: '2026-11-30' }, before.text);
  isRefused(t, await give({ ruleId: next.ENV03, householdId: id }), '422 rule-not-in-force', {
    ruleId: next.ENV03,
    fromOn: '2026-12-01',
    toOn: null,
  });

  service.clock.set('2026-11-30T16:00:00Z');
  isRefused(t, await give({ ruleId: old.ENV03, householdId: id }), '422 rule-not-in-force', {
    ruleId: old.ENV03,
    fromOn: '2026-01-01',
    toOn: '2026-12-01',
  });
  const after = await give({ ruleId: next.ENV03, householdId: id, occasion: 'dec' });
  t.match(after.body, { points: 3, ruleId: next.ENV03, businessDate: '2026-12-01' });
  const late = await give({ ruleId: old.ENV03, householdId: id, occurredAt: '2026-11-30T23:59:59.999+08:00' });
  t.match(late.body, { points: 5, backEntry: true }, 'what happened before is worth what it was then');

  t.strictSame(
    (await clerk('GET', `${awardsPath}/${before.body.id}`)).body,
    before.body,
    'and the old one is as it was',
  );
  const { body } = await clerk('GET', `/v1/villages/${villages.own}/transactions/${before.body.transactionNumber}`);
  t.match(body.frozen, { ruleId: old.ENV03, unitPoints: '5', quantity: '1' });
  t.equal(
    (await service.anonymous('GET', publicRules)).body.data[0].points,
    3,
    'in public: the new one, since midnight',
  );
});

t.test('everybody may read the rules in force', async t => {
  const service = await openService(t);
  await adoptRules(service, [cleaning]);
  const first = await service.anonymous('GET', publicRules);
  t.equal(first.status, 200);
  t.match(first.body, { on: '2026-11-23', ruleBook: { inForceFrom: '2026-01-01' }, data: [{ code: 'ENV03' }] });
  t.equal(first.headers['cache-control'], 'no-cache');
  const { etag } = first.headers;
  for (const tag of [etag!, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await service.anonymous('GET', publicRules, undefined, { 'if-none-match': tag });
    t.strictSame([again.status, again.text, again.headers.etag], [304, '', etag], tag);
  }
  const other = await service.anonymous('GET', publicRules, undefined, { 'if-none-match': '"other"' });
  t.strictSame([other.status, other.text], [200, first.text]);
  isRefused(t, await service.anonymous('GET', '/v1/public/villages/520281127999/rules'), '404 not-found');
  t.match((await service.anonymous('GET', `/v1/public/villages/${villages.sibling}/rules`)).body, { ruleBook: null });
});
