import { randomUUIDv7 } from 'node:crypto';
import pg from 'pg';
import { type Test, t } from 'tap';
import type { PostResult } from '../../src/ledger/post.ts';
import { type Command, reversal } from '../../src/ledger/transactions.ts';
import { available, type Books, event, give, home, openBooks, spend } from '../support/book.ts';

const writers = 16;

t.test('sixteen writers at once', async t => {
  const books = await openBooks(t);
  const clients = await Promise.all(Array.from({ length: writers }, () => connect(t, books)));

  /** Each writer posts what `make` gives it, all at the same moment, each on a connection of its own. */
  const race = (make: (writer: number) => Command[], end: 'commit' | 'rollback' = 'commit'): Promise<PostResult[][]> =>
    Promise.all(clients.map((client, writer) => postOn(client, make(writer), end)));
  const state = async () =>
    (
      await books.superuser.query(
        `select b.number as recorded, count(*)::int as rows, coalesce(max(t.number), 0) as last, min(t.number) as first,
                bool_and(t.posted_at >= t.before) as onward
           from ledger.book b
           join (select *, lag(posted_at, 1, posted_at) over (order by number) as before
                   from ledger.transaction where village = $1) t using (village)
          where b.village = $1 group by b.number`,
        [home],
      )
    ).rows[0];

  await t.test('the last ten points go to one', async t => {
    await books.post([give(10)]);
    const results = (await race(() => [spend(10)])).flat();
    t.equal(results.filter(result => result.status === 'posted').length, 1);
    t.equal(results.filter(result => result.status === 'refused' && result.code === 'insufficient-points').length, 15);
    t.equal(await books.balance(available), 0);
  });

  await t.test('ten single points go to ten', async t => {
    await books.post([give(10)]);
    const results = (await race(() => [spend(1)])).flat();
    t.equal(results.filter(result => result.status === 'posted').length, 10);
    t.equal(await books.balance(available), 0);
  });

  await t.test('one cause is posted once, and everybody is told of it', async t => {
    const command = give(3);
    const results = (await race(() => [{ ...command, id: randomUUIDv7() }])).flat();
    t.equal(results.filter(result => result.status === 'posted').length, 1);
    t.equal(results.filter(result => result.status === 'replayed').length, 15);
    t.equal(new Set(results.map(result => (result as { id: string }).id)).size, 1);
    await books.post([spend(3)]);
  });

  await t.test('a cap of five is used five times', async t => {
    const limits = [{ key: 'raced', use: 1, max: 5, code: 'cap-reached' as const }];
    const results = (await race(() => [give(1, { limits })])).flat();
    t.equal(results.filter(result => result.status === 'posted').length, 5);
    t.equal(await books.balance(available), 5);
    await books.post([spend(5)]);
  });

  await t.test('a transaction is reversed once', async t => {
    const [posted] = (await books.post([give(8)])) as { number: number }[];
    const results = (
      await race(writer => [{ ...reversal(event, posted!.number), cause: `reversal:${writer}`, id: randomUUIDv7() }])
    ).flat();
    t.equal(results.filter(result => result.status === 'posted').length, 1);
    t.equal(results.filter(result => result.status === 'refused' && result.code === 'already-reversed').length, 15);
    t.equal(await books.balance(available), 0);
  });

  await t.test('numbers stay without gaps, whatever is rolled back', async t => {
    const before = (await state()).recorded;
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([
        ...clients.slice(0, 8).map(client => postOn(client, [give(1), give(1), spend(1)], 'commit')),
        ...clients.slice(8, 12).map(client => postOn(client, [give(1), give(1)], 'rollback')),
        ...clients.slice(12).map(client => postOn(client, [give(1), spend(1_000_000)], 'commit')),
      ]);
    }
    const after = await state();
    t.equal(after.recorded, before + 4 * (8 * 3 + 4));
    t.strictSame([after.first, after.last, after.rows], [1, after.recorded, after.recorded]);
    t.equal(after.onward, true, 'and the book’s time never runs backwards');
  });

  await t.test('the book’s time does not follow a clock that is set back', async t => {
    await books.superuser.query(`update ledger.book set posted_at = '2999-01-01T00:00:00Z' where village = $1`, [home]);
    t.match(await books.post([give(1)]), [{ status: 'posted', postedAt: '2999-01-01T00:00:00.000Z' }]);
  });

  await t.test('two books do not wait for one another', async t => {
    await clients[0]!.query(`begin; set local jifen.scope = '${home}'`);
    await clients[0]!.query('select ledger.post($1, $2)', [home, JSON.stringify([give(1)])]);
    t.match(await books.post([give(1)], { village: '520281127102' }), [{ status: 'posted' }]);
    await t.rejects(postOn(clients[1]!, [give(1)], 'commit', '200ms'), /lock timeout/);
    await clients[0]!.query('rollback');
  });
});

async function postOn(client: pg.Client, commands: Command[], end: 'commit' | 'rollback', wait = '30s') {
  await client.query(`begin; set local jifen.scope = '${home}'; set local lock_timeout = '${wait}'`);
  try {
    const { rows } = await client.query('select ledger.post($1, $2) as results', [home, JSON.stringify(commands)]);
    await client.query(end);
    return rows[0].results as PostResult[];
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function connect(t: Test, books: Books): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: books.appUrl });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}
