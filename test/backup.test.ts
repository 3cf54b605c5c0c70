import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import tap, { type Test, test } from 'tap';
import { listInstallations, type Manifest, readFileList, readSet } from '../src/backup/backup-set.ts';
import { local } from '../src/backup/choose.ts';
import { scheduleBackups } from '../src/backup/schedule.ts';
import { foldersOf } from '../src/backup/source.ts';
import { listStored, store } from '../src/backup/stored-file.ts';
import { systemClock } from '../src/calendar.ts';
import { findEmbedded, startEmbedded } from '../src/db/embedded.ts';
import { signInAs } from '../src/sample/client.ts';
import { readSignIns } from '../src/sample/sign-ins.ts';
import { digestOf } from './support/digest.ts';
import { jifen, password, postmasterOf, readiness, signIn, startService } from './support/installation.ts';
import { untilGone } from './support/processes.ts';
import { smallPhoto } from './support/small-photo.ts';

// A first start with the sample village, and a recovery of PostgreSQL for each restore.
tap.setTimeout(600_000);

const village = '520281127101';

const scratch = await mkdtemp(join(tmpdir(), 'jifen-backup-'));
const dataDir = join(scratch, 'data');
tap.teardown(async () => {
  // A test that failed may have left one, which is nobody's then.
  for (const folder of [join(dataDir, 'postgres'), join(untold, 'postgres')])
    if ((await findEmbedded(folder)) !== undefined)
      await (await startEmbedded({ folder, log: () => undefined })).stop();
  await rm(scratch, { recursive: true, force: true });
});
const backups = join(scratch, 'backups');
await mkdir(backups);
const env = {
  JIFEN_DATA_DIR: dataDir,
  JIFEN_BACKUP_DIR: backups,
  JIFEN_SAMPLE: 'auto',
  JIFEN_SAMPLE_PASSWORD: password,
};

/** One award under a key of its own, and its answer. */
interface Deed {
  key: string;
  body: object;
  answer: { id: string };
}

/** What a restore is held beside. */
interface Picture {
  at: Temporal.Instant;
  digest: Record<string, string>;
  photos: string[];
}

/** Nobody tells this one to back itself up, nor where. It has until the last test. */
const untold = join(scratch, 'untold');
let untoldService: ReturnType<typeof startService>;

const deeds: Deed[] = [];
/** A photo that somebody removed after the first base. */
let removed: string;
let between: Picture;
let latest: Picture;

test('a village is loaded, backed up while it works, and killed', async t => {
  untoldService = startService(tap, { JIFEN_DATA_DIR: untold });
  const service = await startService(t, env);
  const clerk = await asClerk(service.url);
  for (let i = 0; i < 5; i += 1) deeds.push(await award(clerk));
  const first = await uploadPhoto(clerk, 1);
  removed = await uploadPhoto(clerk, 4);

  const made = await jifen(t, env, ['backup']);
  t.match(made, { code: 0, err: '' });
  t.match(made.out, /\/bases\/\d{8}T\d{6}\.\d{3}Z\.[0-9a-f]{64}\.gz\n\d{4}-.*, \d+\.\d MB, 4 files of photos\n$/);
  const manifest = await newest(backups);
  t.match(manifest, { format: 1, timeline: 1, recipient: null, jifen: /^\d/, postgres: /^\d+\.\d+$/ });
  t.ok(manifest.migrations.includes('0001-ledger'));
  const { keys, photos } = await readFileList(await installation(), manifest);
  t.equal(photos.length, 4, 'a photo has two sizes');
  t.ok(keys.some(file => file.startsWith('keys/access-')));
  t.ok(keys.some(file => file.startsWith('keys/sealing-1.key.')));

  const rounds = await roundsOf(t);
  await clerk('DELETE', `/photos/${removed}`);
  for (let i = 0; i < 5; i += 1) deeds.push(await award(clerk));
  const second = await uploadPhoto(clerk, 2);
  between = await picture(() => rounds.round(), [first, second]);
  await sleep(20);
  deeds.push(await award(clerk));
  const third = await uploadPhoto(clerk, 3);
  latest = await picture(() => rounds.round(), [first, second, third]);
  t.notSame(latest.digest, between.digest);
  t.equal((await readSet(await installation())).bases.length, 1, 'the log needs no second base');
  await rounds.stop();

  t.match(await jifen(t, env, ['restore', backups]), { code: 2, err: /data is not empty \(/ });
  t.match(await jifen(t, env, ['backup', '--to', '']), { code: 2, err: '--to is empty' });
  const unplugged = join(scratch, 'unplugged');
  t.match(await jifen(t, env, ['backup', '--to', unplugged]), { code: 2, err: `There is no folder ${unplugged}.` });
  const list = await jifen(t, env, ['backup', 'list']);
  t.match(list, { code: 0, out: `up to ${local((await readSet(await installation())).log.at(-1)!.until!)}` });

  const postmaster = await postmasterOf(dataDir);
  service.child.kill('SIGKILL');
  process.kill(postmaster, 'SIGKILL');
  await service.exit;
  await untilGone(postmaster);
  await rename(dataDir, join(scratch, 'lost'));
});

test('restored to the latest, every row is there, keys replay, and the log goes on', async t => {
  const restored = await jifen(t, env, ['restore', backups]);
  t.match(restored, { code: 0, err: '' });
  t.match(restored.out, new RegExp(`\\n${village} sound, \\d+ transactions`));
  await t.test('row by row', async t => compare(t, latest));

  const service = await startService(t, env);
  const { secretary1 } = await readSignIns(join(scratch, 'lost'));
  t.ok(await signInAs(service.url, 'secretary1', secretary1!), 'second factors are still the same');
  const clerk = await asClerk(service.url);
  for (const deed of deeds) t.same(await replay(clerk, deed), deed.answer);
  t.equal((await clerk('GET', `/photos/${latest.photos[2]}`)).id, latest.photos[2]);

  const rounds = await roundsOf(t);
  await rounds.round();
  const { bases } = await readSet(await installation());
  t.same(
    bases.map(({ timeline }) => timeline),
    [1, 2],
    'no log leads here from before, so that a new base is made at once',
  );
  await rounds.stop();
  await endService(service);
});

test('restored to a moment in between, nothing later is there', async t => {
  await rm(dataDir, { recursive: true });
  const restored = await jifen(t, env, ['restore', backups, '--at', `${between.at}`]);
  t.match(restored, { code: 0, err: '' });
  await t.test('row by row', async t => compare(t, between));

  const service = await startService(t, env);
  const clerk = await asClerk(service.url);
  const later = deeds.at(-1)!;
  t.same(await replay(clerk, deeds[9]!), deeds[9]!.answer);
  t.not((await replay(clerk, later)).id, later.answer.id, 'what was undone can be done anew');
  const rounds = await roundsOf(t);
  await rounds.round();
  const { bases, log } = await readSet(await installation());
  t.equal(bases.at(-1)!.timeline, 3, 'its timeline is not that of the restore before');
  t.equal(new Set(log.map(({ name }) => name.split('.')[0])).size, log.length, 'and no file of a log was made twice');
  await rounds.stop();
  await endService(service);
});

test('what cannot be restored is refused in words, and nothing is left behind', async t => {
  await rm(dataDir, { recursive: true });
  const set = await readSet(await installation());
  const [base] = set.bases as [Manifest];
  const before = Temporal.Instant.from(base.endedAt).subtract({ minutes: 1 });
  const refuse = async (args: string[], sentence: RegExp | string) => {
    const { code, out, err } = await jifen(t, env, ['restore', ...args]);
    t.equal(code, 2, out);
    t.match(err, sentence);
    t.same(await readdir(dataDir).catch(() => []), [], 'the folder is empty still');
  };
  await refuse([scratch], 'There is no backup in');
  await refuse([backups, '--at', 'yesterday'], "--at is a moment such as '2026-11-29 17:30', not yesterday.");
  await refuse([backups, '--at', '2026-11-29'], "--at is a moment such as '2026-11-29 17:30', not 2026-11-29.");
  await refuse([backups, '--at', `${before}`], `is of ${local(base.endedAt)}: no earlier moment can be restored.`);
  await refuse(
    [backups, '--at', '2999-01-01 00:00'],
    /reaches to .* \(that is its end\): the moment asked for is later/,
  );

  const lastTimeline = set.bases.at(-1)!;
  const list = await readFileList(set.folder, lastTimeline);
  const kinds = {
    'the database': lastTimeline.database.file,
    'the list of its files': lastTimeline.files.file,
    'the manifest': (await listStored(set.folder, 'bases')).find(({ file }) => !file.includes('.gz'))!.file,
    'a file of the log': set.log.findLast(({ timeline }) => timeline === lastTimeline.timeline)!.file,
    'a key': list.keys[0]!,
  };
  for (const [what, file] of Object.entries(kinds)) {
    await t.test(`${what} is damaged`, async t => {
      const copy = await copyOf(t, set.folder);
      const bytes = await readFile(join(copy, file));
      bytes[bytes.length >> 1]! ^= 1;
      await rm(join(copy, file));
      await writeFile(join(copy, file), bytes);
      await refuse([copy], `${file} is damaged`);
    });
  }
  await t.test('a file of the log is missing', async t => {
    const copy = await copyOf(t, set.folder);
    const ofFirst = set.log.filter(({ timeline }) => timeline === 1);
    await rm(join(copy, ofFirst.at(-2)!.file));
    await refuse([copy, '--at', `${latest.at}`], /\(00000001[0-9A-F]{16} is missing after it\)/);
    await rm(join(copy, ofFirst[0]!.file));
    await refuse([copy, '--at', `${latest.at}`], /is not whole: 00000001[0-9A-F]{16} is missing in/);
  });
  await t.test('it is of a newer version', async t => {
    const manifest = (await listStored(set.folder, 'bases')).find(
      ({ file }) => file.startsWith(lastTimeline.database.file.split('.')[0]!) && !file.includes('.gz'),
    )!;
    const renewed = async (change: Partial<Manifest>) => {
      const copy = await copyOf(t, set.folder);
      await rm(join(copy, manifest.file));
      const text = JSON.stringify({ ...lastTimeline, jifen: '9.8.7', ...change });
      await store(copy, manifest.name, async () => Readable.from([text]), { gzip: false, recipient: null });
      return copy;
    };
    await refuse([await renewed({ format: 2 })], /made by jifen 9\.8\.7, which writes it in a newer form/);
    const migrations = [...lastTimeline.migrations, '9999-later'];
    await refuse([await renewed({ migrations })], /made by jifen 9\.8\.7, and this version does not know 9999-later/);
  });
});

test('a photo that is damaged or missing is told, and everything else is restored', async t => {
  const set = await readSet(await installation());
  const { photos } = await readFileList(set.folder, set.bases.at(-1)!);
  const copy = await copyOf(t, set.folder);
  const [damaged, missing] = photos.map(file => join(copy, file)) as [string, string];
  await rm(damaged);
  await writeFile(damaged, 'something else');
  await rm(missing);
  const { code, out } = await jifen(t, env, ['restore', copy]);
  t.equal(code, 1);
  t.match(out, /Left out: .*\.jpg\.[0-9a-f]{64} is damaged/);
  t.match(out, /\n2 files of photos are missing\n/);
  t.match(out, `${village} sound`);
  await rm(dataDir, { recursive: true });
});

test('a book that is not what a checkpoint kept elsewhere says is restored, and told', async t => {
  const root = Buffer.alloc(32, 7).toString('base64');
  const kept = join(scratch, 'kept.txt');
  const strange = join(scratch, 'strange.txt');
  await writeFile(kept, `jifen.example/books/${village}\n1\n${root}\n\n— x AAAAAAAA\n`);
  await writeFile(strange, `jifen.example/books/110101001001\n1\n${root}\n\n— x AAAAAAAA\n`);
  const restored = await jifen(t, env, ['restore', backups, '--checkpoint', kept, '--checkpoint', strange]);
  t.match(restored, { code: 1, out: new RegExp(`${village} UNSOUND`) });
  t.match(restored.out, /^110101001001 has no book here, and a checkpoint$/m);
});

test('encrypted, it is of no use to whoever has no key', async t => {
  const key = await jifen(t, env, ['backup', 'key']);
  const [, recipient] = /RECIPIENT=(age1\S+)/.exec(key.out)!;
  const [right, wrong] = [join(scratch, 'right.key'), join(scratch, 'wrong.key')];
  await writeFile(right, key.out);
  await writeFile(wrong, (await jifen(t, env, ['backup', 'key'])).out);
  const sealed = join(scratch, 'sealed');
  await mkdir(sealed);
  const made = await jifen(t, { ...env, JIFEN_BACKUP_RECIPIENT: recipient! }, ['backup', '--to', sealed]);
  t.match(made, { code: 0, err: '' }, 'also while no service runs');
  const server = await startEmbedded({ folder: join(dataDir, 'postgres'), log: () => undefined });
  const digest = await digestAt(server.url);
  await server.stop();
  const [folder] = await listInstallations(sealed);
  const clear = (await listStored(folder!, '.')).filter(({ file }) => !file.endsWith('.age'));
  t.ok(
    clear.every(({ name }) => name.startsWith('./bases/')),
    'all but the manifest and the list of files is encrypted',
  );
  for (const { file } of await listStored(folder!, '.'))
    t.notMatch(await readFile(join(folder!, file), 'latin1'), /PRIVATE KEY|jifen_app/, file);

  await rm(dataDir, { recursive: true });
  t.match(await jifen(t, env, ['restore', sealed]), { code: 2, err: 'give the key with --identity <file>.' });
  t.match(await jifen(t, env, ['restore', sealed, '--identity', wrong]), { code: 2, err: 'The key does not open' });
  t.match(await jifen(t, env, ['restore', sealed, '--identity', right]), { code: 0, err: '' });
  await t.test('row by row', async t => compare(t, { ...latest, digest, photos: between.photos }));
});

test('a service that nobody told to has backed itself up', async t => {
  const made = async () => {
    const [folder] = await listInstallations(join(untold, 'backups'));
    return folder === undefined ? 0 : (await readSet(folder)).bases.length;
  };
  for (let left = 120; (await made()) === 0 && left > 0; left -= 1) await sleep(1_000);
  t.equal(await made(), 1);
  await endService(await untoldService);
});

/** The service's own way to make backups, on the server of the service that runs. */
async function roundsOf(t: Test) {
  const postgres = await findEmbedded(join(dataDir, 'postgres'));
  const source = { postgres: postgres!, folders: foldersOf({ dataDir, photoBucket: null }), version: '0.0.0' };
  const keep = { daily: 7, weekly: 4, monthly: 12 };
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: line => void lines.push(line) });
  const rounds = scheduleBackups(
    source,
    { backups, recipient: null, logMinutes: 5, keep },
    { clock: systemClock, log },
  );
  const stop = async () => {
    await rounds.stop();
    t.same(lines, [], 'no round has failed');
  };
  return { round: rounds.round, stop };
}

/** What the database holds, at a moment from which a round has copied everything. Jobs of the service may come between. */
async function picture(round: () => Promise<void>, photos: string[]): Promise<Picture> {
  const { url } = (await findEmbedded(join(dataDir, 'postgres')))!;
  for (let left = 20; ; left -= 1) {
    const digest = await digestAt(url);
    const at = Temporal.Now.instant().round('millisecond');
    await round();
    const after = await digestAt(url);
    if (JSON.stringify(after) === JSON.stringify(digest)) return { at, digest, photos };
    if (left === 0) throw new Error('the service does not come to rest');
  }
}

async function digestAt(url: string): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await digestOf(client);
  } finally {
    await client.end();
  }
}

/** The restored folder, row by row and photo by photo; and PostgreSQL's own look at every index. */
async function compare(t: Test, { digest, photos }: Picture): Promise<void> {
  const server = await startEmbedded({ folder: join(dataDir, 'postgres'), log: () => undefined });
  try {
    t.same(await digestAt(server.url), digest);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query('create extension amcheck');
    const { rows } = await client.query(
      `select count(bt_index_check(c.oid, true))::int as checked from pg_class c join pg_am a on a.oid = c.relam
        where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p'`,
    );
    t.ok(rows[0].checked > 100, `${rows[0].checked} indexes are sound`);
    await client.query('drop extension amcheck');
    await client.end();
  } finally {
    await server.stop();
  }
  const there = await readdir(join(dataDir, 'photos'), { recursive: true });
  t.same(
    there
      .filter(path => path.endsWith('-full.jpg'))
      .map(path => basename(path))
      .sort(),
    photos.map(photo => `${photo}-full.jpg`).sort(),
    'what was removed before, or came after, is not there',
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape
type Call = (method: string, path: string, body?: object | Buffer, key?: string) => Promise<any>;

async function asClerk(url: string): Promise<Call> {
  await readiness(url);
  const token = await signIn(url, 'clerk1', password);
  const call = async (method: string, path: string, body?: object | Buffer, key: string = randomUUID(), left = 20) => {
    const isPhoto = Buffer.isBuffer(body);
    const answer = await fetch(`${url}/v1/villages/${village}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(method === 'POST' && { 'idempotency-key': key }),
        ...(body !== undefined && { 'content-type': isPhoto ? 'image/png' : 'application/json' }),
      },
      ...(body !== undefined && { body: isPhoto ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    // As the contract says: it is busy with its own start, and wants the same call again.
    if (answer.status === 503 && left > 0) {
      await sleep(500);
      return call(method, path, body, key, left - 1);
    }
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  return call;
}

async function award(clerk: Call): Promise<Deed> {
  // One household after another, for a day's points are bounded; the first ones have those of the test cards.
  const household = (await clerk('GET', '/households?limit=100')).data[30 + deeds.length];
  const rule = (await clerk('GET', '/rules')).data.find(({ code }: { code: string }) => code === 'REC05');
  const key = randomUUID();
  const body = { ruleId: rule.id, householdId: household.id, quantity: 1, occasion: key, note: '纸壳1公斤' };
  return { key, body, answer: await clerk('POST', '/awards', body, key) };
}

function replay(clerk: Call, { key, body }: Deed) {
  return clerk('POST', '/awards', body, key);
}

async function uploadPhoto(clerk: Call, seed: number): Promise<string> {
  const [household] = (await clerk('GET', '/households?q=H0007')).data;
  return (await clerk('POST', `/photos?householdId=${household.id}`, smallPhoto(seed))).id;
}

async function endService({ child }: Awaited<ReturnType<typeof startService>>): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'exit');
}

async function installation(): Promise<string> {
  return (await listInstallations(backups))[0]!;
}

async function newest(folder: string): Promise<Manifest> {
  return (await readSet((await listInstallations(folder))[0]!)).bases.at(-1)!;
}

/** A copy of an installation's backups that a test may spoil. */
async function copyOf(t: Test, folder: string): Promise<string> {
  const copy = await mkdtemp(join(scratch, 'copy-'));
  t.teardown(() => rm(copy, { recursive: true, force: true }));
  await cp(folder, copy, { recursive: true });
  return copy;
}
