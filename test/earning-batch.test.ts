import { t } from 'tap';
import { awardEach } from '../src/earning/award.ts';
import { type AwardLine, readContexts } from '../src/earning/validate-award.ts';
import {
  awarding,
  awardsPath,
  bookNumber,
  household,
  households,
  insisting,
  pointsOf,
  readyToRace,
} from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { openService, villages } from './support/service.ts';

const batchPath = `${awardsPath}/batch`;

t.test('a sheet', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 100 } });
  const rules = await adoptRules(service, [
    ruleDraft('FREE', { points: 1 }),
    ruleDraft('CAP2', { points: 1, capTimes: 2, capPeriod: 'day' }),
    ruleDraft('MINE', { points: 1, capScope: 'member' }),
    ruleDraft('DED01', { direction: 'deduction' }),
  ]);
  const clerk = insisting(await service.as('clerk'));
  const sheet = (input: object, headers?: Record<string, string>) => clerk('POST', batchPath, input, headers);
  const line = (householdId: string, code = 'FREE', fields = {}) => ({
    ruleId: rules[code],
    householdId,
    quantity: 1,
    ...fields,
  });
  /** Status of each line, with the code of its problem. */
  const verdicts = (body: { results: { status: number; problem: { code: string } | null }[] }) =>
    body.results.map(({ status, problem }) => (problem === null ? status : problem.code));

  t.test('per item: each line is answered by itself, in order', async t => {
    const { id, members } = await household(service, 2);
    const reply = await sheet({
      mode: 'perItem',
      businessDate: '2026-11-22',
      occasion: 'monday',
      items: [
        line(id, 'CAP2', { ref: 'a', occasion: '1' }),
        line(crypto.randomUUID(), 'FREE', { ref: 'b' }),
        line(id, 'CAP2', { occasion: '2' }),
        line(id, 'CAP2', { occasion: '3' }),
        line(id, 'FREE'),
        line(id, 'FREE'),
        line(id, 'MINE'),
        line(id, 'MINE', { memberId: members[1], note: '第二人' }),
        line(id, 'DED01'),
        line(id, 'FREE', { occurredAt: '2026-11-23T01:00:00Z', occasion: 'tuesday' }),
      ],
    });
    t.equal(reply.status, 207, reply.text);
    t.strictSame(verdicts(reply.body), [
      201,
      'not-found',
      201,
      'cap-reached',
      201,
      'award-duplicate',
      'validation-failed',
      201,
      'out-of-bounds',
      201,
    ]);
    t.match(reply.body, { succeeded: 5, refused: 5 });
    t.strictSame(
      reply.body.results.map((result: { index: number; ref: string | null }) => [result.index, result.ref]),
      [['a'], ['b'], ...Array(8).fill([null])].map(([ref], index) => [index, ref]),
    );
    const [first, missing, , capped, firstOfTwo, duplicate, , second, , later] = reply.body.results;
    t.match(first.award, { batchId: reply.body.batchId, businessDate: '2026-11-22', backEntry: true, occasion: '1' });
    t.equal(first.award.occurredAt, '2026-11-21T16:00:00.000Z', 'a day without an hour begins at midnight');
    t.equal(first.problem, null);
    t.match(missing, { status: 404, award: null, problem: { instance: batchPath } });
    isRefused(t, missing.problem, '404 not-found', { field: 'householdId' });
    t.match(capped.problem, { used: 2, limit: 2, resetsOn: '2026-11-23' });
    t.equal(duplicate.problem.awardId, firstOfTwo.award.id, 'the earlier line of the sheet');
    t.match(second.award, { memberId: members[1], note: '第二人', occasion: 'monday' });
    t.match(later.award, { businessDate: '2026-11-23', backEntry: false });
    t.equal((await pointsOf(clerk, id)).available, 5);
    t.strictSame((await clerk('GET', `${awardsPath}/${first.award.id}`)).body, first.award);
  });

  t.test('a refused line does not stand in the way of the same occasion later', async t => {
    const { id } = await household(service);
    const reply = await sheet({
      mode: 'perItem',
      items: [line(id, 'CAP2', { occasion: 'x', quantity: 3 }), line(id, 'CAP2', { occasion: 'x', quantity: 1 })],
    });
    t.strictSame(verdicts(reply.body), ['cap-reached', 201]);
  });

  t.test('problems speak the caller’s language', async t => {
    const body = { mode: 'perItem', items: [line(crypto.randomUUID())] };
    const reply = await sheet(body, { 'accept-language': 'en' });
    t.equal(reply.headers['content-language'], 'en');
    t.equal(reply.body.results[0].problem.title, 'Not found');
  });

  t.test('the same sheet twice', async t => {
    const { id } = await household(service);
    const body = { mode: 'perItem', occasion: 'twice', items: [line(id), line(id, 'CAP2')] };
    const key = { 'idempotency-key': 'sheet-1' };
    const first = await sheet(body, key);
    t.strictSame(verdicts(first.body), [201, 201]);
    const replay = await sheet(body, key);
    t.equal(replay.text, first.text, 'with one key: the first answer');
    t.equal(replay.status, 207);
    const again = await sheet(body);
    t.strictSame(verdicts(again.body), ['award-duplicate', 'award-duplicate'], 'with another: duplicates');
    t.equal(again.body.results[0].problem.awardId, first.body.results[0].award.id);
    t.equal((await pointsOf(clerk, id)).available, 2);
  });

  t.test('what a sheet may not say', async t => {
    const { id } = await household(service);
    const both = { businessDate: '2026-11-22', occurredAt: '2026-11-22T02:00:00Z' };
    isRefused(t, await sheet({ mode: 'perItem', ...both, items: [line(id)] }), '400 validation-failed', {
      errors: ['/businessDate not'],
    });
    isRefused(t, await sheet({ mode: 'perItem', items: [] }), '400 validation-failed', { errors: ['/items minItems'] });
    isRefused(t, await sheet({ mode: 'perItem', items: Array(1001).fill(line(id)) }), '400 validation-failed', {
      errors: ['/items maxItems'],
    });
    const heavy = await sheet({ mode: 'perItem', items: [line(id)], padding: 'x'.repeat(4 * 1024 * 1024) });
    isRefused(t, heavy, '413 body-too-large');
    const large = await sheet({ mode: 'perItem', items: [line(id)], padding: 'x'.repeat(3 * 1024 * 1024) });
    isRefused(
      t,
      large,
      '400 validation-failed',
      { errors: ['/padding additionalProperties'] },
      'three megabytes are read',
    );
  });

  t.test('one sheet sent by many at once, each with a key of its own, pays once', async t => {
    const homes = await households(service, 10);
    const items = homes.map(home => line(home.id));
    await readyToRace(service);
    const before = await bookNumber(service);
    const single = awarding(clerk);
    const [singles, ...sheets] = await Promise.all([
      Promise.all(homes.slice(0, 3).map(home => single(line(home.id, 'FREE', { occasion: 'storm' })))),
      ...Array.from({ length: 8 }, () => sheet({ mode: 'perItem', occasion: 'storm', items })),
    ]);
    const all = [...singles!.map(reply => reply.status), ...sheets.flatMap(reply => verdicts(reply.body))];
    t.equal(all.filter(verdict => verdict === 201).length, 10);
    t.equal(all.filter(verdict => verdict === 'award-duplicate' || verdict === 409).length, 73);
    t.equal(await bookNumber(service), before + 10);
  });
});

t.test('a thousand lines, some of them poisoned', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const rules = await adoptRules(service, [ruleDraft('REC05', { points: 2, capTimes: 30, capPeriod: 'month' })]);
  const clerk = insisting(await service.as('clerk'));
  const homes = await households(service, 40);
  const items = Array.from({ length: 1000 }, (_, index) => ({
    ref: String(index),
    ruleId: rules.REC05,
    householdId: index % 100 === 99 ? crypto.randomUUID() : homes[index % 40]!.id,
    quantity: index % 100 === 50 ? 16 : 1,
    occasion: index % 100 === 10 ? 'the-same' : `line-${index}`,
  }));
  const before = await bookNumber(service);
  const started = performance.now();
  const { status, body } = await clerk('POST', batchPath, { mode: 'perItem', items });
  const milliseconds = performance.now() - started;
  t.comment(`1,000 lines in ${Math.round(milliseconds)} ms`);
  t.equal(status, 207);

  const expected = items.map((item, index) => {
    if (index % 100 === 99) return 'not-found';
    if (item.quantity === 16) return 'out-of-bounds';
    const earlier = items.slice(0, index);
    return earlier.some(one => one.occasion === item.occasion && one.householdId === item.householdId)
      ? 'award-duplicate'
      : 201;
  });
  const seen = body.results.map((result: { status: number; problem: { code: string } | null }) =>
    result.problem === null ? result.status : result.problem.code,
  );
  t.strictSame(seen, expected);
  const posted = expected.filter(verdict => verdict === 201).length;
  t.match(body, { succeeded: posted, refused: 1000 - posted });
  t.equal(await bookNumber(service), before + posted);
  const numbers = body.results.flatMap(
    (result: { award: { transactionNumber: number } | null }) => result.award?.transactionNumber ?? [],
  );
  t.strictSame(
    numbers,
    Array.from({ length: posted }, (_, place) => before + 1 + place),
    'numbered in the order of the sheet',
  );
});

t.test('a longer sheet needs no more statements', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const rules = await adoptRules(service, [ruleDraft('FREE', { points: 1 })]);
  const { actor } = await service.as('clerk');
  const homes = await households(service, 20);
  const inputs = (lines: AwardLine[]) => lines.map(line => ({ actor, village: villages.own, line }));
  const statements = (lines: AwardLine[]) =>
    service.inVillage(villages.own, async tx => {
      const client = tx.$client;
      const query = client.query;
      let count = 0;
      client.query = ((...args: Parameters<typeof query>) => {
        count += 1;
        return query.apply(client, args);
      }) as typeof query;
      try {
        const contexts = await readContexts(tx, inputs(lines));
        await awardEach(tx, inputs(lines), contexts, { atomic: false, batchId: null }, service.clock.now());
      } finally {
        client.query = query;
      }
      return count;
    });
  const line = (place: number, occasion: string): AwardLine => ({
    ruleId: rules.FREE!,
    householdId: homes[place % 20]!.id,
    memberId: null,
    quantity: 1,
    occasion,
    note: null,
  });
  t.equal(await statements([line(0, 'alone')]), 2, 'look, post and write');
  t.equal(await statements(Array.from({ length: 200 }, (_, place) => line(place, `of-many-${place}`))), 2);
  t.equal(
    await statements(Array.from({ length: 200 }, (_, place) => line(place, `of-many-${place}`))),
    3,
    'look, post, explain',
  );
});
