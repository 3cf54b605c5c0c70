import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pg from 'pg';
import { pino } from 'pino';
import tap, { type Test, test } from 'tap';
import { type BackupSet, listInstallations, logFrom, reach, readSet } from '../src/backup/backup-set.ts';
import { chooseBase } from '../src/backup/choose.ts';
import { prune } from '../src/backup/keep.ts';
import { releaseBackups, scheduleBackups } from '../src/backup/schedule.ts';
import type { Source } from '../src/backup/source.ts';
import { listFiles, store } from '../src/backup/stored-file.ts';
import { formatLsn, parseLsn, parseSegmentName, segmentName } from '../src/backup/wal.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { clockAt, type TestClock } from './support/service.ts';
import { until } from './support/waiting.ts';

tap.setTimeout(180_000);

const scratch = await mkdtemp(join(tmpdir(), 'jifen-schedule-'));
const postgres = await startEmbedded({
  folder: join(scratch, 'postgres'),
  log: () => undefined,
  // So that a small log is too much.
  settings: ['max_slot_wal_keep_size=160MB', 'max_wal_size=64MB', 'min_wal_size=32MB'],
});
tap.teardown(async () => {
  await postgres.stop();
  await rm(scratch, { recursive: true, force: true });
});
const source: Source = {
  postgres,
  folders: { keys: join(scratch, 'keys'), photos: join(scratch, 'photos') },
  version: '0.0.0',
};

test('a base at first, then the log, and a base for a night however many were missed', async t => {
  const { backups, clock, round, lines } = await schedule(t);
  await round();
  const first = await read(backups);
  t.equal(first.bases.length, 1);
  await round();
  const second = await read(backups);
  t.equal(second.bases.length, 1);
  t.ok(second.log.length > first.log.length);
  const { segments, missing } = logFrom(second, second.bases[0]!);
  t.equal(missing, undefined);
  t.equal(segments.at(-1), second.log.at(-1));
  t.same(reach(second, second.bases[0]!), second.log.at(-1)!.until);

  clock.pass({ hours: 72 });
  await round();
  t.equal((await read(backups)).bases.length, 2, 'three nights, one base');
  t.same(lines, []);
  for (const path of await listFiles(backups)) {
    const { mode } = await stat(join(backups, path));
    t.equal((mode & 0o777).toString(8), '600', path);
  }
});

test('a backup that cannot be written is an error in the log, and made up for', async t => {
  const { backups, round, lines } = await schedule(t);
  await round();
  const before = await read(backups);
  const place = join(before.folder, 'log');
  await rm(place, { recursive: true });
  await writeFile(place, '');
  await query("create table if not exists kept as select 'while it was away' as text");
  await round();
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0]!), { level: 50, msg: 'backup failed', err: { message: /ENOTDIR|EEXIST/ } });
  await rm(place);
  await round();
  t.equal(lines.length, 1);
  const after = await read(backups);
  t.equal(after.bases.length, 1);
  t.equal(logFrom(after, after.bases[0]!).missing, undefined, 'PostgreSQL had held its log');

  await t.test('what is lost in the folder is made up for by a new base', async t => {
    await rm(join(after.folder, after.log.at(-1)!.file));
    await round();
    const { bases, log } = await read(backups);
    t.equal(bases.length, 2);
    t.match(logFrom({ ...after, log }, bases[0]!).missing, /^00000001/);
    t.equal(logFrom({ ...after, log }, bases[1]!).missing, undefined);
  });
});

test('where the folder is not there, its place is not made on the disk that is', async t => {
  const { backups, round, lines } = await schedule(t);
  await rm(backups, { recursive: true });
  await round();
  t.match(JSON.parse(lines[0]!), { level: 50, msg: 'backup failed', err: { message: /^There is no folder / } });
  t.notOk(existsSync(backups));
  await mkdir(backups);
  await round();
  t.equal((await read(backups)).bases.length, 1);
});

test('a base that fails is begun anew after an hour, while the log goes on', async t => {
  let begun = 0;
  const failing: Source = {
    ...source,
    get version(): string {
      begun += 1;
      throw new Error('no room');
    },
  };
  const { clock, round, lines, backups } = await schedule(t, failing);
  await round();
  await round();
  t.equal(begun, 1);
  t.match(lines.join(''), /no room/);
  const [{ systemIdentifier }] = await query(
    'select system_identifier::text as "systemIdentifier" from pg_control_system()',
  );
  const { bases, log } = await readSet(join(backups, systemIdentifier));
  t.same(bases, []);
  t.ok(log.length >= 4);
  clock.pass({ minutes: 61 });
  await round();
  t.equal(begun, 2);
});

test('what is under way when the service stops is broken off, and leaves nothing', async t => {
  const { round, lines, stop, backups } = await schedule(t);
  const begun = round();
  const isUnderWay = async () =>
    (await readdir(backups, { recursive: true })).some(path => /bases.*unfinished/.test(path));
  await until(isUnderWay, 'a base is under way');
  await stop();
  await begun;
  t.same(lines, []);
  t.same(
    (await readdir(backups, { recursive: true })).filter(path => /unfinished|bases./.test(path)),
    [],
  );
});

test('a log that is too much to be held is given up, and a new base is made', async t => {
  const { backups, round, lines } = await schedule(t);
  await round();
  await query('create table filler as select repeat(md5(n::text), 30) as text from generate_series(1, 100000) n');
  for (let i = 0; i < 3; i += 1) await query('select pg_switch_wal()', 'update filler set text = text', 'checkpoint');
  const [slot] = await query("select wal_status from pg_replication_slots where slot_name = 'jifen_backup'");
  t.equal(slot.wal_status, 'lost', 'the disk of the database comes first');
  await round();
  t.same(lines, []);
  const set = await read(backups);
  t.equal(set.bases.length, 2);
  t.equal(logFrom(set, set.bases[1]!).missing, undefined);
  t.match(logFrom(set, set.bases[0]!).missing, /^00000001/, 'from the first base no log leads to now');
  t.equal(chooseBase(set, null).base, set.bases[1]);

  await releaseBackups(source, pino({ level: 'silent' }));
  t.same(await query('select from pg_replication_slots'), [], 'switched off, nothing is held');
});

test('what nobody wants any more is removed, and nothing else', async t => {
  const { backups, round } = await schedule(t);
  const photos = source.folders.photos!;
  await mkdir(photos, { recursive: true });
  const put = (name: string) => writeFile(join(photos, name), `bytes of ${name}`);
  await put('early.jpg');
  await round();
  await put('brief.jpg');
  await round();
  await rm(join(photos, 'brief.jpg'));
  await rm(join(photos, 'early.jpg'));
  const { folder, bases, log } = await read(backups);
  const [real] = bases;
  // The same base, as if it had been made on other days; the newest is of today.
  const daysAgo = [400, 70, 40, 15, 14, 8, 7, 3, 2, 1, 1];
  for (const [index, days] of daysAgo.entries()) {
    const at = Temporal.Instant.from(real!.endedAt)
      .subtract({ hours: 24 * days })
      .add({ seconds: index });
    const name = `bases/planted-${index}`;
    const database = await store(folder, name, async () => Readable.from([Buffer.from('x')]), {
      gzip: true,
      recipient: null,
    });
    const empty = async () => Readable.from([Buffer.from('{"keys":[],"photos":[]}')]);
    const files = await store(folder, `${name}-files`, empty, { gzip: true, recipient: null });
    const manifest = {
      ...real!,
      database,
      startedAt: `${at}`,
      endedAt: `${at}`,
      files,
      firstSegment: 900 + index,
      lastSegment: 900 + index,
    };
    await store(folder, name, async () => Readable.from([Buffer.from(JSON.stringify(manifest))]), {
      gzip: false,
      recipient: null,
    });
    for (const [number, until] of [
      [900 + index, at],
      [930 + index, at.add({ hours: 1 })],
    ] as const) {
      const segment = segmentName(1, number, real!.segmentBytes);
      await store(folder, `log/${segment}.${until.epochMilliseconds}`, async () => Readable.from([Buffer.from('x')]), {
        gzip: true,
        recipient: null,
      });
    }
  }
  await store(folder, 'bases/orphan', async () => Readable.from([Buffer.from('x')]), { gzip: true, recipient: null });

  await prune(source, folder, { daily: 3, weekly: 2, monthly: 3 });
  const left = await read(backups);
  const names = left.bases.map(({ database }) => database.file.split('.')[0]!.slice('bases/'.length));
  const days = new Set([
    'planted-8',
    'planted-9',
    'planted-10',
    real!.database.file.split('.')[0]!.slice('bases/'.length),
  ]);
  t.same(names.filter(name => days.has(name)).length, 4, 'all of the last three days');
  t.notOk(names.includes('planted-0'), 'the fourth month is gone');
  t.ok(names.length >= 6 && names.length <= 8, `weeks and months: ${names}`);
  const archives = (await readdir(join(folder, 'bases'))).filter(name => name.includes('.gz'));
  t.equal(archives.length, names.length * 2, 'no archive and no list of files without its manifest');
  const numbers = left.log.map(({ segment }) => segment);
  for (const one of log) t.ok(numbers.includes(one.segment), 'the log of today stays');
  for (const [index, name] of daysAgo.map((_, index) => [index, `planted-${index}`] as const)) {
    t.equal(
      numbers.includes(900 + index),
      names.includes(name),
      `${name} has what makes a whole of it, as long as it stays`,
    );
    t.equal(numbers.includes(930 + index), index >= 8, `the log after ${name} stays where it is of the last days`);
  }
  t.match((await listFiles(join(folder, 'photos'))).join(), /early\.jpg/, 'a base has it');
  t.match((await listFiles(join(folder, 'photos'))).join(), /brief\.jpg/, 'the log of today had it');
});

test('names of the log are those of PostgreSQL', async t => {
  const megabytes = 2 ** 20;
  for (const [lsn, bytes] of [
    ['0/1000028', 16],
    ['1/FF000000', 16],
    ['A/12345678', 1],
    ['16/B374D848', 64],
  ] as const) {
    const segment = Math.floor(parseLsn(lsn) / (bytes * megabytes));
    const name = segmentName(3, segment, bytes * megabytes);
    t.same(parseSegmentName(name, bytes * megabytes), { timeline: 3, segment });
    t.equal(formatLsn(parseLsn(lsn)), lsn);
    if (bytes !== 16) continue;
    const [row] = await query(`select pg_walfile_name('${lsn}') as name`);
    t.equal(name.slice(8), row.name.slice(8));
  }
  t.equal(parseSegmentName('00000002.history', megabytes), undefined);
});

async function schedule(t: Test, from = source) {
  const backups = await mkdtemp(join(scratch, 'backups-'));
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: line => void lines.push(line) });
  // Bases say when they were made by the machine's clock, so this one begins there.
  const clock: TestClock = clockAt(Temporal.Now.instant().toString());
  const settings = { backups, recipient: null, logMinutes: 5, keep: { daily: 7, weekly: 4, monthly: 12 } };
  const scheduled = scheduleBackups(from, settings, { clock, log });
  t.teardown(() => scheduled.stop());
  return { backups, clock, round: scheduled.round, stop: scheduled.stop, lines };
}

async function read(backups: string): Promise<BackupSet> {
  return readSet((await listInstallations(backups))[0]!);
}

async function query(...statements: string[]) {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    let rows: Record<string, string>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    // biome-ignore lint/suspicious/noExplicitAny: rows of every shape
    return rows as any[];
  } finally {
    await client.end();
  }
}
