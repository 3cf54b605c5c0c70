import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { t } from 'tap';
import { type Db, rowsOf, type Tx } from '../../src/db/database.ts';
import { postOne } from '../../src/ledger/post.ts';
import { type Command, type Limit, redemption, reversal } from '../../src/ledger/transactions.ts';
import { available, event, give, haveOutcomes, home, honour, ids, openBooks, sibling, spend } from '../support/book.ts';

const rice = `SKU:${ids.rice}` as const;
const shelf = `shelf:${ids.store}`;

t.test('posting', async t => {
  const books = await openBooks(t);
  const number = async (village = home) =>
    (await books.superuser.query('select number from ledger.book where village = $1', [village])).rows[0].number;
  /** The facts of an account that has less than it takes. */
  const short = (has: number, required: number, accountCode: string = available, asset = 'PTS') => ({
    accountCode,
    asset,
    available: has,
    required,
  });

  await t.test('answers number and hash, and moves both sides', async t => {
    const before = await number();
    const [result] = await books.post([give(5)]);
    t.match(result, { status: 'posted', number: before + 1, hash: /^[0-9a-f]{64}$/, postedAt: /^2.*\.\d{3}Z$/ });
    t.equal(await books.balance(available), 5);
    t.equal(await books.balance('issued'), -5);
  });

  await t.test('one cause posts once: the same content is a replay, other content refused', async t => {
    const command = give(4, { memo: '清扫' });
    const [first] = (await books.post([command])) as { number: number }[];
    const points = await books.balance(available);
    const [again] = await books.post([{ ...command, id: randomUUIDv7() }]);
    t.match(again, { status: 'replayed', number: first!.number, id: command.id });
    const others: Partial<Command>[] = [
      { memo: '别的' },
      { businessDate: '2026-11-22' },
      { occurredAt: '2026-11-23T02:10:00.001Z' },
      { actor: ids.secretary },
      { approver: ids.secretary },
      { frozen: { rule: 'ENV01' } },
      { transfers: [{ ...command.transfers![0]!, amount: 5 }] },
      { transfers: [{ ...command.transfers![0]!, to: `household:${ids.neighbour}:available` }] },
      { limits: [{ key: 'other', use: 1, max: 9, code: 'cap-reached' }] },
    ];
    for (const other of others) {
      const [result] = await books.post([{ ...command, ...other }]);
      haveOutcomes(
        t,
        [result!],
        [{ status: 'refused', code: 'cause-reused', facts: { transactionNumber: first!.number } }],
        JSON.stringify(other),
      );
    }
    haveOutcomes(
      t,
      await books.post([{ ...command, kind: 'other' }]),
      [{ status: 'posted' }],
      'a cause belongs to its kind',
    );
    t.equal(await books.balance(available), points + 4);
    haveOutcomes(t, await books.post([command], { village: sibling }), [{ status: 'posted' }], 'and to its village');
  });

  await t.test('the same command twice in one list', async t => {
    const command = give(1);
    haveOutcomes(t, await books.post([command, command]), [{ status: 'posted' }, { status: 'replayed' }]);
  });

  await t.test('a long list that is sent again is replayed, one by one', async t => {
    const expiresOn = { lots: { '2027-11-30': 1 } };
    const limits: Limit[] = [{ key: 'again', use: 1, max: 1_000, code: 'cap-reached' }];
    const list = Array.from({ length: 120 }, (_, n) => {
      const [line] = give(1).transfers!;
      return give(1, { limits, frozen: { line: String(n) }, transfers: [{ ...line!, ...expiresOn }] });
    });
    const first = await books.post(list);
    const other = { ...list[7]!, frozen: { line: 'other' } };
    const second = await books.post([...list.slice(0, 7), other, ...list.slice(8), give(1)]);
    const { number: taken } = first[7] as { number: number };
    haveOutcomes(t, [second[7]!], [{ status: 'refused', code: 'cause-reused', facts: { transactionNumber: taken } }]);
    t.match(second[120], { status: 'posted' });
    second.splice(7, 1);
    first.splice(7, 1);
    t.match(
      second.slice(0, 119),
      first.map(posted => ({ ...posted, status: 'replayed' })),
    );
  });

  await t.test('one person is one, however the id is written', async t => {
    const approver = event.actor.toUpperCase();
    haveOutcomes(t, await books.post([give(1, { approver }), give(1)]), [
      { status: 'refused', code: 'second-person-required', facts: { firstUserId: event.actor } },
      { status: 'posted' },
    ]);
  });

  await t.test('a refusal does not harm its neighbours', async t => {
    const points = await books.balance(available);
    const before = await number();
    const results = await books.post([give(7), spend(points + 8), give(1), spend(points + 8), spend(1)]);
    haveOutcomes(t, results, [
      { status: 'posted', number: before + 1 },
      { status: 'refused', code: 'insufficient-points', facts: short(points + 7, points + 8) },
      { status: 'posted', number: before + 2 },
      { status: 'posted', number: before + 3 },
      { status: 'refused', code: 'insufficient-points', facts: short(0, 1) },
    ]);
    t.equal(await number(), before + 3);
    t.equal(await books.balance(available), 0);
  });

  await t.test('atomic: all or none, and everybody is answered', async t => {
    const before = await number();
    const replayed = give(2);
    await books.post([replayed]);
    const results = await books.post([give(3), replayed, spend(100), give(4), spend(200)], { atomic: true });
    haveOutcomes(t, results, [
      { status: 'undone' },
      { status: 'replayed' },
      { status: 'refused', code: 'insufficient-points', facts: short(5, 100) },
      { status: 'undone' },
      { status: 'refused', code: 'insufficient-points', facts: short(9, 200) },
    ]);
    t.equal(await number(), before + 1);
    t.equal(await books.balance(available), 2);
    haveOutcomes(t, await books.post([give(3), spend(5)], { atomic: true }), [
      { status: 'posted' },
      { status: 'posted' },
    ]);
  });

  await t.test('nothing that belongs to somebody or lies on a shelf falls below zero', async t => {
    const supplied = { from: `supply:${ids.receipt}`, to: shelf, asset: rice, amount: 2 };
    await books.post([give(10), give(2, { kind: 'stockReceipt', transfers: [supplied] })]);
    const order = (quantity: number, points: number) =>
      redemption(
        event,
        {
          redemptionId: randomUUIDv7(),
          householdId: ids.household,
          storeId: ids.store,
          points,
          goods: [{ goodsId: ids.rice, quantity }],
        },
        { limits: [], frozen: {} },
      );
    haveOutcomes(t, await books.post([order(3, 1), order(1, 11), order(2, 10)]), [
      { status: 'refused', code: 'insufficient-stock', facts: short(2, 3, shelf, rice) },
      { status: 'refused', code: 'insufficient-points', facts: short(10, 11) },
      { status: 'posted' },
    ]);
    t.equal(await books.balance(shelf, rice), 0);
    t.equal(await books.balance(available), 0);
    const honoured = give(1, { transfers: [{ from: honour, to: 'issued', asset: 'HON', amount: 1 }] });
    haveOutcomes(t, await books.post([honoured]), [
      { status: 'refused', code: 'insufficient-balance', facts: short(0, 1, honour, 'HON') },
    ]);
  });

  await t.test('what comes in earlier in a transaction may go out later in it', async t => {
    const through: Command = give(6, {
      transfers: [
        { from: 'issued', to: available, asset: 'PTS', amount: 6 },
        { from: available, to: 'redeemed', asset: 'PTS', amount: 4 },
        { from: available, to: 'redeemed', asset: 'PTS', amount: 2 },
      ],
    });
    haveOutcomes(t, await books.post([through]), [{ status: 'posted' }]);
    t.equal(await books.balance(available), 0);
    const { rows } = await books.superuser.query(
      `select e.seq - min(e.seq) over () as seq, e.amount, e.balance from ledger.entry e
         join ledger.account a on a.village = e.village and a.number = e.account
        where e.village = $1 and a.code = $2 and e.number = (select number from ledger.book where village = $1)
        order by e.seq`,
      [home, available],
    );
    t.strictSame(rows, [
      { seq: 0, amount: 6, balance: 6 },
      { seq: 1, amount: -4, balance: 2 },
      { seq: 2, amount: -2, balance: 0 },
    ]);
    const backwards = { ...through, id: randomUUIDv7(), cause: 'award:backwards' };
    backwards.transfers = [...through.transfers!].reverse();
    haveOutcomes(t, await books.post([backwards]), [
      { status: 'refused', code: 'insufficient-points', facts: short(0, 6) },
    ]);
  });

  await t.test('amounts out of bounds and accounts that are not there are refused, command by command', async t => {
    const to = (amount: number, code = available) =>
      give(1, { transfers: [{ from: 'issued', to: code, asset: 'PTS', amount }] });
    const bounds = { field: 'amount', asset: 'PTS', min: 1, max: 1_000_000 };
    haveOutcomes(
      t,
      await books.post([to(0), to(-1), to(1_000_001), to(1, 'household:nobody:available'), to(1_000_000)]),
      [
        { status: 'refused', code: 'out-of-bounds', facts: bounds },
        { status: 'refused', code: 'out-of-bounds', facts: bounds },
        { status: 'refused', code: 'out-of-bounds', facts: bounds },
        { status: 'refused', code: 'not-found', facts: { accountCode: 'household:nobody:available', asset: 'PTS' } },
        { status: 'posted' },
      ],
    );
    haveOutcomes(t, await books.post([give(1, { approver: ids.clerk })]), [
      { status: 'refused', code: 'second-person-required', facts: { firstUserId: ids.clerk } },
    ]);
    await books.post([spend(1_000_000)]);

    await books.open([
      { code: 'outside', asset: 'CNY' },
      { code: 'fund:1', asset: 'CNY' },
    ]);
    const fen = (amount: number) =>
      give(1, { kind: 'deposit', transfers: [{ from: 'outside', to: 'fund:1', asset: 'CNY', amount }] });
    haveOutcomes(t, await books.post([fen(10_000_000_000), fen(10_000_000_001)]), [
      { status: 'posted' },
      {
        status: 'refused',
        code: 'out-of-bounds',
        facts: { field: 'amount', asset: 'CNY', min: 1, max: 10_000_000_000 },
      },
    ]);
    await books.superuser.query(
      `update ledger.account set balance = 9007199254740990 where village = $1 and code = 'fund:1'`,
      [home],
    );
    haveOutcomes(t, await books.post([fen(2)]), [
      {
        status: 'refused',
        code: 'out-of-bounds',
        facts: { field: 'balance', asset: 'CNY', min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
      },
    ]);
  });

  await t.test('what no business event can be is a bug, and raised', async t => {
    const before = await number();
    const limits = (use: number): Limit[] => [{ key: 'k', use, max: 5, code: 'cap-reached' }];
    const line = { from: 'issued', to: available, asset: 'PTS' as const, amount: 1 };
    const bug = { cause: { code: 'JF003' } };
    for (const [said, expected] of [
      [{ transfers: [] }, bug],
      [{ transfers: undefined as never }, bug],
      [{ transfers: [{ ...line, from: available }] }, bug],
      [{ transfers: [{ ...line, amount: 1.5 }] }, { cause: { code: '22P02' } }],
      [{ transfers: [{ ...line, amount: null as never }] }, bug],
      [{ cause: 'white space' }, { cause: { constraint: 'transaction_cause_form' } }],
      [{ kind: '' }, { cause: { constraint: 'transaction_kind_form' } }],
      [{ limits: limits(0) }, bug],
      [{ limits: limits(-1) }, bug],
    ] as [Partial<Command>, { cause: object }][]) {
      await t.rejects(books.post([give(1), give(1, said)]), expected, JSON.stringify(said));
    }
    t.equal(await number(), before, 'and nothing stays of the list');
  });

  await t.test('limits', async t => {
    const key = `household:${ids.household}:ENV01:2026-11`;
    const capped = (use: number, max: number, fields: Partial<Command> = {}) =>
      give(1, { limits: [{ key, use, max, code: 'cap-reached' }], ...fields });
    const used = async (of = key) =>
      (
        await books.superuser.query('select used, max from ledger.limit_use where village = $1 and key = $2', [
          home,
          of,
        ])
      ).rows[0];
    haveOutcomes(t, await books.post([capped(2, 4), capped(3, 4), capped(2, 4), capped(1, 4)]), [
      { status: 'posted' },
      { status: 'refused', code: 'cap-reached', facts: { cap: key, used: 2, use: 3, limit: 4 } },
      { status: 'posted' },
      { status: 'refused', code: 'cap-reached', facts: { cap: key, used: 4, use: 1, limit: 4 } },
    ]);
    t.strictSame(await used(), { used: 4, max: 4 });
    haveOutcomes(
      t,
      await books.post([capped(1, 3)]),
      [{ status: 'refused', code: 'cap-reached', facts: { cap: key, used: 4, use: 1, limit: 3 } }],
      'a cap that was lowered refuses what is above',
    );
    haveOutcomes(t, await books.post([capped(1, 5)]), [{ status: 'posted' }], 'a cap that was raised admits more');

    const twice = (first: number, second: number, of: string) =>
      give(1, {
        limits: [
          { key: of, use: first, max: 5, code: 'redemption-limit' },
          { key: of, use: second, max: 4, code: 'cap-reached' },
          { key: `${of}:other`, use: 1, max: 1, code: 'rule-exclusive' },
        ],
      });
    haveOutcomes(t, await books.post([twice(2, 3, 'k2')]), [
      { status: 'refused', code: 'redemption-limit', facts: { cap: 'k2', used: 0, use: 5, limit: 4 } },
    ]);
    haveOutcomes(
      t,
      await books.post([twice(2, 2, 'k2')]),
      [{ status: 'posted' }],
      'a key that is named twice is used twice',
    );
    t.strictSame(
      [await used('k2'), await used('k2:other')],
      [
        { used: 4, max: 4 },
        { used: 1, max: 1 },
      ],
    );
    const points = await books.balance(available);
    haveOutcomes(
      t,
      await books.post([spend(1_000, { limits: [{ key: 'k3', use: 1, max: 1, code: 'exchange-full' }] })]),
      [{ status: 'refused', code: 'insufficient-points', facts: short(points, 1_000) }],
    );
    t.equal(await used('k3'), undefined, 'a refused command uses nothing');
  });

  await t.test('a reversal is the mirror, gives limits back, and comes once', async t => {
    const key = 'household:reversed';
    const points = await books.balance(available);
    const command = give(1, {
      limits: [{ key, use: 2, max: 2, code: 'cap-reached' }],
      transfers: [
        { from: 'issued', to: available, asset: 'PTS', amount: 9 },
        { from: 'issued', to: honour, asset: 'HON', amount: 8 },
      ],
    });
    const [posted] = (await books.post([command])) as { number: number }[];
    const reverse = (of: number) => ({ ...reversal(event, of), id: randomUUIDv7() });
    const undo = reverse(posted!.number);
    const [undone] = (await books.post([undo])) as { number: number }[];
    t.match(undone, { status: 'posted' });
    t.equal(await books.balance(available), points);
    t.equal(await books.balance(honour, 'HON'), 0);
    const { rows: lines } = await books.superuser.query(
      `select t.line, t.asset, t.amount, a.code as "from" from ledger.transfer t
         join ledger.account a on a.village = t.village and a.number = t.from_account
        where t.village = $1 and t.number = $2 order by line`,
      [home, undone!.number],
    );
    t.strictSame(lines, [
      { line: 1, asset: 'HON', amount: 8, from: honour },
      { line: 2, asset: 'PTS', amount: 9, from: available },
    ]);
    const { rows: limit } = await books.superuser.query('select used, max from ledger.limit_use where key = $1', [key]);
    t.strictSame(limit, [{ used: 0, max: 2 }]);

    haveOutcomes(t, await books.post([undo]), [{ status: 'replayed', number: undone!.number }]);
    haveOutcomes(t, await books.post([{ ...reverse(posted!.number), kind: 'other' }, reverse(undone!.number)]), [
      { status: 'refused', code: 'already-reversed', facts: { reversalNumber: undone!.number } },
      { status: 'refused', code: 'already-reversed', facts: { reversalNumber: undone!.number } },
    ]);
    haveOutcomes(t, await books.post([reverse(999_999)]), [
      { status: 'refused', code: 'not-found', facts: { transactionNumber: 999_999 } },
    ]);
    haveOutcomes(
      t,
      await books.post([{ ...reverse(999_999), kind: command.kind, cause: command.cause }]),
      [{ status: 'refused', code: 'not-found', facts: { transactionNumber: 999_999 } }],
      'whatever its cause has done before',
    );
    haveOutcomes(
      t,
      await books.post([give(1, { limits: command.limits! })]),
      [{ status: 'posted' }],
      'the cap is free again',
    );

    const [spent] = (await books.post([give(50), spend(points + 51)])) as { number: number }[];
    haveOutcomes(t, await books.post([reverse(spent!.number)]), [
      { status: 'refused', code: 'reversal-arrears', facts: short(0, 50) },
    ]);
    const inOneList = await number();
    haveOutcomes(t, await books.post([give(3), reverse(inOneList + 1)]), [
      { status: 'posted' },
      { status: 'refused', code: 'not-found', facts: { transactionNumber: inOneList + 1 } },
    ]);
    const twice = [reverse(inOneList + 1), { ...reverse(inOneList + 1), kind: 'other' }];
    haveOutcomes(t, await books.post(twice), [
      { status: 'posted', number: inOneList + 2 },
      { status: 'refused', code: 'already-reversed', facts: { reversalNumber: inOneList + 2 } },
    ]);
  });

  await t.test('what commands have in common is sent once', async t => {
    const first = give(1, { memo: '扫雪', frozen: { ruleCode: 'A01', limiting: 'no', zeal: 'yes' } });
    const { id, cause, transfers = [] } = give(2);
    await books.superuser.query(`set jifen.scope = '${home}'`);
    t.teardown(() => books.superuser.query('reset jifen.scope'));
    const say = async (commands: object[]) =>
      (await books.superuser.query('select ledger.post($1, $2) as answers', [home, JSON.stringify(commands)])).rows[0]
        .answers;
    const second = { as: 0, id, cause, transfers };
    const answers = await say([first, second]);
    t.match(answers, [{ status: 'posted' }, { status: 'posted' }]);
    t.match(await say([first, second]), [{ status: 'replayed' }, { status: 'replayed' }]);
    haveOutcomes(t, await books.post([{ ...first, id, cause, transfers }]), [
      { status: 'replayed', hash: answers[1].hash },
    ]);
    const { rows } = await books.superuser.query(
      `select kind, actor, approver, memo, business_date, occurred_at, frozen, leaf_hash,
              ledger.leaf(ledger.canonical(t, E'\nline PTS ' || r.amount || ' ' || f.code || ' ' || g.code)) as recomputed
         from ledger.transaction t join ledger.transfer r on r.village = t.village and r.number = t.number
         join ledger.account f on f.village = r.village and f.number = r.from_account
         join ledger.account g on g.village = r.village and g.number = r.to_account
        where t.village = $1 and t.number = any ($2) order by t.number`,
      [home, answers.map((answer: { number: number }) => answer.number)],
    );
    for (const { leaf_hash, recomputed } of rows) t.same(leaf_hash, recomputed);
    const [one, other] = rows.map(({ leaf_hash: _leaf, recomputed: _same, ...row }) => row);
    t.same(one, other);
    t.equal(one.memo, '扫雪');
    const third = { ...give(3), kind: undefined };
    for (const invalid of [
      [first, { ...second, as: 7 }],
      [first, { ...second, as: -1 }],
      [{ ...second, as: 1 }, first],
      [first, { ...second, as: 1 }],
      [first, second, { ...third, as: 1 }],
    ]) {
      await t.rejects(say(invalid), { code: 'JF003' }, 'what is shared stands in an earlier command');
    }
  });

  await t.test('what cannot be written where it was read stops the post', async t => {
    const limited = () => give(1, { limits: [{ key: 'swallowed', use: 1, max: 9, code: 'cap-reached' }] });
    await books.post([limited()]);
    const before = [await number(), await books.balance(available)];
    await books.superuser.query(
      `create function public.swallow() returns trigger language plpgsql as 'begin return null; end'`,
    );
    for (const [table, command] of [
      ['account', give(1)],
      ['limit_use', limited()],
    ] as const) {
      await books.superuser.query(
        `create trigger swallow before update on ledger.${table} for each row execute function public.swallow()`,
      );
      await t.rejects(books.post([command]), { cause: { code: 'JF002' } }, table);
      await books.superuser.query(`drop trigger swallow on ledger.${table}`);
    }
    await books.superuser.query('drop function public.swallow()');
    t.strictSame([await number(), await books.balance(available)], before, 'and nothing of it stays');
    haveOutcomes(t, await books.post([limited()]), [{ status: 'posted' }], 'after which it goes on');
  });

  await t.test('accounts open once', async t => {
    const account = { code: `household:${randomUUIDv7()}:available`, asset: 'PTS' as const };
    const accounts = async () =>
      (
        await books.superuser.query(
          `select count(*)::int as rows, max(number) as last, (select accounts from ledger.book where village = $1) as accounts
             from ledger.account where village = $1`,
          [home],
        )
      ).rows[0];
    const before = await accounts();
    await books.open([account, account]);
    await Promise.all(Array.from({ length: 8 }, () => books.open([account, { ...account, asset: 'HON' }])));
    const { rows, last, accounts: counted } = await accounts();
    t.equal(rows, before.rows + 2);
    t.strictSame([last, counted], [rows, rows], 'numbered without gaps');
    for (const code of ['household:张三', 'a b', '', 'x'.repeat(151)]) {
      await t.rejects(
        books.open([{ code, asset: 'PTS' }]),
        { cause: { constraint: 'account_code_form' } },
        code.slice(0, 20),
      );
    }
    const unknown = books.open([{ code: 'issued', asset: 'XYZ' as never }]);
    await t.rejects(unknown, { cause: { constraint: 'account_asset_form' } });
  });

  await t.test('no book, no post', async t => {
    await t.rejects(books.post([give(1)], { village: '520281127109' }), { cause: { code: 'JF002' } });
  });

  await t.test('the compiler asks for a database transaction', async t => {
    const bare = (db: Db) =>
      // @ts-expect-error a Db only reads
      postOne(db, home, give(1));
    const inside = (tx: Tx) => [postOne, tx, rowsOf(tx, sql`select 1`)];
    t.type(bare, 'function');
    t.type(inside, 'function');
  });
});
