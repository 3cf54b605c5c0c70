import type pg from 'pg';
import { connectAll, connectAsOwner, endAll, type Fixture, onClient } from './fixture.ts';
import { asking, type Contestant, clientsMax } from './race.ts';
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
    once(client) {
      const { issuer, household } = drawn(fixture);
      return creditByHand(connections[client]!, issuer, household, 1);
    },
    close: () => endAll(connections),
  });
}

/** The same behind a bare Fastify route in a process of its own: its body is judged by a schema, its caller is not. */
export async function throughHttpByHand(fixture: Fixture): Promise<Contestant> {
  const service: ServiceProcess = await startProcess('hand-written-service.ts', '/ready', {
    DATABASE_URL: fixture.ownerUrl,
  });
  const wires = await Promise.all(Array.from({ length: clientsMax }, () => openWire(service.port)));
  return asking({
    name: 'handWrittenHttp',
    async once(client) {
      const body = JSON.stringify({ ...drawn(fixture), points: 1 });
      expectStatus(await wires[client]!.ask(requestText('POST', '/credits', [], body)), 201);
    },
    async close() {
      for (const wire of wires) wire.close();
      await service.stop();
    },
  });
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
