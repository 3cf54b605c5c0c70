import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { Agent, request } from 'node:http';
import pg from 'pg';
import { award } from '../src/ledger/transactions.ts';
import type { Fixture } from './fixture.ts';

/** One way of crediting a point. `once` does it a single time, as client number `client`. */
export interface Contestant {
  name: string;
  once(client: number): Promise<void>;
  close(): Promise<void>;
}

const clientsMax = 16;

/** Through HTTP, with everything on: token, scope, grants, strict schemas, idempotency, caps, chain. */
export function throughHttp(fixture: Fixture): Contestant {
  const agent = new Agent({ keepAlive: true, maxSockets: clientsMax });
  return {
    name: 'http',
    async once() {
      const { village, ruleId, households, token } = pick(fixture.villages);
      const body = JSON.stringify({ ruleId, householdId: pick(households), memberId: null, quantity: 1, note: null });
      await send(agent, `${fixture.origin}/v1/villages/${village}/awards`, token, body);
    },
    close: async () => agent.destroy(),
  };
}

/** `ledger.post` called directly, on a connection of its own: one statement, one command. */
export async function directPost(fixture: Fixture): Promise<Contestant> {
  const clients = await connect(fixture.appUrl, "set jifen.scope = '52'");
  return {
    name: 'direct',
    async once(client) {
      const { village, households } = pick(fixture.villages);
      const householdId = pick(households);
      const now = new Date().toISOString();
      const event = { actor: fixture.villages[0]!.households[0]!, occurredAt: now, businessDate: now.slice(0, 10) };
      const limit = (key: string, max: number) => ({ key, use: 1, max, code: 'cap-reached' as const });
      const command = award(event, {
        awardId: randomUUIDv7(),
        householdId,
        points: 1,
        honour: true,
        pending: false,
        limits: [limit(`bench:${householdId}:rule`, 10_000_000), limit(`bench:${householdId}:day`, 10_000_000)],
        frozen: { ruleCode: 'ENV01', ruleBookTitle: 'bench', quantity: '1' },
      });
      const { rows } = await clients[client]!.query({
        name: 'post',
        text: 'select ledger.post($1, $2::jsonb) as results',
        values: [village, JSON.stringify([command])],
      });
      if (rows[0].results[0].status !== 'posted') throw new Error(JSON.stringify(rows[0].results));
    },
    close: () => end(clients),
  };
}

/**
 * What a user would write by hand: read the balance and lock it, check it, two entries, two balances. No numbers, no
 * chain, no idempotency, no caps.
 */
export async function handWritten(fixture: Fixture): Promise<Contestant> {
  const owner = new pg.Client({ connectionString: fixture.ownerUrl });
  await owner.connect();
  await owner.query(`
    create schema if not exists hand;
    create table if not exists hand.account (id int primary key, balance bigint not null);
    create table if not exists hand.entry (
      id bigint generated always as identity primary key, account int not null references hand.account,
      amount bigint not null, balance bigint not null, at timestamptz not null default now());
    create index if not exists entry_account on hand.entry (account, id);
    truncate hand.account, hand.entry;
    insert into hand.account select n, 0 from generate_series(0, ${households(fixture)}) n;`);
  await owner.end();
  const clients = await connect(fixture.ownerUrl);
  return {
    name: 'handWritten',
    async once(client) {
      const db = clients[client]!;
      // Account 0 issues the points; one a village would be fairer to it, and is what it gets.
      const issuer = 1 + Math.floor(Math.random() * fixture.villages.length);
      const household =
        1 + fixture.villages.length + Math.floor(Math.random() * (households(fixture) - fixture.villages.length));
      await db.query('begin');
      const { rows } = await db.query({
        name: 'lock',
        text: 'select id, balance from hand.account where id in ($1, $2) order by id for update',
        values: [issuer, household],
      });
      const [from, to] = rows as { id: number; balance: number }[];
      if (Number(to!.balance) + 1 < 0) throw new Error('below zero');
      const entry = (id: number, amount: number, balance: number) =>
        db.query({
          name: 'entry',
          text: 'insert into hand.entry (account, amount, balance) values ($1, $2, $3)',
          values: [id, amount, balance],
        });
      await entry(from!.id, -1, Number(from!.balance) - 1);
      await entry(to!.id, 1, Number(to!.balance) + 1);
      const update = (id: number, amount: number) =>
        db.query({
          name: 'update',
          text: 'update hand.account set balance = balance + $2 where id = $1',
          values: [id, amount],
        });
      await update(from!.id, -1);
      await update(to!.id, 1);
      await db.query('commit');
    },
    close: () => end(clients),
  };
}

function households(fixture: Fixture): number {
  return fixture.villages.length * (1 + fixture.villages[0]!.households.length);
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}

async function connect(url: string, first = 'select 1'): Promise<pg.Client[]> {
  return Promise.all(
    Array.from({ length: clientsMax }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(first);
      return client;
    }),
  );
}

async function end(clients: pg.Client[]): Promise<void> {
  await Promise.all(clients.map(client => client.end()));
}

function send(agent: Agent, url: string, token: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'idempotency-key': randomUUID(),
      },
    });
    call.on('response', answer => {
      let text = '';
      answer.on('data', chunk => {
        text += chunk;
      });
      answer.on('end', () =>
        answer.statusCode === 201 ? resolve() : reject(new Error(`${answer.statusCode} ${text}`)),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
