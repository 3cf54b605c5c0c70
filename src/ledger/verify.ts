import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { getBook } from './read.ts';

/** One thing that is wrong, where it is, and what should be there. */
export interface Finding {
  check: string;
  /** `book`, `transaction 12`, `transaction 12 line 1`, `account 7 (household:…:available PTS)`, `entry 3 of account 7`. */
  place: string;
  expected: string;
  found: string;
}

export interface Check {
  name: string;
  ok: boolean;
  /** The first `findingsMax`, in order of place. */
  findings: Finding[];
}

export interface Soundness {
  sound: boolean;
  /** The book was recomputed through this transaction. */
  number: number;
  headHash: string;
  checks: Check[];
}

export const findingsMax = 24;

/**
 * Recomputes everything a village's book says, from its transfers, and names what is wrong. Run it on one unchanging
 * picture (`inExport`): it reads the whole book, each check in one statement that keeps nothing in this process.
 *
 * What it cannot see: a book whose tail was rewritten in every table with all hashes made anew. That takes a hash of the
 * true book that somebody else holds, such as the one on a printed statement.
 */
export async function verifyVillage(db: Db, village: string): Promise<Soundness> {
  const { number, head } = await getBook(db, village);
  const checks: Check[] = [];
  for (const [name, look] of Object.entries(looks)) {
    const rows = await rowsOf<Omit<Finding, 'check'>>(
      db,
      sql`select place, expected, found from (${look(village)}) finding (rank, place, expected, found)
           order by rank, place limit ${findingsMax}`,
    );
    checks.push({ name, ok: rows.length === 0, findings: rows.map(row => ({ check: name, ...row })) });
  }
  return { sound: checks.every(check => check.ok), number, headHash: head.toString('hex'), checks };
}

/** An account as findings name it; `a` is the account's row. */
const place = sql.raw(`'account ' || a.number || ' (' || a.code || ' ' || a.asset || ')'`);

/**
 * Each answers rows (rank, place, expected, found) of what is wrong, and none when all is well. What belongs to a row is
 * looked up by its key, `lateral … offset 0`: a join may begin at the other end, and take the square of the book.
 */
const looks: Record<string, (village: string) => SQL> = {
  /** Transactions are numbered 1…n, and the book says n. */
  numbers: village => sql`
    select number, 'transaction ' || number, 'after transaction ' || number - 1,
           'after ' || coalesce('transaction ' || before, 'none')
      from (select number, lag(number) over (order by number) as before
              from ledger.transaction where village = ${village}) t
     where number <> coalesce(before, 0) + 1
    union all
    select 0, 'book', 'number ' || coalesce((select max(number) from ledger.transaction where village = ${village}), 0),
           'number ' || number
      from ledger.book
     where village = ${village}
       and number <> coalesce((select max(number) from ledger.transaction where village = ${village}), 0)
    union all
    select 0, 'book', count(a.number) || ' accounts, the last ' || coalesce(max(a.number), 0),
           b.accounts || ' accounts'
      from ledger.book b left join ledger.account a on a.village = b.village
     where b.village = ${village}
     group by b.accounts
    having b.accounts <> count(a.number) or b.accounts <> coalesce(max(a.number), 0)`,

  /** The book's time never runs backwards, and nobody was a second person to themselves. */
  order: village => sql`
    select number, 'transaction ' || number, 'not posted before ' || before::text, 'posted ' || posted_at::text
      from (select number, posted_at, lag(posted_at) over (order by number) as before
              from ledger.transaction where village = ${village}) t
     where posted_at < before
    union all
    select number, 'transaction ' || number, 'an approver who is not the actor', 'approver ' || approver
      from ledger.transaction where village = ${village} and approver = actor
    union all
    select min(number), 'transaction ' || min(number), 'the only one of cause ' || kind || ' ' || cause,
           count(*)::text
      from ledger.transaction where village = ${village} group by kind, cause having count(*) > 1`,

  /** Every transfer belongs to a transaction and to two accounts of its asset, and every transaction has lines 1…n. */
  strays: village => sql`
    select r.number, 'transaction ' || r.number || ' line ' || r.line, 'transaction ' || r.number, 'none'
      from ledger.transfer r
     where r.village = ${village}
       and not exists (select from ledger.transaction where village = ${village} and number = r.number offset 0)
    union all
    select r.number, 'transaction ' || r.number || ' line ' || r.line, 'account ' || side.account || ' of ' || r.asset,
           coalesce('account ' || a.number || ' of ' || a.asset, 'none')
      from ledger.transfer r
     cross join lateral (values (r.from_account), (r.to_account)) side (account)
      left join lateral (
        select * from ledger.account where village = ${village} and number = side.account offset 0) a on true
     where r.village = ${village} and a.asset is distinct from r.asset
    union all
    select t.number, 'transaction ' || t.number, 'lines 1 to ' || count, coalesce('lines ' || lines, 'none')
      from ledger.transaction t
     cross join lateral (
       select count(*), min(line), max(line), string_agg(line::text, ', ' order by line) as lines
         from ledger.transfer where village = ${village} and number = t.number) r
     where t.village = ${village} and (count = 0 or min <> 1 or max <> count)`,

  /** Amounts are within bounds and leave one account for another; the balances of each asset come to nothing. */
  amounts: village => sql`
    select number, 'transaction ' || number || ' line ' || line, '1 to ' || ledger.amount_max(asset), amount::text
      from ledger.transfer
     where village = ${village} and amount not between 1 and ledger.amount_max(asset)
    union all
    select number, 'transaction ' || number || ' line ' || line, 'two accounts', 'account ' || from_account || ' twice'
      from ledger.transfer where village = ${village} and from_account = to_account
    union all
    select 0, 'asset ' || asset, 'balances that sum to 0', sum(balance)::text
      from ledger.account where village = ${village} group by asset having sum(balance) <> 0`,

  /** What an account says it has, and how many entries, is what its entries come to. */
  balances: village => sql`
    select a.number, ${place}, e.balance || ' after ' || e.entries || ' entries',
           a.balance || ' after ' || a.entries || ' entries'
      from (select account, sum(amount) as balance, count(number) as entries
              from (select account, amount, number from ledger.entry where village = ${village}
                     union all
                    select number, 0, null from ledger.account where village = ${village}) e
             group by account) e
     cross join lateral (select * from ledger.account where village = ${village} and number = e.account offset 0) a
     where a.balance <> e.balance or a.entries <> e.entries`,

  /** Along each account: entries 1…n in the order of the book, and the balance beside each is what they come to so far. */
  running: village => sql`
    select number, 'entry ' || place || ' of account ' || account || ', transaction ' || number || ' line ' || line,
           'entry ' || place || ', balance ' || sum, 'entry ' || seq || ', balance ' || balance
      from (select account, number, line, seq, balance,
                   row_number() over w as place, sum(amount) over w as sum
              from ledger.entry where village = ${village}
            window w as (partition by account order by number, line)) e
     where seq <> place or balance <> sum`,

  /** No account ever stood below its floor, and every floor is the law of its code. */
  floors: village => sql`
    select e.number, 'transaction ' || e.number || ' line ' || e.line || ', ' || ${place},
           'at least ' || ledger.floor_of(a.code), e.balance::text
      from ledger.entry e
     cross join lateral (select * from ledger.account where village = ${village} and number = e.account offset 0) a
     where e.village = ${village} and e.balance < ledger.floor_of(a.code)
    union all
    select 0, ${place}, 'floor ' || coalesce(ledger.floor_of(code)::text, 'none'), 'floor ' || coalesce(floor::text, 'none')
      from ledger.account a
     where village = ${village} and floor is distinct from ledger.floor_of(code)`,

  /** What is counted as used of a limit is what the transactions say they used, and never more than there was. */
  limits: village => sql`
    select 0, 'limit ' || coalesce(said.key, counted.key), 'used ' || coalesce(said.used, 0),
           'used ' || coalesce(counted.used, 0)
      from (select substr(f.key, 7) as key, sum(split_part(f.value, '/', 1)::bigint) as used
              from ledger.transaction t, jsonb_each_text(t.frozen) f
             where t.village = ${village} and f.key like 'limit:%' and f.value ~ '^-?[0-9]{1,18}/[0-9]{1,18}$'
             group by f.key) said
      full join (select key, used from ledger.limit_use where village = ${village}) counted on counted.key = said.key
     where coalesce(said.used, 0) <> coalesce(counted.used, 0)
    union all
    select 0, 'limit ' || key, '0 to ' || max, 'used ' || used
      from ledger.limit_use where village = ${village} and used not between 0 and max
    union all
    select t.number, 'transaction ' || t.number || ' ' || f.key, 'use/max', f.value
      from ledger.transaction t, jsonb_each_text(t.frozen) f
     where t.village = ${village} and f.key like 'limit:%' and f.value !~ '^-?[0-9]{1,18}/[0-9]{1,18}$'`,

  /** A reversal comes after what it reverses, once, and is its mirror, line by line from the last. */
  reversals: village => sql`
    with reversal as (
      select t.number, t.reverses, o.number as original, o.reverses as earlier
        from ledger.transaction t
        left join lateral (
          select number, reverses from ledger.transaction where village = ${village} and number = t.reverses offset 0) o
          on true
       where t.village = ${village} and t.reverses is not null)
    select number, 'transaction ' || number, 'an earlier transaction, no reversal itself', 'transaction ' || reverses
      from reversal
     where original is null or original >= number or earlier is not null
    union all
    select max(number), 'transaction ' || max(number), 'the only reversal of ' || reverses, count(*)::text
      from reversal group by reverses having count(*) > 1
    union all
    select v.number, 'transaction ' || v.number, 'the mirror of ' || v.reverses || ': ' || coalesce(o.lines, 'none'),
           coalesce(m.lines, 'none')
      from reversal v
      left join lateral (
        select string_agg(asset || ' ' || amount || ' ' || to_account || ' ' || from_account, ', ' order by line desc)
               as lines
          from ledger.transfer where village = ${village} and number = v.reverses) o on true
      left join lateral (
        select string_agg(asset || ' ' || amount || ' ' || from_account || ' ' || to_account, ', ' order by line)
               as lines
          from ledger.transfer where village = ${village} and number = v.number) m on true
     where v.original is not null and o.lines is distinct from m.lines`,

  /** Leaf of each transaction, from its row and its lines. */
  leaves: village => sql`
    select t.number, 'transaction ' || t.number, 'leaf ' || encode(leaf, 'hex'), 'leaf ' || encode(t.leaf_hash, 'hex')
      from ledger.transaction t
     cross join lateral (
       select ledger.leaf(ledger.canonical(t, coalesce(string_agg(
                E'\nline ' || r.asset || ' ' || r.amount || ' ' || coalesce(f.code, '?') || ' ' || coalesce(g.code, '?'),
                '' order by r.line), ''))) as leaf
         from ledger.transfer r
         left join lateral (
           select code from ledger.account where village = ${village} and number = r.from_account offset 0) f on true
         left join lateral (
           select code from ledger.account where village = ${village} and number = r.to_account offset 0) g on true
        where r.village = ${village} and r.number = t.number) made
     where t.village = ${village} and leaf is distinct from t.leaf_hash`,

  /** Each hash continues the one before, and the book's head is the last. */
  chain: village => sql`
    select number, 'transaction ' || number, 'hash ' || encode(made, 'hex'), 'hash ' || encode(hash, 'hex')
      from (select number, hash,
                   sha256(coalesce(lag(hash) over (order by number), sha256('')) || leaf_hash) as made
              from ledger.transaction where village = ${village}) t
     where hash <> made
    union all
    select 0, 'book', 'head ' || encode(last.hash, 'hex'), 'head ' || encode(b.head, 'hex')
      from ledger.book b
     cross join lateral (
       select coalesce((select hash from ledger.transaction where village = ${village} order by number desc limit 1),
                       sha256('')) as hash) last
     where b.village = ${village} and b.head <> last.hash`,
};
