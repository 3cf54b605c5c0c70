import pg from 'pg';
import { t } from 'tap';
import { available, give, home, openBooks, sibling, spend } from '../support/book.ts';

const rows = `'520281127101', 99, '0193563d-0000-7000-8000-00000000000c', 'award', 'x:1', '2026-11-23', now(), now(),
  '0193563d-0000-7000-8000-00000000000c', null, null, null, '{}', '\\x00', '\\x00'`;

/** What somebody would try who holds the service's own connection. Each is refused, by whichever wall comes first. */
const attempts = [
  `update ledger.transaction set memo = 'other'`,
  `update ledger.transfer set amount = amount + 1`,
  `update ledger.account set balance = balance + 100`,
  `update ledger.account set floor = null`,
  `update ledger.book set number = 0`,
  `update ledger.limit_use set used = 0`,
  `delete from ledger.transaction`,
  `delete from ledger.transfer`,
  `delete from ledger.account`,
  `delete from ledger.book`,
  `delete from ledger.limit_use`,
  `truncate ledger.transaction, ledger.transfer`,
  `truncate ledger.limit_use`,
  `insert into ledger.transaction values (${rows})`,
  `insert into ledger.transfer values ('${home}', 1, 9, 'PTS', 5, 1, 2, 0, 0, 0, 0)`,
  `insert into ledger.account values ('${home}', 999, 'issued', 'MIN', null, 5, 0)`,
  `insert into ledger.book values ('520281127109')`,
  `insert into ledger.limit_use values ('${home}', 'k', 0, 100)`,
  `insert into ledger.entry (village) values ('${home}')`,
  `update ledger.entry set amount = 1`,
  `merge into ledger.account a using (select 1) s on true when matched then update set balance = 100`,
  `select * from ledger.transaction for update`,
  `lock table ledger.transaction in exclusive mode`,
  `copy ledger.transfer from stdin`,
  `copy ledger.account to program 'true'`,
  `select ledger.post_each('[]')`,
  `alter table ledger.transaction disable trigger append_only`,
  `alter table ledger.transaction disable row level security`,
  `alter table ledger.transaction add column note text`,
  `drop policy scope on ledger.transaction`,
  `create policy open on ledger.transaction using (true)`,
  `drop trigger append_only on ledger.transfer`,
  `drop table ledger.transfer cascade`,
  `drop function ledger.post(text, jsonb, boolean)`,
  `create or replace function ledger.leaf(canonical text) returns bytea language sql return '\\x00'`,
  `create function ledger.mine() returns void language sql as 'delete from ledger.transfer'`,
  `create function public.mine() returns void language sql security definer as 'delete from ledger.transfer'`,
  `create table ledger.mine (x int)`,
  `create schema mine`,
  `set role jifen_owner`,
  `set session authorization postgres`,
  `set local session_replication_role = replica`,
  `grant jifen_owner to jifen_app`,
  `grant execute on function ledger.post_each(jsonb) to jifen_app`,
  `alter role jifen_app superuser`,
  `alter function ledger.post(text, jsonb, boolean) owner to jifen_app`,
  `alter database postgres set session_replication_role = replica`,
  `do $$ begin delete from ledger.transfer; end $$`,
];

t.test('the book is never changed', async t => {
  const books = await openBooks(t);
  const limits = [{ key: 'k1', use: 1, max: 5, code: 'cap-reached' as const }];
  await books.post([give(9, { limits }), spend(4)]);
  await books.post([give(2)], { village: sibling });

  const client = new pg.Client({ connectionString: books.appUrl });
  await client.connect();
  t.teardown(() => client.end());
  const everything = async () => {
    const tables = ['book', 'account', 'transaction', 'transfer', 'limit_use'];
    const digests = tables.map(name => `(select md5(string_agg(x::text, '|' order by x::text)) from ledger.${name} x)`);
    return (await books.superuser.query(`select concat_ws(' ', ${digests.join(', ')}) as all`)).rows[0].all;
  };
  const before = await everything();
  t.match(before, /^(\w{32} ){4}\w{32}$/);

  await t.test('not by the service’s own role', async t => {
    for (const attempt of attempts) {
      await client.query(`begin; set local jifen.scope = '${home}'`);
      await t.rejects(client.query(attempt), { code: /^(42501|42809|0A000|55000|42704)$/ }, attempt);
      await client.query('rollback');
    }
    t.equal(await everything(), before);
    const { rows: may } = await client.query(`select r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb,
      pg_has_role('jifen_app', 'jifen_owner', 'member') as owner from pg_roles r where rolname = current_user`);
    t.strictSame(may[0], {
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      owner: false,
    });
  });

  await t.test('not by what the service may call', async t => {
    // Temporary tables and its own search path are the caller's; the functions look in pg_catalog and in ledger.
    await client.query(`create temporary table book (village text, number bigint);
      set search_path = pg_temp, public`);
    await client.query(`begin; set local jifen.scope = '${home}'`);
    const { rows } = await client.query('select ledger.post($1, $2) as results', [home, JSON.stringify([spend(100)])]);
    const facts = { accountCode: available, asset: 'PTS', available: 5, required: 100 };
    t.strictSame(rows[0].results, [{ status: 'refused', code: 'insufficient-points', facts }]);
    await client.query('commit; reset search_path');
    t.equal(await everything(), before);
  });

  await t.test('not by the owner: triggers refuse', async t => {
    const owner = new pg.Client({ connectionString: books.ownerUrl });
    await owner.connect();
    t.teardown(() => owner.end());
    await owner.query('set role jifen_owner');
    for (const attempt of [
      `update ledger.transaction set memo = 'other'`,
      `delete from ledger.transaction`,
      `truncate ledger.transaction`,
      `update ledger.transfer set amount = 1`,
      `delete from ledger.transfer where false`,
      `truncate ledger.transfer`,
    ]) {
      await owner.query(`begin; set local jifen.scope = '${home}'`);
      await t.rejects(owner.query(attempt), { code: 'JF001' }, attempt);
      await owner.query('rollback');
    }
    t.equal(await everything(), before);
  });

  await t.test('a village sees itself and nobody else', async t => {
    const tables = ['book', 'account', 'transaction', 'transfer', 'limit_use', 'entry'];
    const counts = async () => {
      const { rows } = await client.query(
        `select ${tables.map(name => `(select count(*)::int from ledger.${name}) as ${name}`).join(', ')}`,
      );
      return Object.values(rows[0]) as number[];
    };
    const nothing = tables.map(() => 0);
    const seenAs = async (scope: string) => {
      await client.query(`begin; set local jifen.scope = '${scope}'`);
      const seen = await counts();
      await client.query('commit');
      return seen;
    };
    t.strictSame(await counts(), nothing, 'without a scope');
    const [, , transactions] = await seenAs(home);
    t.equal(transactions, 2);
    t.strictSame(await counts(), nothing, 'after the database transaction the scope is gone');
    for (const scope of ['', '%', 'x', '_', '52028112710_', '520281127109', '5202811271011', ' ']) {
      t.strictSame(await seenAs(scope), nothing, `scope ${JSON.stringify(scope)}`);
    }
    t.equal((await seenAs('520281127'))[2], 3, 'a town sees its villages');

    await client.query(`begin; set local jifen.scope = '${sibling}'`);
    const { rows } = await client.query('select count(*)::int as rows from ledger.transaction where village = $1', [
      home,
    ]);
    t.equal(rows[0].rows, 0);
    const posting = client.query('select ledger.post($1, $2)', [home, JSON.stringify([give(1)])]);
    await t.rejects(posting, { code: 'JF002' }, 'and posts nothing in another one’s book');
    await client.query('rollback');
    t.equal(await books.balance(available), 5);
    t.equal(await everything(), before);
  });
});
