import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import tap, { type Test, test } from 'tap';
import { openBookSigner } from '../src/checkpoints/signer.ts';
import { freePort } from '../src/db/embedded-postmaster.ts';
import { digestOf } from './support/digest.ts';
import { jifen } from './support/installation.ts';
import { clockAt } from './support/service.ts';
import { until } from './support/waiting.ts';

tap.setTimeout(180_000);

const bin = '/usr/lib/postgresql/15/bin';

test('the commands of docs/backup.md back up an external PostgreSQL and restore it', async t => {
  if (!existsSync(join(bin, 'pg_basebackup'))) return t.pass('skipped: needs postgresql-15');
  const scratch = await mkdtemp(join(tmpdir(), 'jifen-external-'));
  await chmod(scratch, 0o777);
  const machine = await openMachine(t, scratch);
  const [conf, backUp, copyFolders, restore, copyBack] = await blocks();
  const settings = conf!.replaceAll('$BACKUP', machine.env.BACKUP);
  await machine.asPostgres(
    `initdb -D "$PGDATA" -U postgres --pwfile=${scratch}/password -A scram-sha-256 -E UTF8 --locale=C.UTF-8`,
  );
  await machine.asPostgres(
    `cat >> "$PGDATA/postgresql.conf" <<'END'\n${settings}\nport = ${machine.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nEND\npg_ctl start --pgdata="$PGDATA" --wait --log="${scratch}/log-$(date +%s%N)"`,
  );

  const env = { DATABASE_URL: machine.url, JIFEN_DATA_DIR: machine.env.JIFEN_DATA_DIR };
  t.match(await jifen(t, env, ['admin', 'create', 'before1', '管理员']), { code: 0 });
  openBookSigner(join(env.JIFEN_DATA_DIR, 'keys'), {
    origin: 'https://jifen.example',
    clock: clockAt('2026-11-23T02:00:00Z'),
  });
  await mkdir(join(env.JIFEN_DATA_DIR, 'photos'));
  await writeFile(join(env.JIFEN_DATA_DIR, 'photos', 'one.jpg'), 'a photo');
  await machine.asPostgres(backUp!);
  await machine.run(copyFolders!);

  t.match(await jifen(t, env, ['admin', 'create', 'between1', '管理员']), { code: 0 });
  const wanted = await machine.digest();
  const [{ moment }] = await machine.query('select clock_timestamp()::text as moment');
  t.match(await jifen(t, env, ['admin', 'create', 'after1', '管理员']), { code: 0 });
  t.notSame(await machine.digest(), wanted);
  const [{ segment }] = await machine.query('select pg_walfile_name(pg_switch_wal()) as segment');
  const isArchived = `select from pg_stat_archiver where last_archived_wal >= '${segment}'`;
  await until(async () => (await machine.query(isArchived)).length > 0, 'the log is archived');

  await machine.asPostgres('pg_ctl stop --pgdata="$PGDATA" --mode=immediate');
  await rm(machine.env.PGDATA, { recursive: true });
  await rm(env.JIFEN_DATA_DIR, { recursive: true });
  await machine.asPostgres(restore!.replace('--wait', `--wait --log="${scratch}/log-restored"`), { MOMENT: moment });
  const isRecovered = 'select where not pg_is_in_recovery()';
  await until(async () => (await machine.query(isRecovered)).length > 0, 'the recovery has ended');
  t.same(await machine.digest(), wanted, 'row by row, as of the moment');
  await machine.run(copyBack!.replace('npx jifen verify', ''));
  t.match(await jifen(t, env, ['verify']), { code: 0, err: '' });
  t.same(await readdir(join(env.JIFEN_DATA_DIR, 'photos')), ['one.jpg']);
  t.equal((await readdir(join(env.JIFEN_DATA_DIR, 'keys'))).length, 1);
});

/** The code of the page's last section, in order. */
async function blocks(): Promise<string[]> {
  const page = await readFile(new URL('../docs/backup.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## An external PostgreSQL'));
  return [...section.matchAll(/```(?:sh|conf)\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

async function openMachine(t: Test, scratch: string) {
  const port = await freePort();
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    PGDATA: join(scratch, 'cluster'),
    BACKUP: join(scratch, 'backup'),
    JIFEN_DATA_DIR: join(scratch, 'data'),
    SUPERUSER_URL: `postgres://postgres:secret@127.0.0.1:${port}/postgres`,
  };
  await writeFile(join(scratch, 'password'), 'secret');
  await mkdir(join(env.BACKUP, 'log'), { recursive: true });
  const account = process.getuid?.() === 0 ? await postgresAccount() : {};
  if (account.uid !== undefined)
    for (const folder of [env.BACKUP, join(env.BACKUP, 'log')]) await chown(folder, account.uid, account.gid!);
  const shell = (code: string, more: object, as: { uid?: number; gid?: number }) =>
    promisify(execFile)('bash', ['-euc', code], { env: { ...env, ...more }, cwd: scratch, ...as });
  const asPostgres = (code: string, more = {}) => shell(code, more, account);
  const query = async (statement: string) => {
    const client = new pg.Client({ connectionString: env.SUPERUSER_URL });
    await client.connect();
    try {
      return (await client.query(statement)).rows;
    } finally {
      await client.end();
    }
  };
  t.teardown(async () => {
    await asPostgres('pg_ctl stop --pgdata="$PGDATA" --mode=immediate').catch(() => undefined);
    await rm(scratch, { recursive: true, force: true });
  });
  return {
    env,
    port,
    url: env.SUPERUSER_URL,
    asPostgres,
    run: (code: string) => shell(code, {}, {}),
    query,
    async digest() {
      const client = new pg.Client({ connectionString: env.SUPERUSER_URL });
      await client.connect();
      try {
        return await digestOf(client);
      } finally {
        await client.end();
      }
    },
  };
}

/** PostgreSQL refuses to run as root. */
async function postgresAccount(): Promise<{ uid?: number; gid?: number }> {
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8')) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}
