import { randomBytes, randomUUID } from 'node:crypto';
import jwt from '@fastify/jwt';
import Fastify from 'fastify';
import type pg from 'pg';
import { connectAll, connectAsOwner, endAll, type Fixture, onClient } from './fixture.ts';
import { makeWholeTables } from './hand-written-whole.ts';
import { clockOfThis, clockOfTree } from './processor-time.ts';
import { asking, type Contestant, clientsMax, manyClients } from './race.ts';
import { type ServiceProcess, startProcess } from './service-process.ts';
import { expectStatus, openWire, requestText } from './wire.ts';

/*
 * What a user would write by hand: lock the two balances, check, two entries, two balances. No number, no chain, no
 * idempotency, no caps. It gets one issuer for each village, as the books have, and as many households.
 */

/** One credit on one connection: six round trips. */
export async function creditByHand(client: pg.ClientBase, issuer: number, household: number, points: number) {
  const ask = (name: string, text: string, values: unknown[]) => client.query({ name, text, values });
  await client.query('begin');
  try {
    const { rows } = await ask(
      'lock',
      'select id, balance from hand.account where id in ($1, $2) order by id for update',
      [issuer, household],
    );
    const balanceOf = (id: number) => Number(rows.find(row => row.id === id).balance);
    const after = { issuer: balanceOf(issuer) - points, household: balanceOf(household) + points };
    if (after.household < 0) throw new Error('below zero');
    const entry = 'insert into hand.entry (account, amount, balance) values ($1, $2, $3)';
    await ask('entry', entry, [issuer, -points, after.issuer]);
    await ask('entry', entry, [household, points, after.household]);
    const update = 'update hand.account set balance = $2 where id = $1';
    await ask('update', update, [issuer, after.issuer]);
    await ask('update', update, [household, after.household]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

export async function makeHandWrittenTables(fixture: Fixture): Promise<void> {
  const { accounts } = rangesOf(fixture);
  await onClient(fixture.ownerUrl, client =>
    client.query(`
      create schema hand;
      create table hand.account (id int primary key, balance bigint not null);
      create table hand.entry (
        id bigint generated always as identity primary key, account int not null references hand.account,
        amount bigint not null, balance bigint not null, at timestamptz not null default now());
      create index entry_account on hand.entry (account, id);
      insert into hand.account select n, 0 from generate_series(1, ${accounts}) n;
      analyze hand.account`),
  );
}

export async function directByHand(fixture: Fixture): Promise<Contestant> {
  const connections = await connectAll(clientsMax, () => connectAsOwner(fixture));
  return asking({
    name: 'handWritten',
    unit: 'Credit',
    program: clockOfThis,
    once(client) {
      const { issuer, household } = drawn(fixture);
      return creditByHand(connections[client]!, issuer, household, 1);
    },
    close: () => endAll(connections),
  });
}

/**
 * Both hand-written transactions behind routes of one bare Fastify process: the one above, whose body is validated by a
 * schema and its caller not at all, and the one with all promises, whose caller shows a signed token.
 */
export async function throughHttpByHand(
  fixture: Fixture,
): Promise<{ bare: Contestant; whole: Contestant; wholeByFew: Contestant }> {
  const secret = randomBytes(32).toString('hex');
  const service: ServiceProcess = await startProcess('hand-written-service.ts', '/ready', {
    DATABASE_URL: fixture.ownerUrl,
    TOKEN_SECRET: secret,
  });
  const sessions = Array.from({ length: manyClients }, () => randomUUID());
  await makeWholeTables(fixture, sessions);
  const signer = Fastify();
  await signer.register(jwt, { secret });
  const tokens = sessions.map(sid => signer.jwt.sign({ sid }, { expiresIn: '3h' }));
  const wires = await Promise.all(sessions.map(() => openWire(service.port)));
  const post = async (client: number, path: string, headers: string[], body: object) =>
    expectStatus(await wires[client]!.ask(requestText('POST', path, headers, JSON.stringify(body))), 201);
  const counted = { unit: 'Credit', program: clockOfTree(service.pid) };
  const bare = asking({
    ...counted,
    name: 'bareHandWrittenHttp',
    clients: manyClients,
    once: client => post(client, '/credits', [], { ...drawn(fixture), points: 1 }),
  });
  const whole = asking({
    ...counted,
    name: 'handWrittenHttp',
    clients: manyClients,
    once(client) {
      const { issuer: village, household } = drawn(fixture);
      const headers = [`authorization: Bearer ${tokens[client]}`, `idempotency-key: ${randomUUID()}`];
      const body = { household: household - fixture.villages.length, quantity: 1 };
      return post(client, `/villages/${village}/credits`, headers, body);
    },
    async close() {
      for (const wire of wires) wire.close();
      await service.stop();
    },
  });
  const wholeByFew = asking({ ...counted, name: 'handWrittenHttp16', once: whole.once });
  return { bare, whole, wholeByFew };
}

function rangesOf({ villages }: Fixture): { issuers: number; accounts: number } {
  const issuers = villages.length;
  return { issuers, accounts: issuers * (1 + villages[0]!.households.length) };
}

function drawn(fixture: Fixture): { issuer: number; household: number } {
  const { issuers, accounts } = rangesOf(fixture);
  return {
    issuer: 1 + Math.floor(Math.random() * issuers),
    household: 1 + issuers + Math.floor(Math.random() * (accounts - issuers)),
  };
}
