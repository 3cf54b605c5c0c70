import type pg from 'pg';

/**
 * What must be true of every book at every moment, asked of the tables by a reader that shares no line with the service:
 * it has its own idea of floors, of lots and of the mirror. To be run as a superuser, who sees every village.
 */
export interface Law {
  /** Its letter and number, and what it says. */
  says: string;
  /** Answers a column `what` for each row that breaks it. */
  finds: string;
  /** Breaks this law and none before it, in a book where something was posted. Superusers only, append-only switched off. */
  breaks: string;
}

export interface Violation {
  law: string;
  what: string;
}

/** The first row that breaks a law, or null. */
export async function firstViolation(client: pg.Client): Promise<Violation | null> {
  for (const { says, finds } of laws) {
    const { rows } = await client.query(`select what from (${finds}) broken limit 1`);
    if (rows.length > 0) return { law: says, what: rows[0].what };
  }
  return null;
}

/** A transaction that a caller was told of. */
export interface Acknowledged {
  village: string;
  number: number;
  /** The causes it may have been posted under. */
  causes: string[];
}

/** Those that were acknowledged and are not in the book, or not as they were acknowledged. */
export async function missingOf(client: pg.Client, acknowledged: Acknowledged[]): Promise<Acknowledged[]> {
  const { rows } = await client.query('select village, number, cause from ledger.transaction');
  const causes = new Map(rows.map(row => [`${row.village} ${row.number}`, row.cause as string]));
  return acknowledged.filter(
    ({ village, number, causes: told }) => !told.includes(causes.get(`${village} ${number}`)!),
  );
}

/** Each transfer twice, as its two accounts see it. */
const entry = `(
  select village, number, line, from_account as account, asset, -amount as change, from_balance as recorded, from_seq as seq
    from ledger.transfer
  union all
  select village, number, line, to_account, asset, amount, to_balance, to_seq from ledger.transfer)`;

const unbounded = `'^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside|waived|(supply|abroad):.*|household:.*:arrears)$'`;
const holdsLots = `'^(household:.*:(available|pending|held|base)|allowance:.*)$'`;

/** Dated points that a line moved, as its transaction keeps them. */
const moved = `(
  select t.village, t.number, substr(f.key, 6)::integer as line, left(p, 10) as day, substr(p, 12)::bigint as points
    from ledger.transaction t, jsonb_each_text(t.frozen) f, string_to_table(f.value, ',') p
   where f.key like 'lots:%')`;

/** The same as changes of the accounts that hold lots. */
const dated = `(
  select m.village, m.number, m.line, a.number as account, m.day,
         case a.number when l.from_account then -m.points else m.points end as change
    from ${moved} m
    join ledger.transfer l using (village, number, line)
    join ledger.account a on a.village = m.village and a.number in (l.from_account, l.to_account)
   where a.asset = 'PTS' and a.code ~ ${holdsLots})`;

const lastLine =
  '(village, number, line) = (select village, number, line from ledger.transfer order by 1, 2 desc, 3 limit 1)';
const last = '(village, number) = (select village, number from ledger.transfer order by 1, 2 desc limit 1)';

/** What open allowances have left, by escrow account. */
const leftInAllowances = `(
  select village, 'allowance:' || kiosk_id || ':' || household_id as code, sum(points - spent_points) as points
    from offline.allowance where ended_at is null group by 1, 2)`;

export const laws: Law[] = [
  {
    says: 'B1: of every asset, what the accounts of a book have comes to nothing',
    finds: `select village || ' has ' || sum(balance) || ' ' || asset || ' too much' as what
              from ledger.account group by village, asset having sum(balance) <> 0`,
    breaks: `update ledger.account set balance = balance + 1
              where (village, number) = (select village, from_account from ledger.transfer order by 1, number desc limit 1)`,
  },
  {
    says: 'B1: a transfer moves something, between two accounts of its book that hold its asset',
    finds: `select format('%s %s line %s: %s %s from %s to %s', l.village, l.number, l.line, l.amount, l.asset, f.code, t.code)
                   as what
              from ledger.transfer l
              left join ledger.account f on f.village = l.village and f.number = l.from_account and f.asset = l.asset
              left join ledger.account t on t.village = l.village and t.number = l.to_account and t.asset = l.asset
             where l.amount < 1 or f.number is null or t.number is null or f.number = t.number`,
    breaks: `update ledger.transfer set to_account = 999999 where ${lastLine}`,
  },
  {
    says: 'B1: a transaction has lines 1 to n, and a line its transaction',
    finds: `select format('%s %s', coalesce(t.village, l.village), coalesce(t.number, l.number)) as what
              from ledger.transaction t
              full join (select village, number, count(*) as n, max(line) as last from ledger.transfer group by 1, 2) l
                using (village, number)
             where t.number is null or l.number is null or l.n <> l.last`,
    breaks: `update ledger.transfer set line = 99 where ${lastLine}`,
  },
  {
    says: 'B2: an account has what its entries come to',
    finds: `select format('%s %s %s has %s in %s entries, which are %s and come to %s', a.village, a.code, a.asset, a.balance,
                          a.entries, coalesce(e.n, 0), coalesce(e.sum, 0)) as what
              from ledger.account a
              left join (select village, account as number, count(*) as n, sum(change) as sum from ${entry} e group by 1, 2) e
                using (village, number)
             where a.balance <> coalesce(e.sum, 0) or a.entries <> coalesce(e.n, 0)`,
    breaks: `update ledger.transfer set amount = amount + 1 where ${lastLine}`,
  },
  {
    says: 'B2: the stored balance and place of each entry are the running ones',
    finds: `select format('%s %s line %s, account %s: says %s, is %s', village, number, line, account, recorded, runs) as what
              from (select *, sum(change) over w as runs, row_number() over w as place from ${entry} e
                    window w as (partition by village, account order by number, line)) e
             where recorded <> runs or seq <> place`,
    breaks: `update ledger.transfer set to_balance = to_balance - 1 where ${lastLine}`,
  },
  {
    says: 'B3: the lots of an account come to its balance, and only points that belong to somebody have lots',
    finds: `select format('%s %s has %s in lots of %s', a.village, a.code, a.balance, a.lots) as what
              from ledger.account a
              left join (select village, account as number, sum(points) as sum, min(points) as least
                           from ledger.lot group by 1, 2) l using (village, number)
             where case when a.asset = 'PTS' and a.code ~ ${holdsLots}
                        then a.balance <> coalesce(l.sum, 0) or l.least < 1 else a.lots <> '{}' or l.sum is not null end`,
    breaks: `alter table ledger.account drop constraint account_lots;
             update ledger.account set lots = '{"2026-12-31": 1000000}' where code like '%:available'`,
  },
  {
    says: 'B4: the lots of an account are those that came, less those that went',
    finds: `select format('%s account %s has %s of %s, where the book makes it %s', coalesce(a.village, d.village),
                          coalesce(a.number, d.account), coalesce(a.points, 0), coalesce(a.day, d.day), coalesce(d.sum, 0)) as what
              from (select village, number, key as day, value::bigint as points
                      from ledger.account, jsonb_each_text(lots)) a
              full join (select village, account, day, sum(change) as sum from ${dated} d group by 1, 2, 3
                         having sum(change) <> 0) d
                on d.village = a.village and d.account = a.number and d.day = a.day
             where a.points is distinct from d.sum`,
    breaks: `update ledger.account set lots = '{"2026-12-31": 1}' where code like '%:available' and balance > 0`,
  },
  {
    says: 'B4: no line moves more of a lot than there is, or lots of more than it moves',
    finds: `select format('%s %s line %s: %s of %s', village, number, line, left_over, day) as what
              from (select *, sum(change) over (partition by village, account, day order by number, line, change desc)
                              as left_over from ${dated} d) d
             where left_over < 0
            union all
            select format('%s %s line %s: lots of %s', m.village, m.number, m.line, sum(m.points))
              from ${moved} m left join ledger.transfer l using (village, number, line)
             group by m.village, m.number, m.line, l.amount
            having sum(m.points) > coalesce(l.amount, 0) or min(m.points) < 1
            union all
            select format('%s %s line %s: dated %s of %s', village, number, line, runs, recorded)
              from (select e.*, sum(d.change) over (partition by e.village, e.account order by e.number, e.line) as runs
                      from ${entry} e
                      left join (select village, account, number, line, sum(change) as change from ${dated} d
                                  group by 1, 2, 3, 4) d using (village, account, number, line)) e
             where runs > recorded`,
    breaks: `update ledger.transaction set frozen = frozen || '{"lots:99": "2026-12-31=1"}' where ${last}`,
  },
  {
    says: 'B4: a limit was used as often as the transactions say, and never beyond its maximum',
    finds: `select format('%s %s: used %s of %s, by the book %s', coalesce(u.village, t.village), coalesce(u.key, t.key), u.used,
                          u.max, t.used) as what
              from ledger.limit_use u
              full join (select village, substr(f.key, 7) as key, sum(split_part(f.value, '/', 1)::bigint) as used
                           from ledger.transaction, jsonb_each_text(frozen) f where f.key like 'limit:%' group by 1, 2) t
                using (village, key)
             where coalesce(u.used, 0) <> coalesce(t.used, 0) or u.used not between 0 and u.max`,
    breaks: `insert into ledger.limit_use (village, key, used, max) select village, 'nobody', 1, 1 from ledger.book limit 1`,
  },
  {
    says: 'B5: nothing that belongs to somebody or lies on a shelf was ever below nothing',
    finds: `select format('%s %s %s had %s after %s', a.village, a.code, a.asset, e.recorded, e.number) as what
              from ${entry} e join ledger.account a on a.village = e.village and a.number = e.account
             where a.code !~ ${unbounded} and e.recorded < 0
            union all
            select format('%s %s %s has %s', village, code, asset, balance)
              from ledger.account where code !~ ${unbounded} and balance < 0`,
    breaks: `update ledger.account set code = 'shelf:found' where code = 'issued' and asset = 'PTS' and balance < 0`,
  },
  {
    says: 'B5: nor was it at the end of any business day, when all is entered that is entered',
    finds: `select format('%s %s %s had %s on %s', a.village, a.code, a.asset, e.closing, e.day) as what
              from (select village, account, day, sum(sum(change)) over (partition by village, account order by day) as closing
                      from (select e.*, t.business_date as day from ${entry} e join ledger.transaction t using (village, number)) e
                     group by village, account, day) e
              join ledger.account a on a.village = e.village and a.number = e.account
             where a.code !~ ${unbounded} and e.closing < 0`,
    breaks: `update ledger.transaction set business_date = '2999-12-31' where kind in ('given', 'award', 'stockReceipt')`,
  },
  {
    says: 'B6: the numbers of a book are 1 to n without a gap, and n is the book’s',
    finds: `select format('%s is at %s and has %s from %s to %s', b.village, b.number, t.n, t.first, t.last) as what
              from ledger.book b
              left join (select village, count(*) as n, min(number) as first, max(number) as last
                           from ledger.transaction group by village) t using (village)
             where (b.number, b.number, least(1, b.number))
                   is distinct from (coalesce(t.n, 0), coalesce(t.last, 0), coalesce(t.first, 0))`,
    breaks: `update ledger.book set number = number + 1 where number > 0`,
  },
  {
    says: 'B6: the book’s time never runs backwards, nor ahead of it',
    finds: `select format('%s %s at %s after %s', village, number, posted_at, before) as what
              from (select village, number, posted_at, lag(posted_at) over (partition by village order by number) as before
                      from ledger.transaction) t
             where posted_at < before or posted_at > clock_timestamp() + interval '1 second'`,
    breaks: `update ledger.transaction set posted_at = '2999-01-01' where ${last}`,
  },
  {
    says: 'B6: each transaction carries the chain on',
    finds: `select format('%s %s', village, number) as what
              from (select *, lag(hash, 1, sha256('')) over (partition by village order by number) as before
                      from ledger.transaction) t
             where hash <> sha256(before || leaf_hash)
            union all
            select b.village || ' has another head' from ledger.book b
              left join ledger.transaction t using (village, number)
             where b.head <> coalesce(t.hash, sha256(''))`,
    breaks: `update ledger.transaction set leaf_hash = sha256('x') where ${last}`,
  },
  {
    says: 'B6: a reversal is the mirror of what it reverses, which is no reversal and has no other, and gives its limits back',
    finds: `select format('%s %s reverses %s', r.village, r.number, r.reverses) as what
              from ledger.transaction r
              left join ledger.transaction o on o.village = r.village and o.number = r.reverses
             where r.reverses is not null
               and (o.number is null or o.number >= r.number or o.reverses is not null
                    or (select count(*) from ledger.transaction x
                         where x.village = r.village and x.reverses = r.reverses) > 1
                    or (select array_agg((asset, amount, from_account, to_account) order by line) from ledger.transfer
                         where village = r.village and number = r.number)
                       is distinct from
                       (select array_agg((asset, amount, to_account, from_account) order by line desc) from ledger.transfer
                         where village = o.village and number = o.number)
                    or (select jsonb_object_agg(key, value) from jsonb_each_text(r.frozen) where key like 'limit:%')
                       is distinct from
                       (select jsonb_object_agg(key, '-' || value) from jsonb_each_text(o.frozen) where key like 'limit:%'))`,
    breaks: `update ledger.transaction set reverses = number where ${last}`,
  },
  {
    says: 'B7: one cause was posted once',
    finds: `select format('%s %s %s: %s', village, kind, cause, string_agg(number::text, ', ')) as what
              from ledger.transaction group by village, kind, cause having count(*) > 1`,
    breaks: `alter table ledger.transaction drop constraint transaction_cause_key;
             update ledger.transaction set kind = 'same', cause = 'same' where (village) = (select village from ledger.transaction
                group by village order by count(*) desc limit 1)`,
  },
  {
    says: 'B7: an award has its transaction, and a redemption has its own',
    finds: `select format('%s award %s', a.village, a.id) as what from earning.award a
             where not exists (select from ledger.transaction t where t.village = a.village
                                  and t.number = a.transaction_number and t.kind = 'award' and t.cause = 'award:' || a.id)
            union all
            select format('%s redemption %s', r.village, r.id) from store.redemption r
             where not exists (select from ledger.transaction t where t.village = r.village
                                  and t.cause in ('redemption:' || r.id || ':hold', 'redemption:' || r.id || ':fulfil'))`,
    breaks: `update ledger.transaction set kind = 'other' where cause in (select 'award:' || id from earning.award)`,
  },
  {
    says: 'B8: what lies in escrow is what the open allowances have left',
    finds: `select format('%s %s: escrow of %s, allowances of %s', coalesce(a.village, e.village), coalesce(a.code, e.code),
                          coalesce(e.balance, 0), coalesce(a.points, 0)) as what
              from ${leftInAllowances} a
              full join (select * from ledger.account where code like 'allowance:%') e using (village, code)
             where coalesce(a.points, 0) <> coalesce(e.balance, 0)`,
    breaks: `insert into offline.allowance
               (village, id, kiosk_id, household_id, points, redemptions, not_after, granted_at, granted_number)
             select village, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 5, 2, now(), now(), 1
               from ledger.book limit 1`,
  },
  {
    says: 'B8: an operation that took effect has a transaction of its own, and one that is not as it should be a case',
    finds: `select format('%s op %s: %s', o.village, o.hash, o.verdict) as what from offline.op o
             where o.verdict in ('applied', 'appliedWithException') and o.type <> 'note'
               and not exists (select from ledger.transaction t where t.village = o.village
                                  and t.number = (o.answer ->> 'transactionNumber')::bigint)
            union all
            select format('%s op %s has no case', o.village, o.hash) from offline.op o
             where o.verdict in ('rejected', 'appliedWithException')
               and not exists (select from offline."case" c where c.village = o.village and c.op_hash = o.hash)
            union all
            select format('%s transaction %s of two ops', village, number)
              from (select village, answer ->> 'transactionNumber' as number from offline.op) o
             where number is not null group by village, number having count(*) > 1`,
    breaks: `insert into offline.op (village, kiosk_id, hash, jws, in_chain, verdict, answer, received_at)
             select village, gen_random_uuid(), repeat('A', 43), 'x', false, 'rejected', '{}', now() from ledger.book limit 1`,
  },
];
