import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Fixture, onClient } from './fixture.ts';

/*
 * The hand-written transaction with the promises that ours keeps: the sign-in still stands, a key answers once, caps and
 * lots hold, the book is numbered and chained, honour grows too, and the award is on record. Statement by statement, as it
 * is written where everything is asked of the database when it is needed; each a round trip, each prepared.
 */

export interface WholeCredit {
  session: string;
  key: string;
  fingerprint: string;
  village: number;
  household: number;
  quantity: number;
}

const expiresOn = '2030-12-31';

/** Answers what was answered first under the key. */
export async function creditWholeByHand(client: pg.ClientBase, credit: WholeCredit): Promise<string> {
  const ask = (name: string, text: string, values: unknown[]) => client.query({ name: `whole-${name}`, text, values });
  const day = new Date().toISOString().slice(0, 10);
  await client.query('begin');
  try {
    const session = await ask('session', 'select user_id from whole.session where id = $1 and ended_at is null', [
      credit.session,
    ]);
    const userId = session.rows[0]?.user_id;
    const grant = 'select from whole.clerk where user_id = $1 and $2 between from_village and to_village';
    if ((await ask('grant', grant, [userId, credit.village])).rowCount === 0)
      throw new Error('not a clerk of the village');
    const claimed = await ask(
      'claim',
      'insert into whole.key (client, key, fingerprint) values ($1, $2, $3) on conflict do nothing',
      [userId, credit.key, credit.fingerprint],
    );
    if (claimed.rowCount === 0) {
      const kept = await ask('kept', 'select body from whole.key where client = $1 and key = $2', [userId, credit.key]);
      await client.query('rollback');
      return kept.rows[0].body;
    }
    const rule = await ask('rule', 'select id, points, cap_times from whole.rule where village = $1', [credit.village]);
    const { points: unit, cap_times: capTimes } = rule.rows[0];
    const points = unit * credit.quantity;
    const household = await ask('household', 'select state from whole.household where id = $1', [credit.household]);
    if (household.rows[0].state !== 'active') throw new Error('not active');
    const book = await ask('book', 'select number, head from whole.book where village = $1 for update', [
      credit.village,
    ]);
    const number = Number(book.rows[0].number) + 1;
    const cap = `insert into whole.cap (key, used) values ($1, $2)
      on conflict (key) do update set used = cap.used + excluded.used where cap.used + excluded.used <= $3`;
    const within = async (key: string, use: number, max: number) => {
      if ((await ask('cap', cap, [key, use, max])).rowCount === 0) throw new Error('cap reached');
    };
    await within(`rule:${credit.household}:${day}`, credit.quantity, capTimes);
    await within(`day:${credit.household}:${day}`, points, 1_000_000);
    const id = randomUUID();
    const lines = [
      { from: -2 * credit.village, to: 2 * credit.household },
      { from: -2 * credit.village - 1, to: 2 * credit.household + 1 },
    ];
    const hash = createHash('sha256')
      .update(book.rows[0].head)
      .update(`${credit.village} ${number} award ${id} ${userId} ${day}\n`)
      .update(lines.map(line => `${line.from} ${line.to} ${points}\n`).join(''))
      .digest();
    await ask(
      'transaction',
      'insert into whole.transaction (village, number, cause, actor, hash) values ($1, $2, $3, $4, $5)',
      [credit.village, number, `award:${id}`, userId, hash],
    );
    for (const { from, to } of lines) {
      const locked = await ask(
        'accounts',
        'select id, balance from whole.account where id in ($1, $2) order by id for update',
        [from, to],
      );
      for (const { id: account, balance } of locked.rows) {
        const amount = account === from ? -points : points;
        const after = Number(balance) + amount;
        await ask(
          'entry',
          'insert into whole.entry (village, number, account, amount, balance) values ($1, $2, $3, $4, $5)',
          [credit.village, number, account, amount, after],
        );
        await ask('balance', 'update whole.account set balance = $2 where id = $1', [account, after]);
      }
    }
    await ask(
      'lot',
      `insert into whole.lot (account, expires_on, points) values ($1, $2, $3)
       on conflict (account, expires_on) do update set points = lot.points + excluded.points`,
      [2 * credit.household, expiresOn, points],
    );
    await ask('head', 'update whole.book set number = $2, head = $3 where village = $1', [
      credit.village,
      number,
      hash,
    ]);
    await ask(
      'award',
      'insert into whole.award (id, village, household, rule, points, number) values ($1, $2, $3, $4, $5, $6)',
      [id, credit.village, credit.household, rule.rows[0].id, points, number],
    );
    const body = JSON.stringify({ id, number, points, state: 'posted' });
    await ask('answer', 'update whole.key set status = 201, body = $3 where client = $1 and key = $2', [
      userId,
      credit.key,
      body,
    ]);
    await client.query('commit');
    return body;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** As many villages and households as the fixture has; session n is that of client n. */
export async function makeWholeTables(fixture: Fixture, sessions: string[]): Promise<void> {
  const villages = fixture.villages.length;
  const households = villages * fixture.villages[0]!.households.length;
  await onClient(fixture.ownerUrl, async client => {
    await client.query(`
      create schema whole;
      create table whole.session (id uuid primary key, user_id uuid not null, ended_at timestamptz);
      create table whole.clerk (user_id uuid not null, from_village int not null, to_village int not null,
        primary key (user_id, from_village));
      create table whole.key (client uuid not null, key text not null, fingerprint text not null, status int, body text,
        at timestamptz not null default now(), primary key (client, key));
      create index key_at on whole.key (at);
      create table whole.book (village int primary key, number bigint not null, head bytea not null);
      create table whole.rule (id int primary key, village int not null unique, points int not null, cap_times int not null);
      create table whole.household (id int primary key, state text not null);
      create table whole.account (id int primary key, balance bigint not null, check (id < 0 or balance >= 0));
      create table whole.lot (account int not null references whole.account, expires_on date not null,
        points bigint not null, primary key (account, expires_on));
      create table whole.cap (key text primary key, used bigint not null);
      create table whole.transaction (village int not null references whole.book, number bigint not null,
        cause text not null, actor uuid not null, hash bytea not null, at timestamptz not null default now(),
        primary key (village, number), unique (village, cause));
      create table whole.entry (id bigint generated always as identity primary key, village int not null,
        number bigint not null, account int not null references whole.account, amount bigint not null,
        balance bigint not null, foreign key (village, number) references whole.transaction);
      create index entry_account on whole.entry (account, id);
      create table whole.award (id uuid primary key, village int not null,
        household int not null references whole.household, rule int not null references whole.rule, points int not null,
        number bigint not null, unique (village, number));
      create index award_household on whole.award (household, number);
      insert into whole.book select n, 0, '' from generate_series(1, ${villages}) n;
      insert into whole.rule select n, n, 1, 10000 from generate_series(1, ${villages}) n;
      insert into whole.household select n, 'active' from generate_series(1, ${households}) n;
      insert into whole.account select n, 0 from generate_series(2, 2 * ${households} + 1) n;
      insert into whole.account select -n, 0 from generate_series(2, 2 * ${villages} + 1) n;
      analyze whole.household; analyze whole.account; analyze whole.rule; analyze whole.book`);
    for (const session of sessions) {
      const user = randomUUID();
      await client.query('insert into whole.session (id, user_id) values ($1, $2)', [session, user]);
      await client.query('insert into whole.clerk values ($1, 1, $2)', [user, villages]);
    }
  });
}
