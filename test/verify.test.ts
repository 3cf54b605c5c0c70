import { randomUUIDv7 } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import { t } from 'tap';
import type { Db } from '../src/db/database.ts';
import { openBook } from '../src/ledger/post.ts';
import { redemption, reversal } from '../src/ledger/transactions.ts';
import type { Soundness } from '../src/verification/findings.ts';
import { verifyBook } from '../src/verification/verify.ts';
import { available, event, give, home, honour, ids, openBooks, sibling, spend } from './support/book.ts';
import { forge, settle } from './support/tampering.ts';

const at = (number: number) => `village = '${home}' and number = ${number}`;
/** Each plants one error as a superuser could, and says which checks must name it, and where. */
const tamperings: { what: string; by: string; seen: Record<string, RegExp> }[] = [
  {
    what: 'an amount was changed',
    by: `update ledger.transfer set amount = 6 where ${at(1)} and line = 1`,
    seen: {
      balances: /^account \d+ \((issued|household:.*) PTS\)$/,
      running: /^transaction 1 line 1, account/,
      leaves: /^transaction 1$/,
    },
  },
  {
    what: 'an amount was changed, and every balance after it',
    by: `update ledger.transfer set amount = 50 where ${at(1)} and line = 1; ${settle}`,
    seen: { leaves: /^transaction 1$/ },
  },
  {
    what: 'a transaction is missing',
    by: `delete from ledger.transfer where ${at(3)}; delete from ledger.transaction where ${at(3)}`,
    seen: {
      numbers: /^transaction 4$/,
      chain: /^transaction 4$/,
      balances: /^account/,
      running: /^transaction [2-5] line 1, account/,
      limits: /^limit k1$/,
    },
  },
  {
    what: 'the last transaction is missing',
    by: `delete from ledger.transfer where ${at(8)}; delete from ledger.transaction where ${at(8)}`,
    seen: { numbers: /^book$/, chain: /^book$/ },
  },
  {
    what: 'the transfers of a transaction are missing',
    by: `delete from ledger.transfer where ${at(2)}`,
    seen: { strays: /^transaction 2$/, leaves: /^transaction 2$/ },
  },
  {
    what: 'a line is missing',
    by: `delete from ledger.transfer where ${at(1)} and line = 1`,
    seen: { strays: /^transaction 1$/, leaves: /^transaction 1$/ },
  },
  {
    what: 'a transfer without a transaction was put in',
    by: `insert into ledger.transfer select village, 99, line, asset, amount, from_account, to_account, 0, 0, 90, 90
           from ledger.transfer where ${at(1)} and line = 1`,
    seen: { strays: /^transaction 99 line 1$/ },
  },
  {
    what: 'a transfer names no account',
    by: `update ledger.transfer set to_account = 9999 where ${at(2)} and line = 1`,
    seen: { strays: /^transaction 2 line 1$/, leaves: /^transaction 2$/, balances: /^account/ },
  },
  {
    what: 'a transfer is of another asset than its account',
    by: `update ledger.transfer set asset = 'HON' where ${at(2)} and line = 1`,
    seen: { strays: /^transaction 2 line 1$/, leaves: /^transaction 2$/ },
  },
  {
    what: 'two transactions were swapped',
    by: `update ledger.transaction set number = 100 where ${at(2)}; update ledger.transfer set number = 100 where ${at(2)};
         update ledger.transaction set number = 2 where ${at(3)}; update ledger.transfer set number = 2 where ${at(3)};
         update ledger.transaction set number = 3 where ${at(100)}; update ledger.transfer set number = 3 where ${at(100)}`,
    seen: { leaves: /^transaction [23]$/, chain: /^transaction [234]$/, running: /^transaction [2-5] line 1, account/ },
  },
  {
    what: 'a memo was rewritten',
    by: `update ledger.transaction set memo = '别的' where ${at(2)}`,
    seen: { leaves: /^transaction 2$/ },
  },
  {
    what: 'a memo was rewritten, and its leaf and hash',
    by: `update ledger.transaction set memo = '别的' where ${at(2)};
         update ledger.transaction t set leaf_hash = ledger.leaf(ledger.canonical(t, (
           select E'\\nline ' || r.asset || ' ' || r.amount || ' issued ${available}' from ledger.transfer r
            where r.village = t.village and r.number = t.number))) where ${at(2)};
         update ledger.transaction t set hash = sha256((select hash from ledger.transaction where ${at(1)}) || leaf_hash) where ${at(2)}`,
    seen: { chain: /^transaction 3$/ },
  },
  {
    what: 'the rule that was frozen was changed',
    by: `update ledger.transaction set frozen = frozen || '{"rule": "ENV99"}' where ${at(1)}`,
    seen: { leaves: /^transaction 1$/ },
  },
  {
    what: 'the use of a limit that was frozen was changed',
    by: `update ledger.transaction set frozen = frozen || '{"limit:k1": "1/9"}' where ${at(3)}`,
    seen: { leaves: /^transaction 3$/, limits: /^limit k1$/ },
  },
  {
    what: 'what was used of a limit was changed',
    by: `update ledger.limit_use set used = 0 where village = '${home}' and key = 'k1'`,
    seen: { limits: /^limit k1$/ },
  },
  {
    what: 'a limit is used that nobody used',
    by: `insert into ledger.limit_use values ('${home}', 'k9', 1, 3)`,
    seen: { limits: /^limit k9$/ },
  },
  {
    what: 'a limit was overdrawn',
    by: `alter table ledger.limit_use drop constraint limit_use_max;
         update ledger.limit_use set max = 1 where village = '${home}' and key = 'k1'`,
    seen: { limits: /^limit k1$/ },
  },
  {
    what: 'a balance was changed',
    by: `update ledger.account set balance = balance + 100 where village = '${home}' and code = '${available}'`,
    seen: { balances: /^account \d+ \(household:.*:available PTS\)$/, amounts: /^asset PTS$/ },
  },
  {
    what: 'two balances were changed, one up, one down',
    by: `update ledger.account set balance = balance + case code when 'issued' then -100 else 100 end
          where village = '${home}' and asset = 'PTS' and code in ('issued', '${available}')`,
    seen: { balances: /^account/ },
  },
  {
    what: 'a stored balance of a transfer was changed',
    by: `update ledger.transfer set to_balance = to_balance + 1 where ${at(3)} and line = 1`,
    seen: { running: /^transaction 3 line 1, account/ },
  },
  {
    what: 'an entry’s number was changed',
    by: `update ledger.transfer set to_seq = 77 where ${at(3)} and line = 1`,
    seen: { running: /^transaction 3 line 1, account/ },
  },
  {
    what: 'a count of entries was changed',
    by: `update ledger.account set entries = entries + 1 where village = '${home}' and code = '${honour}'`,
    seen: { balances: /^account \d+ \(household:.*:honour HON\)$/ },
  },
  {
    what: 'a floor was lifted',
    by: `update ledger.account set floor = null where village = '${home}' and code = '${available}'`,
    seen: { floors: /^account \d+ \(household:.*:available PTS\)$/ },
  },
  {
    what: 'an account fell below its floor',
    by: `alter table ledger.account drop constraint account_floor;
         update ledger.transfer set from_balance = -1 where ${at(4)} and line = 1`,
    seen: { running: /^transaction 4 line 1, account/ },
  },
  {
    what: 'more was spent than there was',
    by: `update ledger.transfer set amount = 900 where ${at(4)}`,
    seen: { floors: /^transaction 4 line 1, account household:.*:available PTS$/, leaves: /^transaction 4$/ },
  },
  {
    what: 'points with a last day were changed',
    by: `update ledger.account set lots = '{"2027-11-30": 4}' where village = '${home}' and code = '${available}'`,
    seen: { lots: /^account \d+ \(household:.*:available PTS\)$/ },
  },
  {
    what: 'what was moved of points with a last day was changed',
    by: `update ledger.transaction set frozen = frozen || '{"lots:1": "2027-11-30=4"}' where ${at(2)}`,
    seen: { lots: /^transaction [24] line 1, account|^account/, leaves: /^transaction 2$/ },
  },
  {
    what: 'more points have a last day than there are',
    by: `update ledger.transaction set frozen = frozen || '{"lots:1": "2027-11-30=40"}' where ${at(2)}`,
    seen: { lots: /^transaction 2 lots:1$/ },
  },
  {
    what: 'a frozen term is no text, which its hash does not tell',
    by: `alter table ledger.transaction drop constraint if exists transaction_frozen_form;
         update ledger.transaction set frozen = frozen || '{"rule": 5}' where ${at(2)}; ${forge}`,
    seen: { forms: /^transaction 2$/ },
  },
  {
    what: 'a year before Christ looks like one after',
    by: `update ledger.transaction set business_date = (to_char(business_date, 'YYYY-MM-DD') || ' BC')::date where ${at(2)}`,
    seen: { forms: /^transaction 2$/ },
  },
  {
    what: 'the service forgot to rewrite its own checkpoint',
    by: `insert into audit.checkpoint select '${home}', 2, 'jifen.example/books/${home}', sha256('other'), sha256('key'),
           E'jifen.example/books/${home}\n2\n' || encode(sha256('other'), 'base64') || E'\n\n', now(), 1, null`,
    seen: { checkpoints: /^checkpoint of 2 transactions \(jifen.example/ },
  },
  {
    what: 'the time of the last posting was changed',
    by: `update ledger.book set posted_at = posted_at + interval '1 s' where village = '${home}'`,
    seen: { order: /^book$/ },
  },
  {
    what: 'the book is gone',
    by: `delete from ledger.book where village = '${home}'`,
    seen: { numbers: /^book$/ },
  },
  {
    what: 'an amount is out of bounds, and negative',
    by: `alter table ledger.transfer drop constraint transfer_amount;
         update ledger.transfer set amount = -5 where ${at(2)} and line = 1`,
    seen: { amounts: /^transaction 2 line 1$/ },
  },
  {
    what: 'an account pays itself',
    by: `alter table ledger.transfer drop constraint transfer_two_accounts;
         update ledger.transfer set to_account = from_account where ${at(2)} and line = 1`,
    seen: { amounts: /^transaction 2 line 1$/ },
  },
  {
    what: 'a reversal is no mirror',
    by: `update ledger.transfer set amount = amount + 1 where ${at(6)}`,
    seen: { reversals: /^transaction 6$/ },
  },
  {
    what: 'a transaction is reversed twice',
    by: `drop index ledger.transaction_reverses_key;
         update ledger.transaction set reverses = 5 where ${at(7)}`,
    seen: { reversals: /^transaction 7$/ },
  },
  {
    what: 'a transaction is mirrored twice',
    by: `drop index ledger.transaction_reverses_key;
         create temp table again on commit drop as select * from ledger.transaction where ${at(6)};
         create temp table moved on commit drop as select * from ledger.transfer where ${at(6)};
         update again set number = 9, cause = cause || 'x'; update moved set number = 9;
         insert into ledger.transaction select * from again; insert into ledger.transfer select * from moved`,
    seen: { reversals: /^transaction 9$/ },
  },
  {
    what: 'a reversal reverses what never was',
    by: `update ledger.transaction set reverses = 80 where ${at(6)}`,
    seen: { reversals: /^transaction 6$/ },
  },
  {
    what: 'a cause was posted twice',
    by: `alter table ledger.transaction drop constraint transaction_cause_key;
         update ledger.transaction set kind = o.kind, cause = o.cause from ledger.transaction o
          where ledger.transaction.village = '${home}' and ledger.transaction.number = 3
            and o.village = '${home}' and o.number = 2`,
    seen: { order: /^transaction 3$/ },
  },
  {
    what: 'a second person was put in',
    by: `alter table ledger.transaction drop constraint transaction_second_person;
         update ledger.transaction set approver = actor where ${at(2)}`,
    seen: { order: /^transaction 2$/, leaves: /^transaction 2$/ },
  },
  {
    what: 'time runs backwards',
    by: `update ledger.transaction set posted_at = posted_at - interval '1 day' where ${at(5)}`,
    seen: { order: /^transaction 5$/, leaves: /^transaction 5$/ },
  },
  {
    what: 'points were spent on a day before they came',
    by: `update ledger.transaction set business_date = '2026-11-01' where ${at(4)}`,
    seen: { floors: /^transaction 4 line 1, account household:.*:available PTS$/, leaves: /^transaction 4$/ },
  },
  {
    what: 'points came on a day after they were spent',
    by: `update ledger.transaction set business_date = '2026-12-01' where ${at(1)};
         update ledger.transaction set business_date = '2026-12-01' where ${at(2)};
         update ledger.transaction set business_date = '2026-12-01' where ${at(3)}; ${forge}`,
    seen: { floors: /^transaction 4 line 1, account household:.*:available PTS$/ },
  },
  {
    what: 'the head of the book was changed',
    by: `update ledger.book set head = sha256('other') where village = '${home}'`,
    seen: { chain: /^book$/ },
  },
  {
    what: 'the number of the book was changed',
    by: `update ledger.book set number = number + 1 where village = '${home}'`,
    seen: { numbers: /^book$/ },
  },
  {
    what: 'an account was hidden',
    by: `delete from ledger.account where village = '${home}' and code = '${honour}'`,
    seen: { strays: /line 2$/, numbers: /^book$/, leaves: /^transaction 1$/ },
  },
];

t.test('verify', async t => {
  const books = await openBooks(t);
  const limits = [{ key: 'k1', use: 2, max: 4, code: 'cap-reached' as const }];
  const two = [
    { from: 'issued', to: available, asset: 'PTS' as const, amount: 5 },
    { from: 'issued', to: honour, asset: 'HON' as const, amount: 5 },
  ];
  const order = { redemptionId: randomUUIDv7(), householdId: ids.household, storeId: ids.store, points: 3, goods: [] };
  await books.post([
    give(5, { transfers: two, frozen: { rule: 'ENV01' }, memo: '第一组' }),
    give(4),
    give(3, { limits }),
    redemption(event, order, { limits: [], frozen: {} }),
    give(2, { limits: [{ ...limits[0]!, use: 1 }] }),
  ]);
  await books.post([{ ...reversal(event, 5), id: randomUUIDv7() }, give(1), spend(1)]);
  await books.post([give(1)], { village: sibling });
  const verify = () => books.database.inExport(home, db => verifyBook(db, home));

  await t.test('a sound book is found sound, through the service’s own role', async t => {
    const sound = await verify();
    const head = await books.superuser.query(
      `select encode(head, 'hex') as head from ledger.book where village = '${home}'`,
    );
    t.match(sound, { sound: true, number: 8, headHash: head.rows[0].head });
    t.strictSame(
      sound.checks.filter(check => !check.ok || check.findings.length > 0),
      [],
    );
    t.equal(sound.checks.length, 14);
    t.match(await books.database.inExport(sibling, db => verifyBook(db, sibling)), { sound: true, number: 1 });
  });

  await t.test('an empty book is sound', async t => {
    await books.database.inTransaction('520281127109', tx => openBook(tx, '520281127109', []));
    t.match(await books.database.inExport('520281127109', db => verifyBook(db, '520281127109')), {
      sound: true,
      number: 0,
      headHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    });
  });

  /** What verify says after `by`, which is then undone. */
  const after = async (by: string): Promise<Soundness> => {
    await books.superuser.query('begin; set local session_replication_role = replica');
    try {
      await books.superuser.query(by);
      return await verifyBook(drizzle(books.superuser, { casing: 'snake_case' }) as unknown as Db, home);
    } finally {
      await books.superuser.query('rollback');
    }
  };

  for (const { what, by, seen } of tamperings) {
    await t.test(`it sees that ${what}`, async t => {
      const { sound, checks } = await after(by);
      t.equal(sound, false);
      for (const [name, place] of Object.entries(seen)) {
        const { ok, findings } = checks.find(check => check.name === name)!;
        t.equal(ok, false, name);
        const there = findings.find(finding => place.test(finding.place));
        t.match(there, { check: name, expected: String, found: String }, `${name}: ${JSON.stringify(findings)}`);
        t.not(there?.expected, there?.found);
      }
    });
  }

  await t.test('findings are bounded', async t => {
    const { checks } = await after(`
      insert into ledger.limit_use select '${home}', 'many' || i, 1, 3 from generate_series(1, 100) i`);
    t.equal(checks.find(check => check.name === 'limits')!.findings.length, 24);
  });

  await t.test(
    'a tail that was rewritten whole, hashes and all, looks sound: it takes a hash kept elsewhere',
    async t => {
      const kept = (await verify()).headHash;
      const forged = await after(`update ledger.transaction set memo = '伪造' where ${at(7)}; ${forge}`);
      t.equal(forged.sound, true);
      t.not(forged.headHash, kept);
    },
  );

  t.match(await verify(), { sound: true }, 'nothing of all this stayed');
});
