import { randomUUIDv7 } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { startWorker } from '../src/app.ts';
import { makeCheckpoint } from '../src/checkpoints/make-checkpoint.ts';
import { parseCheckpoint, parseNote, parseVerifier, verifyNote } from '../src/checkpoints/note.ts';
import { openBookSigner } from '../src/checkpoints/signer.ts';
import { rangeOver, rootOf, verifyConsistency } from '../src/checkpoints/tree.ts';
import { post } from '../src/ledger/post.ts';
import type { Command } from '../src/ledger/transactions.ts';
import { verifyDueBooks } from '../src/verification/jobs.ts';
import { consistencyOf, pathOf, treeHash } from './support/reference-tree.ts';
import { isRefused } from './support/refusal.ts';
import { type Caller, clockAt, connect, nobody, openService, type Service, villages } from './support/service.ts';
import { verifyTlogProof } from './support/tlog-proof.ts';
import { until } from './support/waiting.ts';

const at = (village: string) => `/v1/villages/${village}`;
const open = (village: string) => `/v1/public/villages/${village}/book`;
const own = at(villages.own);

/** Puts `count` transactions into a book, all to one household. */
async function fill(service: Service, village: string, householdId: string, count: number): Promise<void> {
  const commands = Array.from({ length: count }, (): Command => {
    const id = randomUUIDv7();
    const transfers = [{ from: 'issued', to: `household:${householdId}:available`, asset: 'PTS' as const, amount: 1 }];
    const event = { actor: nobody.id, occurredAt: '2026-11-22T02:10:00.000Z', businessDate: '2026-11-22' };
    return { id, kind: 'test', cause: `test:${id}`, ...event, transfers };
  });
  for (let done = 0; done < count; done += 200) {
    const some = commands.slice(done, done + 200);
    await service.inVillage(village, tx => post(tx, village, some, { atomic: true }));
  }
}

/** Keys as anybody gets them. */
async function keysOf(service: Service, village: string) {
  const { status, text, headers } = await service.anonymous('GET', `${open(village)}/keys`);
  if (status !== 200 || !headers['content-type']?.startsWith('text/plain')) throw new Error(text);
  return text.trimEnd().split('\n').map(parseVerifier);
}

const sign = (caller: Caller, village: string, headers = {}) =>
  caller('POST', `${at(village)}/book/checkpoints`, undefined, headers);

// A busy machine takes a while to start a database.
t.setTimeout(900_000);

t.test('checkpoints and proofs', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const auditor = await service.as('auditor');
  const owner = await connect(t, service.ownerUrl);
  // The superuser of the embedded cluster sees every village, and no trigger stops them.
  await owner.query("set session_replication_role = 'replica'");
  const leavesOf = async (village: string): Promise<Buffer[]> => {
    const { rows } = await owner.query('select leaf_hash from ledger.transaction where village = $1 order by number', [
      village,
    ]);
    return rows.map(row => row.leaf_hash);
  };
  const household = await service.household();
  const other = await service.household();

  await t.test('none yet', async t => {
    isRefused(t, await auditor('GET', `${own}/book/checkpoint`), '404 not-found');
    isRefused(t, await service.anonymous('GET', `${open(villages.own)}/checkpoint`), '404 not-found');
    isRefused(t, await service.anonymous('GET', `${open('520281127103')}/checkpoint`), '404 not-found');
    isRefused(t, await service.anonymous('GET', `${open('520281127103')}/keys`), '404 not-found', {}, 'not opened');
    t.same((await auditor('GET', `${own}/book/checkpoints`)).body, { data: [], nextCursor: null, hasMore: false });
    isRefused(t, await auditor('GET', `${own}/transactions/1/proof`), '404 not-found');
    await fill(service, villages.own, household, 1);
    isRefused(t, await auditor('GET', `${own}/transactions/1/proof`), '409 proof-not-ready', {
      number: 1,
      treeSize: 0,
      detail: '这是第 1 笔，最近的核验点到第 0 笔。请等下一个核验点生成后再查。',
    });
  });

  await t.test('made on demand, once for each size of the book', async t => {
    const headers = { 'idempotency-key': 'sign-once' };
    const first = await sign(admin, villages.own, headers);
    t.match(first, { status: 200, body: { size: 1, name: `jifen.example/books/${villages.own}` } });
    t.match(await sign(admin, villages.own, headers), {
      body: first.body,
      headers: { 'idempotency-replayed': 'true' },
    });
    service.clock.pass({ seconds: 5 });
    t.same((await sign(auditor, villages.own)).body, first.body, 'a book that has not grown answers the latest');

    await fill(service, villages.own, household, 2);
    const answers = await Promise.all(Array.from({ length: 6 }, () => sign(admin, villages.own)));
    t.same(
      answers.map(answer => [answer.status, answer.body]),
      answers.map(() => [200, answers[0]!.body]),
    );
    t.equal(answers[0]!.body.size, 3);
    const { body } = await auditor('GET', `${own}/book/checkpoints?limit=1`);
    t.match(body, { data: [answers[0]!.body], hasMore: true });
    const rest = await auditor('GET', `${own}/book/checkpoints?limit=1&cursor=${body.nextCursor}`);
    t.same(rest.body, { data: [first.body], nextCursor: null, hasMore: false }, 'two, and no more');
    isRefused(
      t,
      await auditor('GET', `${at(villages.sibling)}/book/checkpoints?cursor=${body.nextCursor}`),
      '400 cursor-mismatch',
    );
  });

  await t.test('the note, for those inside and for anybody', async t => {
    const inside = await (await service.as('clerk'))('GET', `${own}/book/checkpoint`);
    t.match(inside, { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    t.equal((await service.anonymous('GET', `${open(villages.own)}/checkpoint`)).text, inside.text);
    const note = parseNote(inside.text);
    const keys = await keysOf(service, villages.own);
    t.equal(keys.length, 1);
    t.ok(verifyNote(note, keys));
    t.notOk(verifyNote(note, await keysOf(service, villages.sibling)), 'keys are of one book');
    const root = treeHash(await leavesOf(villages.own));
    t.same(parseCheckpoint(note.text), { origin: `jifen.example/books/${villages.own}`, size: 3, root });
    const { data } = (await auditor('GET', `${own}/book/checkpoints`)).body;
    t.match(data[0], { note: inside.text, rootHash: root.toString('hex'), keyId: keys[0]!.keyId });
  });

  await t.test('proofs in a book of many transactions', async t => {
    await fill(service, villages.own, household, 560);
    await fill(service, villages.own, other, 40);
    isRefused(t, await auditor('GET', `${own}/transactions/4/proof`), '409 proof-not-ready', {
      treeSize: 3,
      number: 4,
    });
    t.equal((await sign(admin, villages.own)).body.size, 603);
    const leaves = await leavesOf(villages.own);
    const keys = await keysOf(service, villages.own);
    const { text: note } = await auditor('GET', `${own}/book/checkpoint`);

    for (const number of [1, 2, 256, 257, 300, 512, 513, 602, 603]) {
      const proof = await auditor('GET', `${own}/transactions/${number}/proof`);
      t.match(proof, { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
      const hashes = pathOf(number - 1, leaves).map(hash => `${hash.toString('base64')}\n`);
      t.equal(proof.text, `c2sp.org/tlog-proof@v1\nindex ${number - 1}\n${hashes.join('')}\n${note}`);
      t.ok(verifyTlogProof(proof.text, leaves[number - 1]!, keys));
      t.notOk(verifyTlogProof(proof.text, leaves[number % 603]!, keys));
    }
    isRefused(t, await auditor('GET', `${own}/transactions/604/proof`), '404 not-found');

    for (const [from, to] of [
      [1, 3],
      [1, 603],
      [3, 603],
      [603, 603],
    ] as const) {
      const { status, body } = await auditor('GET', `${own}/book/consistency?from=${from}&to=${to}`);
      t.equal(status, 200);
      const hashes = consistencyOf(from, leaves.slice(0, to));
      t.same(body, { from, to, hashes: hashes.map(hash => hash.toString('hex')) });
      const [fromRoot, toRoot] = [treeHash(leaves.slice(0, from)), treeHash(leaves.slice(0, to))];
      t.ok(verifyConsistency({ from, to, fromRoot, toRoot, hashes }));
    }
    const refused = (query: string) => auditor('GET', `${own}/book/consistency?${query}`);
    isRefused(t, await refused('from=3&to=1'), '422 out-of-bounds', { field: 'to', min: 3, max: 9007199254740991 });
    isRefused(t, await refused('from=2&to=603'), '404 not-found', {}, 'nobody signed for 2');
    isRefused(t, await refused('from=3&to=604'), '404 not-found');
    isRefused(t, await refused('from=3'), '400 validation-failed', { errors: ['/querystring/to required'] });
  });

  await t.test('a household has proofs of its own transactions', async t => {
    const self = await service.asHousehold(household);
    const proof = await self('GET', `${own}/transactions/300/proof`);
    t.equal(proof.status, 200);
    t.ok(verifyTlogProof(proof.text, (await leavesOf(villages.own))[299]!, await keysOf(service, villages.own)));
    const stranger = await self('GET', `${own}/transactions/603/proof`);
    const nobodys = await self('GET', `${own}/transactions/9999/proof`);
    const code = ({ status, body }: typeof proof) => [status, body.code, body.detail];
    t.same(code(stranger), code(nobodys), 'of another’s it is told what it is told of none');
    isRefused(t, stranger, '404 not-found');
    t.match(await (await service.asHousehold(other))('GET', `${own}/transactions/603/proof`), { status: 200 });
  });

  await t.test('an empty book has a head too', async t => {
    const { body } = await sign(await service.as('villageAdmin', villages.foreign), villages.foreign);
    t.match(body, { size: 0, rootHash: rootOf(rangeOver([])).toString('hex') });
  });

  await t.test('what was signed stays', async t => {
    const app = await connect(t, service.appUrl);
    await app.query(`set jifen.scope = '${villages.own}'`);
    for (const change of [
      'update audit.checkpoint set size = 1',
      'delete from audit.checkpoint',
      'truncate audit.subtree',
    ]) {
      await t.rejects(app.query(change), { code: '42501' }, change);
    }
    await app.query(`set jifen.scope = '${villages.sibling}'`);
    t.equal((await app.query('select from audit.checkpoint')).rowCount, 0, 'of one’s own villages alone');
    t.equal((await app.query('select from audit.subtree')).rowCount, 0);
    const forged =
      'insert into audit.checkpoint select village, size + 1, name, root, public_key, note, made_at, number + 1, size from audit.checkpoint where size = 3';
    await t.rejects(owner.query(forged), { message: /checkpoint_note/ }, 'the note says what the row says');
  });

  await t.test('the evening', async t => {
    const neighbour = await service.household({}, villages.sibling);
    await fill(service, villages.sibling, neighbour, 300);
    t.same(await verifyDueBooks(service), [villages.sibling], 'only the book that grew');
    t.same(await verifyDueBooks(service), [], 'once');
    await fill(service, villages.own, household, 1);
    await startWorker(service);
    await service.inVillage(villages.own, tx =>
      service.jobs.send(tx, 'verification.daily', {}, { key: 'now', startAfter: '2026-01-01T00:00:00.000Z' }),
    );
    const size = async () => (await auditor('GET', `${own}/book/checkpoints?limit=1`)).body.data[0].size;
    await until(async () => (await size()) >= 604, 'the job makes a checkpoint');
    t.equal(await size(), 604, 'by its job');
    const { rows } = await owner.query('select cron, timezone from jobs.schedule where name = $1', [
      'verification.daily',
    ]);
    t.same(rows, [{ cron: '30 23 * * *', timezone: 'Asia/Shanghai' }]);
  });

  /** As many as verifying finds; one where only the tree tells. */
  const discrepancies = async (village: string) => {
    const { body } = await (await service.as('auditor', village))('POST', `${at(village)}/book/verify`);
    const counts: number[] = body.checks.map((check: { findings: unknown[] }) => check.findings.length);
    return {
      discrepancyCount: Math.max(
        1,
        counts.reduce((sum, count) => sum + count),
      ),
    };
  };

  await t.test('a book that was changed is not signed', async t => {
    const change = async (sql: string, back: string, what: string) => {
      await owner.query(sql);
      isRefused(t, await sign(admin, villages.own), '409 book-unsound', await discrepancies(villages.own), what);
      isRefused(
        t,
        await auditor('GET', `${own}/book/consistency?from=3&to=603`),
        '409 book-unsound',
        { discrepancyCount: 1 },
        what,
      );
      service.clock.pass({ minutes: 1 });
      // What verification finds is kept; what only the tree tells is an error of the job.
      const signed = await verifyDueBooks(service).catch((error: Error) => error.name);
      t.notOk(signed.includes(villages.own), what);
      const [newest] = (await auditor('GET', `${own}/book/verifications?limit=1`)).body.data;
      t.equal(newest.sound, signed === 'AggregateError', what);
      await owner.query(back);
    };
    const here = `village = '${villages.own}'`;
    const flip = (number: number) =>
      `update ledger.transaction set leaf_hash = set_byte(leaf_hash, 0, get_byte(leaf_hash, 0) # 1) where ${here} and number = ${number}`;
    // Both books grow: the sound one is signed whatever has become of the other.
    await fill(service, villages.own, household, 1);
    await owner.query('create temp table gone as select * from ledger.transaction where false');
    await change(flip(600), flip(600), 'a leaf');
    const cut = (table: string) => `with cut as (delete from ${table} where ${here} and number > 599 returning *)`;
    await change(
      `${cut('ledger.transaction')} insert into gone select * from cut`,
      'with back as (delete from gone returning *) insert into ledger.transaction select * from back',
      'the tail is cut off',
    );
    await change(
      `update audit.subtree set root = set_byte(root, 0, get_byte(root, 0) # 1) where ${here} and start = 256`,
      `update audit.subtree set root = set_byte(root, 0, get_byte(root, 0) # 1) where ${here} and start = 256`,
      'a subtree',
    );
    await owner.query(`update ledger.book set number = 602 where ${here}`);
    isRefused(
      t,
      await sign(admin, villages.own),
      '409 book-unsound',
      await discrepancies(villages.own),
      'a shorter book',
    );
    await owner.query(`update ledger.book set number = 605 where ${here}`);

    await owner.query(flip(300));
    isRefused(t, await auditor('GET', `${own}/transactions/300/proof`), '409 book-unsound', { discrepancyCount: 1 });
    isRefused(
      t,
      await auditor('GET', `${own}/transactions/299/proof`),
      '409 book-unsound',
      { discrepancyCount: 1 },
      'its neighbour leans on it',
    );
    t.match(await auditor('GET', `${own}/transactions/3/proof`), { status: 200 });
    await owner.query(flip(300));
    t.match(await sign(admin, villages.own), { status: 200, body: { size: 605 } }, 'put back, it is signed again');
  });

  await t.test('a book with a number missing is not signed', async t => {
    const there = villages.foreign;
    await fill(service, there, await service.household({}, there), 300);
    const secretary = await service.as('villageAdmin', there);
    for (const number of [100, 290]) {
      const here = `village = '${there}' and number = ${number}`;
      await owner.query(`create temp table missing as select * from ledger.transaction where ${here}`);
      await owner.query(`delete from ledger.transaction where ${here}`);
      isRefused(t, await sign(secretary, there), '409 book-unsound', await discrepancies(there), `without ${number}`);
      await owner.query('insert into ledger.transaction select * from missing');
      await owner.query('drop table missing');
    }
    t.match(await sign(secretary, there), { status: 200, body: { size: 300 } });
  });

  await t.test('one changed book keeps no other from being signed', async t => {
    const flip = `update ledger.transaction set leaf_hash = set_byte(leaf_hash, 0, get_byte(leaf_hash, 0) # 1) where village = '${villages.own}' and number = 605`;
    await owner.query(flip);
    await fill(service, villages.own, household, 1);
    await fill(service, villages.sibling, await service.household({}, villages.sibling), 1);
    t.same(await verifyDueBooks(service), [villages.sibling]);
    const { body } = await auditor('GET', `${at(villages.sibling)}/book/checkpoints?limit=1`);
    t.equal(body.data[0].size, 301);
    await owner.query(flip);
  });

  await t.test('keys', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'jifen-keys-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const clock = clockAt('2027-01-01T00:00:00Z');
    const elsewhere = openBookSigner(folder, { origin: 'https://moved.example:8443', clock });
    const [file] = await readdir(folder);
    t.match(file, /^checkpoint-2027-01-01-[0-9a-f]{16}\.pem$/);
    t.equal((await stat(join(folder, file!))).mode & 0o777, 0o600);
    t.same(
      openBookSigner(folder, { origin: '', clock }).publicKeys(),
      elsewhere.publicKeys(),
      'the same when opened again',
    );
    t.equal(elsewhere.nameOf(villages.own), `moved.example:8443/books/${villages.own}`);

    const [before] = await keysOf(service, villages.own);
    const made = await service.inVillage(villages.own, tx => makeCheckpoint(tx, elsewhere, villages.own, clock.now()));
    t.equal(made.name, `jifen.example/books/${villages.own}`, 'the name stays, wherever the service has moved');
    const keys = await keysOf(service, villages.own);
    t.equal(keys.length, 2);
    t.same(keys[0], before);
    t.ok(verifyNote(parseNote(made.note), keys.slice(1)), 'whoever has signed is listed');
    t.notOk(verifyNote(parseNote(made.note), keys.slice(0, 1)));

    const next = openBookSigner(await mkdtemp(join(folder, 'next-')), {
      origin: '',
      clock: clockAt('2027-02-01T00:00:00Z'),
    });
    t.notSame(next.publicKeys(), elsewhere.publicKeys());
  });
});
