import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Fixture } from './fixture.ts';
import { clockOfEnded } from './processor-time.ts';
import { type Contestant, clientsMax } from './race.ts';
import { accountsPerBranch, tellersPerBranch } from './tpcb.ts';

/**
 * TPC-B by pgbench itself, on the tables of `makeTpcbTables`: a client in C leaves more of the two cores to PostgreSQL.
 * Undefined on a machine that has none.
 */
export async function pgbench({ ownerUrl }: Fixture, scale: number): Promise<Contestant | undefined> {
  if (!(await run(ownerUrl, ['--version'])).startsWith('pgbench')) return undefined;
  return {
    name: 'pgbench',
    unit: 'Transaction',
    program: clockOfEnded,
    async work(seconds) {
      // Its clients sign in within that time, which on a busy machine may be a second.
      const clients = ['-c', String(clientsMax), '-j', '2', '-T', String(Math.ceil(seconds) + 1)];
      const args = ['-n', '-M', 'prepared', ...clients, '-D', `scale=${scale}`, '-f', '-'];
      const output = await run(ownerUrl, args, script);
      const tps = /^tps = ([0-9.]+)/m.exec(output);
      const count = /^number of transactions actually processed: ([0-9]+)/m.exec(output);
      if (tps === null || count === null) throw new Error(`pgbench: ${output}`);
      return { count: Number(count[1]), seconds: Number(count[1]) / Number(tps[1]) };
    },
  };
}

/** What pgbench prints; nothing where there is no such program. */
async function run(url: string, args: string[], input = ''): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const where = {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
  };
  const child = spawn('pgbench', args, { env: { ...process.env, ...where }, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close').catch(() => undefined);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const output = await text(child.stdout).catch(() => '');
  await ended;
  return output;
}

const script = `
\\set aid random(1, ${accountsPerBranch} * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, ${tellersPerBranch} * :scale)
\\set delta random(-5000, 5000)
begin;
update tpcb.accounts set abalance = abalance + :delta where aid = :aid;
select abalance from tpcb.accounts where aid = :aid;
update tpcb.tellers set tbalance = tbalance + :delta where tid = :tid;
update tpcb.branches set bbalance = bbalance + :delta where bid = :bid;
insert into tpcb.history (tid, bid, aid, delta, mtime) values (:tid, :bid, :aid, :delta, current_timestamp);
end;
`;
