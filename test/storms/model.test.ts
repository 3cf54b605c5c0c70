import { randomUUIDv7 } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import { type AccountKey, householdAccount } from '../../src/ledger/accounts.ts';
import type { Command, Limit, Lots, Transfer } from '../../src/ledger/transactions.ts';
import { type Books, event, ids, openBooks } from '../support/book.ts';
import { openDurableCluster } from '../support/cluster.ts';
import { firstViolation } from '../support/invariants.ts';
import { type Answer, type ChangedLaw, changedLaws, openModel } from '../support/model.ts';
import { isLong, report, seed, size } from './size.ts';

/*
 * What `ledger.post` answers, and what the book then says, against a model that knows nothing of SQL. Each run has a
 * book of its own, so that a difference can be shrunk to the few commands that make it.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

const asset = `SKU:${ids.rice}` as const;
const [a, b] = [ids.household, ids.neighbour];
const purse = (household: string, purpose: 'available' | 'pending' | 'held' | 'base' | 'arrears') =>
  householdAccount(household, purpose);
const purses = [a, b].flatMap(household =>
  (['available', 'pending', 'held', 'base', 'arrears'] as const).map(purpose => purse(household, purpose)),
);
const accounts: AccountKey[] = [
  ...['issued', 'redeemed', 'expired', ...purses].map(code => ({ code, asset: 'PTS' as const })),
  { code: 'issued', asset: 'HON' },
  ...[a, b].map(household => ({ code: householdAccount(household, 'honour'), asset: 'HON' as const })),
  ...[`supply:${ids.receipt}`, `shelf:${ids.store}`, `reserved:${ids.store}`, 'handedOut'].map(code => ({
    code,
    asset,
  })),
];
const days = ['2026-12-31', '2027-03-31', '2027-06-30', '2027-12-31'];

/** A command before it is known what it will refer to. */
type Draft =
  | { act: 'fresh'; lines: Transfer[]; limits: Limit[]; approver: boolean; rule: string }
  | { act: 'reverse'; of: number; again: boolean }
  | { act: 'repeat'; of: number; other: 'nothing' | 'memo' | 'amount' | 'actor' | 'lots' };

const household = fc.constantFrom(a, b);
const few = fc.integer({ min: 1, max: 8 });
const lots = fc
  .dictionary(fc.constantFrom(...days), fc.integer({ min: 1, max: 4 }), { maxKeys: 3 })
  .map((lots): Lots => ({ ...lots }));
const asked = fc.option(lots, { nil: undefined, freq: 2 });

const points = fc
  .tuple(
    household,
    fc.oneof(
      { weight: 12, arbitrary: fc.constant(['issued', 'available'] as const) },
      { weight: 3, arbitrary: fc.constant(['issued', 'pending'] as const) },
      { weight: 2, arbitrary: fc.constant(['pending', 'available'] as const) },
      { weight: 4, arbitrary: fc.constant(['available', 'redeemed'] as const) },
      { weight: 3, arbitrary: fc.constant(['available', 'held'] as const) },
      { weight: 2, arbitrary: fc.constant(['held', 'redeemed'] as const) },
      { weight: 2, arbitrary: fc.constant(['held', 'available'] as const) },
      { weight: 1, arbitrary: fc.constant(['redeemed', 'available'] as const) },
      { weight: 1, arbitrary: fc.constant(['available', 'expired'] as const) },
      { weight: 1, arbitrary: fc.constant(['issued', 'base'] as const) },
      { weight: 1, arbitrary: fc.constant(['arrears', 'available'] as const) },
      { weight: 1, arbitrary: fc.constant(['available', 'nowhere'] as const) },
    ),
    few,
    asked,
  )
  .map(([of, [from, to], little, wanted]): Transfer => {
    // More comes in than goes out at once, or nearly everything would be refused.
    const amount = from === 'issued' ? little * 3 : little;
    const code = (end: string) => (/^(issued|redeemed|expired|nowhere)$/.test(end) ? end : purse(of, end as 'held'));
    return { from: code(from), to: code(to), asset: 'PTS', amount, lots: fitting(wanted, amount) };
  });
const goods = fc
  .tuple(
    fc.constantFrom(
      [`supply:${ids.receipt}`, `shelf:${ids.store}`],
      [`shelf:${ids.store}`, 'handedOut'],
      [`shelf:${ids.store}`, `reserved:${ids.store}`],
    ),
    few,
  )
  .map(([[from, to], amount]): Transfer => ({ from: from!, to: to!, asset, amount }));
const honour = fc.tuple(household, fc.boolean(), few).map(([of, given, amount]): Transfer => {
  const [from, to] = given ? ['issued', householdAccount(of, 'honour')] : [householdAccount(of, 'honour'), 'issued'];
  return { from, to, asset: 'HON', amount };
});
const invalid = fc
  .constantFrom(0, -3, 1_000_001)
  .map((amount): Transfer => ({ from: 'issued', to: purse(a, 'available'), asset: 'PTS', amount }));
const line = fc.oneof(
  { weight: 20, arbitrary: points },
  { weight: 5, arbitrary: goods },
  { weight: 3, arbitrary: honour },
  { weight: 1, arbitrary: invalid },
);
const limit = fc
  .tuple(fc.constantFrom('k1', 'k2'), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }))
  .map(([key, use, max]): Limit => ({ key, use, max, code: key === 'k1' ? 'cap-reached' : 'redemption-limit' }));
const draft: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      act: fc.constant('fresh' as const),
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      limits: fc.oneof(
        { weight: 3, arbitrary: fc.constant<Limit[]>([]) },
        { weight: 2, arbitrary: fc.array(limit, { maxLength: 3 }) },
      ),
      approver: fc.integer({ min: 0, max: 19 }).map(one => one === 0),
      rule: fc.constantFrom('ENV01', 'ENV02'),
    }),
  },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('reverse' as const), of: fc.nat(30), again: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('repeat' as const),
      of: fc.nat(30),
      other: fc.constantFrom('nothing', 'nothing', 'memo', 'amount', 'actor', 'lots'),
    }),
  },
);
const calls = fc.array(
  fc.record({
    atomic: fc.integer({ min: 0, max: 3 }).map(one => one === 0),
    drafts: fc.array(draft, { minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
);
type Calls = { atomic: boolean; drafts: Draft[] }[];

/** Nobody asks for lots of more points than move. */
function fitting(wanted: Lots | undefined, amount: number): Lots | undefined {
  if (wanted === undefined) return undefined;
  let left = amount;
  const listed = Object.entries(wanted).map(([day, lot]): [string, number] => {
    const some = Math.min(lot, left);
    left -= some;
    return [day, some];
  });
  return Object.fromEntries(listed.filter(([, some]) => some > 0));
}

/** Turns drafts into commands; what they refer to are the commands so far, or the book’s numbers up to `last`. */
function writer() {
  const commands: Command[] = [];
  const fresh = (draft: Extract<Draft, { act: 'fresh' }>): Command => {
    const id = randomUUIDv7();
    return {
      id,
      kind: 'other',
      cause: `other:${id}`,
      ...event,
      ...(draft.approver && { approver: event.actor }),
      frozen: { rule: draft.rule },
      transfers: draft.lines,
      ...(draft.limits.length > 0 && { limits: draft.limits }),
    };
  };
  const write = (draft: Draft, last: number): Command => {
    if (draft.act === 'fresh') return fresh(draft);
    if (draft.act === 'reverse') {
      const id = randomUUIDv7();
      const reverses = 1 + (draft.of % (last + 1));
      // By a cause of its own, or by the one that was used before.
      const cause = draft.again ? `reversal:${reverses}` : `reversal:${id}`;
      return { id, kind: 'reversal', cause, ...event, reverses };
    }
    const earlier = commands[draft.of % Math.max(1, commands.length)];
    if (earlier === undefined) return fresh({ act: 'fresh', lines: [], limits: [], approver: true, rule: 'ENV01' });
    const again = { ...earlier, id: randomUUIDv7() };
    const [first, ...rest] = again.transfers ?? [];
    if (draft.other === 'memo') return { ...again, memo: '别的' };
    if (draft.other === 'actor') return { ...again, actor: ids.secretary };
    if (first !== undefined && draft.other === 'amount')
      return { ...again, transfers: [{ ...first, amount: first.amount + 1 }, ...rest] };
    if (first !== undefined && draft.other === 'lots')
      return { ...again, transfers: [{ ...first, lots: undefined }, ...rest] };
    return again;
  };
  return (draft: Draft, last: number): Command | undefined => {
    const command = write(draft, last);
    if (command.reverses === undefined && command.transfers!.length === 0) return undefined;
    commands.push(command);
    return command;
  };
}

t.test('what the book answers is what the model answers', async t => {
  const books = await openBooks(t, { cluster: await openDurableCluster() });
  const client = await connected(t, books);
  let villages = 0;
  const seen: Record<string, number> = {};

  /** Plays the calls on a fresh book, and on a fresh model with one law changed. Throws at the first difference. */
  const play = async (played: Calls, changed?: ChangedLaw) => {
    villages += 1;
    const village = String(900_000_000_000 + villages);
    const model = openModel(accounts, changed);
    const write = writer();
    await client.query(`begin; set local jifen.scope = '${village}'; select ledger.open_book('${village}')`);
    try {
      await client.query('select ledger.open_accounts($1, $2)', [village, JSON.stringify(accounts)]);
      for (const { atomic, drafts } of played) {
        const commands = drafts.map(draft => write(draft, model.number())).filter(command => command !== undefined);
        if (commands.length === 0) continue;
        const answers = await posted(client, village, commands, atomic);
        const wanted = model.post(commands, atomic);
        same(await withBalances(client, answers.map(bare)), wanted, 'answers');
        if (changed === undefined) for (const answer of wanted) count(seen, answer);
      }
      const book = await stateOf(client);
      same(book.balances, model.balances(), 'balances');
      same(book.lots, model.lots(), 'lots');
      same(book.limits, model.limits(), 'limits');
      same(book.number, model.number(), 'number');
    } finally {
      // Books of a changed model are of no use afterwards, and one commit a run would cost more than the run.
      await client.query(changed === undefined ? 'commit' : 'rollback');
    }
  };

  await t.test('a model with one law changed is noticed', async t => {
    for (const law of changedLaws) {
      const property = fc.asyncProperty(calls, played => play(played, law));
      const found = await fc.check(property, { seed, numRuns: 400, endOnFailure: true });
      t.ok(found.failed, `${law}: noticed after ${found.numRuns} runs`);
    }
  });

  await t.test('and the true one agrees', async t => {
    const runs = size(60, 5_000);
    const property = fc.asyncProperty(calls, played => play(played));
    const { failed, counterexample, errorInstance } = await fc.check(property, { seed, numRuns: runs });
    t.notOk(failed, `${(errorInstance as Error)?.message}\n${JSON.stringify(counterexample, null, 1)}`);
    const wanted = ['posted', 'replayed', 'undone', ...codes];
    t.same(
      wanted.filter(name => (seen[name] ?? 0) < size(5, 100)),
      [],
      `saw too little of something: ${JSON.stringify(seen)}`,
    );
    t.equal(await firstViolation(books.superuser), null);
    report(t, 'model', { runs, canaries: changedLaws.length, ...seen });
  });
});

const codes = [
  'insufficient-points',
  'insufficient-stock',
  'insufficient-balance',
  'reversal-arrears',
  'already-reversed',
  'cause-reused',
  'cap-reached',
  'redemption-limit',
  'not-found',
  'out-of-bounds',
  'second-person-required',
];

async function connected(t: { teardown(end: () => unknown): void }, books: Books): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: books.appUrl });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

async function posted(client: pg.Client, village: string, commands: Command[], atomic: boolean): Promise<Answer[]> {
  const args = [village, JSON.stringify(commands), atomic];
  const { rows } = await client.query('select ledger.post($1, $2, $3) as answers', args);
  return rows[0].answers;
}

/** An answer without what no model can know: the hash and the moment. */
function bare(answer: Answer & { hash?: string; postedAt?: string }): Answer {
  const { hash: _hash, postedAt: _postedAt, ...rest } = answer;
  return rest as Answer;
}

/** What was posted, with the balances of the accounts that it touched, as its lines keep them. */
async function withBalances(client: pg.Client, answers: Answer[]): Promise<Answer[]> {
  const numbers = answers.flatMap(answer => (answer.status === 'posted' ? [answer.number] : []));
  const { rows } = await client.query(
    `select e.number::int, jsonb_object_agg(a.code || ' ' || a.asset, e.balance order by e.seq) as balances
       from ledger.entry e join ledger.account a on a.number = e.account
      where e.number = any($1) group by e.number`,
    [numbers],
  );
  const balances = new Map(rows.map(row => [row.number, row.balances]));
  return answers.map(answer =>
    answer.status === 'posted' ? { ...answer, balances: balances.get(answer.number) } : answer,
  );
}

async function stateOf(client: pg.Client) {
  const { rows } = await client.query(`
    select (select jsonb_object_agg(code || ' ' || asset, balance) from ledger.account) as balances,
           (select coalesce(jsonb_object_agg(a.code || ' ' || a.asset, l.lots), '{}')
              from (select account, jsonb_object_agg(expires_on::text, points) as lots from ledger.lot group by 1) l
              join ledger.account a on a.number = l.account) as lots,
           (select coalesce(jsonb_object_agg(key, jsonb_build_object('used', used, 'max', max)), '{}')
              from ledger.limit_use) as limits,
           (select number from ledger.book) as number`);
  return rows[0] as { balances: object; lots: object; limits: object; number: number };
}

function count(seen: Record<string, number>, answer: Answer): void {
  const name = answer.status === 'refused' ? answer.code : answer.status;
  seen[name] = (seen[name] ?? 0) + 1;
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [left, right] = [found, wanted].map(value => JSON.stringify(sorted(value)));
  if (left !== right) throw new Error(`${what} differ\nbook:  ${left}\nmodel: ${right}`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
