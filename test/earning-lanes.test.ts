import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { t } from 'tap';
import { iso } from '../src/calendar.ts';
import { rowsOf } from '../src/db/database.ts';
import { none } from '../src/db/scope.ts';
import { session } from '../src/identity/tables.ts';
import { insisting, readyToRace, tally } from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { type Caller, connect, openService, villages } from './support/service.ts';

t.setTimeout(900_000);

const places = [villages.own, villages.sibling, villages.foreign] as const;
const path = (village: string) => `/v1/villages/${village}/awards`;

t.test('awards of several villages share a database transaction, and none harms another', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const drafts = [ruleDraft('FREE', { points: 2 }), ruleDraft('ONCE', { points: 1, capTimes: 1, capPeriod: 'day' })];
  const rules: Record<string, Record<string, string>> = {};
  const homes: Record<string, string> = {};
  const clerks: Record<string, Caller> = {};
  for (const village of places) {
    rules[village] = await adoptRules(service, drafts, { village });
    homes[village] = await service.household({}, village);
    clerks[village] = insisting(await service.as('clerk', village));
  }
  const line = (village: string, code: string) => ({
    ruleId: rules[village]![code],
    householdId: homes[village],
    quantity: 1,
  });
  const give = (village: string, code: string, key = randomUUID(), clerk = clerks[village]!) =>
    clerk('POST', path(village), line(village, code), { 'idempotency-key': key });
  const awardsOf = async (village: string) =>
    (
      await service.inVillage(village, tx =>
        rowsOf<{ n: number }>(tx, sql`select count(*)::int as n from earning.award where village = ${village}`),
      )
    )[0]!.n;
  await readyToRace(service);

  t.test('twenty in each of three villages, of two counties', async t => {
    const replies = await Promise.all(
      places.flatMap(village => Array.from({ length: 20 }, () => give(village, 'FREE'))),
    );
    t.same(tally(replies), { 201: 60 });
    for (const village of places) {
      t.equal(await awardsOf(village), 20);
      const numbers = replies.filter(reply => reply.headers.location!.startsWith(path(village)));
      t.equal(new Set(numbers.map(reply => reply.body.transactionNumber)).size, 20);
      const points = await clerks[village]!('GET', `/v1/villages/${village}/households/${homes[village]}/points`);
      t.match(points.body, { available: 40, honour: 40 });
      const answered = numbers.map(reply => reply.body).toSorted((a, b) => b.transactionNumber - a.transactionNumber);
      const listed = await clerks[village]!('GET', `${path(village)}?limit=20`);
      t.strictSame(listed.body.data, answered, 'what was answered before the number was known is what was written');
    }
    const owner = await connect(t, service.ownerUrl);
    const { rows } = await owner.query(
      'select count(*)::int as rows, count(distinct xmin::text)::int as commits from http.idempotency',
    );
    t.equal(rows[0].rows >= 60, true);
    t.ok(rows[0].commits < rows[0].rows / 2, `${rows[0].rows} answers in ${rows[0].commits} commits`);
  });

  t.test('refusals stand next to awards: a cap, no such rule, a key with another body', async t => {
    const key = randomUUID();
    const first = await give(villages.own, 'FREE', key);
    const before = await awardsOf(villages.own);
    const replies = await Promise.all([
      ...Array.from({ length: 8 }, () => give(villages.own, 'ONCE')),
      ...Array.from({ length: 8 }, () => give(villages.own, 'FREE')),
      give(villages.own, 'ONCE', key),
      give(villages.own, 'FREE', key),
      clerks[villages.own]!('POST', path(villages.own), { ...line(villages.own, 'FREE'), ruleId: randomUUID() }),
      clerks[villages.own]!('POST', path(villages.own), {
        ...line(villages.own, 'FREE'),
        householdId: homes[villages.sibling],
      }),
    ]);
    t.same(tally(replies), { 201: 10, 'cap-reached': 7, 'idempotency-key-reused': 1, 'not-found': 2 });
    const replay = replies.find(reply => reply.headers['idempotency-replayed'] === 'true');
    t.equal(replay?.text, first.text, 'the first answer, byte for byte');
    t.equal(await awardsOf(villages.own), before + 9);
  });

  t.test('one key, asked thirty times at once, is one award and one answer', async t => {
    const before = await awardsOf(villages.sibling);
    const key = randomUUID();
    const replies = await Promise.all(Array.from({ length: 30 }, () => give(villages.sibling, 'FREE', key)));
    t.same(tally(replies), { 201: 30 });
    t.equal(new Set(replies.map(reply => reply.text)).size, 1);
    t.equal(replies.filter(reply => reply.headers['idempotency-replayed'] === undefined).length, 1);
    t.equal(await awardsOf(villages.sibling), before + 1);
  });

  t.test('one key, and an occasion that pays once: nobody is refused by the own first call', async t => {
    for (let round = 0; round < 10; round += 1) {
      const headers = { 'idempotency-key': randomUUID() };
      const body = { ...line(villages.sibling, 'FREE'), occasion: `round-${round}` };
      const ask = () => clerks[villages.sibling]!('POST', path(villages.sibling), body, headers);
      const replies = await Promise.all(Array.from({ length: 4 }, ask));
      t.same(tally(replies), { 201: 4 });
      t.equal(new Set(replies.map(reply => reply.text)).size, 1);
    }
  });

  t.test('a refused call keeps its key free, a replay outlives the cap', async t => {
    const key = randomUUID();
    isRefused(t, await give(villages.own, 'ONCE', key), '422 cap-reached', {
      cap: 'rule',
      used: 1,
      limit: 1,
      resetsOn: '2026-11-24',
    });
    service.clock.pass({ hours: 24 });
    const tomorrow = await give(villages.own, 'ONCE', key);
    t.equal(tomorrow.status, 201, tomorrow.text);
    t.equal((await give(villages.own, 'ONCE', key)).text, tomorrow.text);
  });

  t.test('who was signed out is refused in the midst of others', async t => {
    const leaver = await service.as('clerk');
    await service.database.inTransaction(none, tx =>
      tx
        .update(session)
        .set({ endedAt: iso(service.clock.now()), endedReason: 'disabled' })
        .where(eq(session.id, leaver.actor.sessionId)),
    );
    const before = await awardsOf(villages.own);
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        give(villages.own, 'FREE', randomUUID(), n % 2 === 0 ? leaver : clerks[villages.own]!),
      ),
    );
    t.same(tally(replies), { 201: 6, 'session-revoked': 6 });
    t.equal(await awardsOf(villages.own), before + 6);
  });

  t.test('what breaks for one breaks for that one', async t => {
    // A book that somebody has locked makes a shared database transaction wait until it is refused.
    const owner = await connect(t, service.ownerUrl);
    await owner.query('begin');
    await owner.query(`set local jifen.scope = '${villages.sibling}'`);
    await owner.query('select from ledger.book where village = $1 for update', [villages.sibling]);
    // Not one of the clerks that insist.
    const clerk = await service.as('clerk', villages.sibling);
    const waiting = clerk('POST', path(villages.sibling), line(villages.sibling, 'FREE'));
    const others = await Promise.all(Array.from({ length: 4 }, () => give(villages.own, 'FREE')));
    t.same(tally(others), { 201: 4 });
    isRefused(t, await waiting, '503 unavailable', { retryAfterSeconds: 2 });
    await owner.query('rollback');
  });
});
