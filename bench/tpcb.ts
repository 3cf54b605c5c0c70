import type pg from 'pg';
import { connectAll, connectAsOwner, endAll, type Fixture, onClient } from './fixture.ts';
import { clockOfThis } from './processor-time.ts';
import { asking, type Contestant, clientsMax } from './race.ts';

/*
 * The transaction of pgbench (PostgreSQL documentation, "pgbench", section on the built-in script tpcb-like), with its
 * tables at its scale, prepared as `-M prepared` does, each statement a round trip. The scale is at least the number of
 * clients: each branch is one row, and they would queue for it.
 */
export const accountsPerBranch = 100_000;
export const tellersPerBranch = 10;

export async function makeTpcbTables(fixture: Fixture, scale: number): Promise<void> {
  await onClient(fixture.ownerUrl, async client => {
    await client.query('create schema tpcb');
    await client.query(`
      create table tpcb.branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100);
      create table tpcb.tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
      create table tpcb.accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100);
      create table tpcb.history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
      insert into tpcb.branches (bid, bbalance) select n, 0 from generate_series(1, ${scale}) n;
      insert into tpcb.tellers (tid, bid, tbalance)
        select n, (n - 1) / ${tellersPerBranch} + 1, 0 from generate_series(1, ${scale * tellersPerBranch}) n;
      insert into tpcb.accounts (aid, bid, abalance, filler)
        select n, (n - 1) / ${accountsPerBranch} + 1, 0, '' from generate_series(1, ${scale * accountsPerBranch}) n;
      alter table tpcb.branches add primary key (bid);
      alter table tpcb.tellers add primary key (tid);
      alter table tpcb.accounts add primary key (aid)`);
    for (const table of ['branches', 'tellers', 'accounts']) await client.query(`vacuum analyze tpcb.${table}`);
    await client.query('checkpoint');
  });
}

export async function tpcb(fixture: Fixture, scale: number): Promise<Contestant> {
  const connections = await connectAll(clientsMax, () => connectAsOwner(fixture));
  return asking({
    name: 'tpcb',
    unit: 'Transaction',
    program: clockOfThis,
    once: client => transact(connections[client]!, scale),
    close: () => endAll(connections),
  });
}

async function transact(client: pg.Client, scale: number): Promise<void> {
  const aid = upTo(accountsPerBranch * scale);
  const bid = upTo(scale);
  const tid = upTo(tellersPerBranch * scale);
  const delta = upTo(10_001) - 5_001;
  const ask = (name: string, text: string, values: number[]) => client.query({ name, text, values });
  await client.query('begin');
  await ask('accounts', 'update tpcb.accounts set abalance = abalance + $1 where aid = $2', [delta, aid]);
  await ask('balance', 'select abalance from tpcb.accounts where aid = $1', [aid]);
  await ask('tellers', 'update tpcb.tellers set tbalance = tbalance + $1 where tid = $2', [delta, tid]);
  await ask('branches', 'update tpcb.branches set bbalance = bbalance + $1 where bid = $2', [delta, bid]);
  const history = 'insert into tpcb.history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, current_timestamp)';
  await ask('history', history, [tid, bid, aid, delta]);
  await client.query('end');
}

function upTo(n: number): number {
  return 1 + Math.floor(Math.random() * n);
}
