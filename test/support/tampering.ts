import { randomUUIDv7 } from 'node:crypto';
import { redemptionFulfil, redemptionHold, reversal, stockReceipt } from '../../src/ledger/transactions.ts';
import { available, type Books, event, give, home, honour, ids, spend } from './book.ts';

/** A number from 0 up to, but without, `below`. */
export type Random = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return below => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

/** Makes every leaf, every hash and the head anew. */
export const forge = `
  do $$ declare t ledger.transaction; last bytea := sha256(''); lines text; begin
    for t in select * from ledger.transaction where village = '${home}' order by number loop
      select string_agg(E'\\nline ' || r.asset || ' ' || r.amount || ' ' || f.code || ' ' || g.code, '' order by r.line)
        into lines from ledger.transfer r
        join ledger.account f on f.village = r.village and f.number = r.from_account
        join ledger.account g on g.village = r.village and g.number = r.to_account
       where r.village = t.village and r.number = t.number;
      t.leaf_hash := ledger.leaf(ledger.canonical(t, lines));
      last := sha256(last || t.leaf_hash);
      update ledger.transaction set leaf_hash = t.leaf_hash, hash = last where village = t.village and number = t.number;
    end loop;
    update ledger.book set head = last where village = '${home}';
  end $$`;

/** Makes every balance anew from the amounts. */
export const settle = `
  update ledger.transfer r set from_balance = e.sum from (
    select account, number, line, sum(amount) over (partition by account order by number, line)
      from ledger.entry where village = '${home}') e
   where r.village = '${home}' and (r.number, r.line, r.from_account) = (e.number, e.line, e.account);
  update ledger.transfer r set to_balance = e.sum from (
    select account, number, line, sum(amount) over (partition by account order by number, line)
      from ledger.entry where village = '${home}') e
   where r.village = '${home}' and (r.number, r.line, r.to_account) = (e.number, e.line, e.account);
  update ledger.account a set balance = e.sum from (
    select account, sum(amount) from ledger.entry where village = '${home}' group by account) e
   where a.village = '${home}' and a.number = e.account`;

/** Whoever tampers in earnest begins with this: nothing in PostgreSQL stands in the way any more. */
export const dropConstraints = `
  do $$ declare c record; begin
    for c in select conrelid::regclass as relation, conname from pg_constraint
              where connamespace = 'ledger'::regnamespace and contype in ('c', 'u', 'p') loop
      execute format('alter table %s drop constraint %I', c.relation, c.conname);
    end loop;
  end $$`;

/**
 * Fills the book of `home` with everything that can be in one: lots, limits, second persons, memos, holds, reversals, goods.
 * Tables `old_book`, `old_account` and `old_limit_use` keep what it was after the transaction that is answered.
 */
export async function fillBook(books: Books): Promise<{ oldNumber: number }> {
  const asset = `SKU:${ids.rice}` as const;
  const receipt = { documentId: ids.receipt, storeId: ids.store, lines: [{ goodsId: ids.rice, quantity: 900 }] };
  const award = (n: number) =>
    give(5 + (n % 7), {
      frozen: { ruleCode: `A0${n % 5}`, ruleBook: '2026-1' },
      limits: [{ key: `07:A0${n % 5}:2026-${10 + (n % 3)}`, use: 1 + (n % 2), max: 500, code: 'cap-reached' }],
      ...(n % 4 === 0 && { memo: `第${n}组\n清扫`, approver: ids.secretary }),
      transfers: [
        {
          from: 'issued',
          to: available,
          asset: 'PTS',
          amount: 5 + (n % 7),
          ...(n % 3 !== 0 && { lots: { [`2027-1${n % 3}-30`]: 1 + (n % 5) } }),
        },
        { from: 'issued', to: honour, asset: 'HON', amount: 5 + (n % 7) },
      ],
    });
  const order = (n: number) => ({
    redemptionId: randomUUIDv7(),
    householdId: ids.household,
    storeId: ids.store,
    points: 1 + (n % 4),
    lots: {},
    goods: [{ goodsId: ids.rice, quantity: 1 }],
  });
  const round = async (from: number) => {
    const orders = [1, 2, 3].map(order);
    const posted = await books.post([
      ...(from === 0 ? [stockReceipt(event, receipt)] : []),
      ...Array.from({ length: 30 }, (_, n) => award(from + n)),
      ...orders.map(order => redemptionHold(event, order, { limits: [], frozen: { price: '3' } })),
      spend(2),
    ]);
    const numbers = posted.map(result => (result.status === 'posted' ? result.number : Number.NaN));
    const more = await books.post([
      ...orders.slice(1).map(order => redemptionFulfil(event, order)),
      reversal(event, numbers.at(-2 - orders.length)!),
      give(1, { transfers: [{ from: `shelf:${ids.store}`, to: 'lost', asset, amount: 1 }] }),
    ]);
    const refused = [...posted, ...more].find(result => result.status !== 'posted');
    if (refused !== undefined) throw new Error(`a fixture is not posted: ${JSON.stringify(refused)}`);
  };
  for (let from = 0; from < 120; from += 30) await round(from);
  const { rows } = await books.superuser.query(`select number from ledger.book where village = '${home}'`);
  for (const table of ['book', 'account', 'limit_use']) {
    await books.superuser.query(`create table old_${table} as select * from ledger.${table} where village = '${home}'`);
  }
  for (let from = 120; from < 180; from += 30) await round(from);
  return { oldNumber: Number(rows[0].number) };
}

/** One random deed of a superuser: what it is, the statements, and the transaction it is about, if it is about one. */
export interface Deed {
  what: string;
  by: string;
  number?: number;
}

const columns: Record<string, Record<string, string>> = {
  book: { village: 'text', number: 'whole', head: 'bytes', accounts: 'whole', posted_at: 'instant' },
  account: {
    village: 'text',
    number: 'whole',
    code: 'text',
    asset: 'text',
    floor: 'whole?',
    balance: 'whole',
    entries: 'whole',
    lots: 'lots',
  },
  transaction: {
    village: 'text',
    number: 'whole',
    id: 'uuid',
    kind: 'text',
    cause: 'text',
    business_date: 'day',
    occurred_at: 'instant',
    posted_at: 'instant',
    actor: 'uuid',
    approver: 'uuid?',
    reverses: 'whole?',
    memo: 'text?',
    frozen: 'frozen',
    leaf_hash: 'bytes',
    hash: 'bytes',
  },
  transfer: {
    village: 'text',
    number: 'whole',
    line: 'whole',
    asset: 'text',
    amount: 'whole',
    from_account: 'whole',
    to_account: 'whole',
    from_balance: 'whole',
    to_balance: 'whole',
    from_seq: 'whole',
    to_seq: 'whole',
  },
  limit_use: { village: 'text', key: 'text', used: 'whole', max: 'whole' },
};
export const ledgerTables = Object.keys(columns);
export const columnsOf = (table: string) => Object.keys(columns[table]!);

/** Another value for column `c` of a kind, as SQL; each is another value whatever the old one is. */
const otherValues: Record<string, (c: string) => string[]> = {
  whole: c => [`${c} + 1`, `${c} - 1`, `-${c} - 1`, `${c} * 2 + 7`],
  text: c => [`${c} || '0'`, `overlay(${c} placing case left(${c}, 1) when 'x' then 'y' else 'x' end from 1)`, `''`],
  uuid: () => ['gen_random_uuid()'],
  day: c => [`${c} + 1`, `${c} - 1`, `(to_char(${c}, 'YYYY-MM-DD') || ' BC')::date`],
  instant: c => [`${c} + interval '1 ms'`, `${c} - interval '1 day'`, `'infinity'`, `${c} - interval '4000 years'`],
  bytes: c => [`set_byte(${c}, 7, 255 - get_byte(${c}, 7))`, `substr(${c}, 2)`, `''`],
  lots: c => [`${c} || '{"2031-01-01": 1}'`, `'{"2027-11-30": 99999}'`, `'{"2027-11-30": "1"}'`],
  frozen: c => [
    `${c} || '{"extra": "1"}'`,
    `${c} || '{"price": 3}'`,
    `${c} || '{"limit:x": "1/2"}'`,
    `${c} || '{"ruleCode": "Z"}'`,
    `${c} || '{"lots:1": "2027-11-30=1,2031-01-01=1"}'`,
  ],
};

function otherValue(random: Random, column: string, kind: string): string {
  const value = pick(random, otherValues[kind.replace('?', '')]!(column));
  if (!kind.endsWith('?')) return value;
  const fresh: Record<string, string> = { 'whole?': '3', 'uuid?': 'gen_random_uuid()', 'text?': `'新'` };
  return random(2) === 0 ? `case when ${column} is null then ${fresh[kind]} end` : `coalesce(${value}, ${fresh[kind]})`;
}

/** An edit of one column of one row. Accounts that nothing ever touched are left alone: no hash can know their names. */
export function edit(random: Random, table: string, column: string, last: number): Deed {
  const n = 1 + random(last);
  const places: Record<string, string> = {
    book: `village = '${home}'`,
    account: `village = '${home}' and number = (select from_account from ledger.transfer
                where village = '${home}' and number = ${n} order by line limit 1)`,
    transaction: `village = '${home}' and number = ${n}`,
    transfer: `village = '${home}' and number = ${n} and line = 1`,
    limit_use: `village = '${home}' and key = (select key from ledger.limit_use where village = '${home}'
                  order by key offset ${random(15)} limit 1)`,
  };
  const value = otherValue(random, column, columns[table]![column]!);
  const by = `update ledger.${table} set ${column} = ${value} where ${places[table]}`;
  return { what: by, by, ...(/^trans/.test(table) && { number: n }) };
}

/** Everything else: rows that are gone, rows that are new, pairs that were swapped, tails. */
export const otherDeeds: ((random: Random, last: number, oldNumber: number) => Deed)[] = [
  (random, last) => {
    const n = 1 + random(last);
    return { what: `transaction ${n} gone`, number: n, by: `delete from ledger.transaction where ${at(n)}` };
  },
  (random, last) => {
    const n = 1 + random(last);
    const by = `delete from ledger.transaction where ${at(n)}; delete from ledger.transfer where ${at(n)}`;
    return { what: `transaction ${n} and its transfers gone`, number: n, by };
  },
  (random, last) => {
    const n = 1 + random(last);
    return {
      what: `a transfer of ${n} gone`,
      number: n,
      by: `delete from ledger.transfer where ${at(n)} and line = 1`,
    };
  },
  random => {
    const of = pick(random, ['account', 'limit_use']);
    const by = `delete from ledger.${of} where ctid = (
      select ctid from ledger.${of} where village = '${home}' order by ctid offset ${random(10)} limit 1)`;
    return { what: `a row of ${of} gone`, by };
  },
  () => ({ what: 'the book gone', by: `delete from ledger.book where village = '${home}'` }),
  (random, last) => {
    const of = pick(random, ['transaction', 'transfer']);
    const n = 1 + random(last);
    const by = `insert into ledger.${of} select * from ledger.${of} where ${at(n)}`;
    return { what: `${of} ${n} twice`, number: n, by };
  },
  (random, last) => {
    const n = 1 + random(last);
    const by = `insert into ledger.transfer
      select village, number, line + 5, asset, amount, from_account, to_account, from_balance, to_balance, from_seq, to_seq
        from ledger.transfer where ${at(n)}`;
    return { what: `more transfers in ${n}`, number: n, by };
  },
  random => {
    const of = pick(random, ['account', 'limit_use', 'book']);
    const by = `insert into ledger.${of} select * from ledger.${of} where village = '${home}' order by ctid limit 1`;
    return { what: `a row of ${of} twice`, by };
  },
  (random, last) => {
    const n = 1 + random(last - 1);
    const by = ['transaction', 'transfer']
      .map(
        of =>
          `update ledger.${of} set number = ${2 * n + 1} - number where village = '${home}' and number in (${n}, ${n + 1})`,
      )
      .join('; ');
    return { what: `${n} and ${n + 1} swapped`, number: n, by };
  },
  (random, last) => {
    const [n, m] = [1 + random(last - 1), last];
    const by = `update ledger.transaction t set memo = 'was ' || o.memo, cause = o.cause, id = o.id
                  from ledger.transaction o
                 where t.village = '${home}' and o.village = '${home}' and t.number = ${n} and o.number = ${m}`;
    return { what: `${n} called what ${m} is called`, number: n, by };
  },
  (_random, last) => {
    const by = `delete from ledger.transaction where ${at(last)}; delete from ledger.transfer where ${at(last)}`;
    return { what: 'the tail cut', number: last, by };
  },
  (_random, _last, oldNumber) => cutTail(oldNumber),
  (random, last) => rewriteTail(1 + random(last)),
  (random, last) => {
    const n = 1 + random(last);
    const by = `update ledger.transfer set amount = amount + 1 where village = '${home}' and number >= ${n} and asset = 'HON';
                ${settle}; update ledger.transaction set memo = 'more' where village = '${home}' and number >= ${n}; ${forge}`;
    return { what: `the tail from ${n} richer in honour, all sums and hashes made anew`, by };
  },
];

/** The book as it was at an earlier number, in every table. */
export function cutTail(oldNumber: number): Deed {
  const restored = ['book', 'account', 'limit_use'].map(
    of => `delete from ledger.${of} where village = '${home}'; insert into ledger.${of} select * from old_${of}`,
  );
  const cut = ['transaction', 'transfer'].map(
    of => `delete from ledger.${of} where village = '${home}' and number > ${oldNumber}`,
  );
  return { what: `the tail after ${oldNumber} cut without a trace`, by: [...restored, ...cut].join('; ') };
}

/** Another history from `number` on, that is right in itself. */
export function rewriteTail(number: number): Deed {
  const by = `update ledger.transaction set memo = 'another history', actor = '${ids.neighbour}'
               where village = '${home}' and number >= ${number}; ${forge}`;
  return { what: `the tail from ${number} rewritten, all hashes made anew`, by };
}

function at(number: number): string {
  return `village = '${home}' and number = ${number}`;
}
