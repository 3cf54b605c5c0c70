import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { pack } from 'tar-stream';
import { iso } from '../calendar.ts';
import { listLatestNotes } from '../checkpoints/read.ts';
import type { Db } from '../db/database.ts';
import { listMigrations } from '../db/migrate.ts';
import { format, logFrom, type Manifest, readSet, stampOf } from './backup-set.ts';
import { copyFolders } from './copy-folders.ts';
import { closeSegment, copyLog } from './copy-log.ts';
import { describeCluster, type Source } from './source.ts';
import { removeUnfinished, type Stored, store } from './stored-file.ts';
import { formatLsn, parseLsn } from './wal.ts';

/**
 * Copies the whole database while it is written to, with the log that makes a whole of the copy, and the keys and photos.
 * `backups` holds a folder for each installation. The caller has the connection to itself (`onSource`).
 */
export async function makeBase(
  client: pg.Client,
  source: Source,
  { backups, recipient, signal }: { backups: string; recipient: string | null; signal: AbortSignal },
): Promise<{ folder: string; manifest: Manifest; photos: number }> {
  const cluster = await describeCluster(client);
  const folder = join(backups, cluster.systemIdentifier);
  await removeUnfinished(folder);
  const startedAt = Temporal.Now.instant();
  const stamp = stampOf(startedAt);
  const { database, from, to } = await copyDatabase(client, source, { folder, stamp, recipient, signal });
  const end = await closeSegment(client, cluster.segmentBytes);
  const list = await copyFolders(source, folder, recipient);
  const { segmentBytes } = cluster;
  await copyLog(source.postgres.dataFolder, folder, { from, end, segmentBytes, recipient });
  await client.query('select pg_drop_replication_slot($1)', [baseSlot(client)]);

  const manifest: Manifest = {
    format,
    jifen: source.version,
    ...cluster,
    timeline: end.timeline,
    from: formatLsn(from),
    to: formatLsn(to),
    startedAt: iso(startedAt),
    endedAt: iso(end.until),
    recipient,
    firstSegment: Math.floor(from / segmentBytes),
    lastSegment: end.last,
    database,
    files: await store(folder, `bases/${stamp}-files`, jsonOf(list), { gzip: true, recipient: null }),
    ...(await describeContents(client)),
  };
  const { missing } = logFrom(await readSet(folder), manifest);
  if (missing !== undefined)
    throw new Error(
      `More was written during the backup than the log may hold: ${missing} is gone. Try at a quieter time.`,
    );
  await store(folder, `bases/${stamp}`, jsonOf(manifest), { gzip: false, recipient: null });
  return { folder, manifest, photos: list.photos.length };
}

function jsonOf(value: object): () => Promise<Readable> {
  return async () => Readable.from([Buffer.from(`${JSON.stringify(value, null, 1)}\n`)]);
}

/** The slot that holds the log of a base goes with its connection, however that ends. */
function baseSlot(client: pg.Client): string {
  return `jifen_base_${(client as pg.Client & { processID: number }).processID}`;
}

async function describeContents(client: pg.Client): Promise<{ migrations: string[]; checkpoints: string[] }> {
  const migrations = await listMigrations(client);
  if (migrations.length === 0) return { migrations, checkpoints: [] };
  return { migrations, checkpoints: await listLatestNotes(drizzle({ client, casing: 'snake_case' }) as unknown as Db) };
}

async function copyDatabase(
  client: pg.Client,
  { postgres }: Source,
  {
    folder,
    stamp,
    recipient,
    signal,
  }: { folder: string; stamp: string; recipient: string | null; signal: AbortSignal },
): Promise<{ database: Stored; from: number; to: number }> {
  await client.query('select pg_create_physical_replication_slot($1, true, true)', [baseSlot(client)]);
  const { rows: begun } = await client.query('select pg_backup_start($1, true) as lsn', [`jifen ${stamp}`]);
  const tar = pack();
  const out = new PassThrough();
  // What breaks the one breaks the other: a full disk ends the copying, and a file that cannot be read the writing.
  const flowing = pipeline(tar, out);
  let to = 0;
  const fill = async () => {
    await addFolder(tar, dirname(postgres.dataFolder), signal);
    const { rows } = await client.query('select lsn, labelfile from pg_backup_stop(false)');
    to = parseLsn(rows[0].lsn);
    await addFile(tar, `${basename(postgres.dataFolder)}/backup_label`, Buffer.from(rows[0].labelfile));
    tar.finalize();
  };
  const breaking = (error: Error) => {
    tar.destroy(error);
    throw error;
  };
  const [stored, ...rest] = await Promise.allSettled([
    store(folder, `bases/${stamp}`, async () => out, { gzip: true, recipient }).catch(breaking),
    fill().catch(breaking),
    flowing,
  ]);
  const failed = [stored, ...rest].find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed !== undefined) throw failed.reason;
  const { value: database } = stored as PromiseFulfilledResult<Stored>;
  return { database, from: parseLsn(begun[0].lsn), to };
}

/**
 * Contents that belong to the running server and not to a copy of it. Source: PostgreSQL, "Making a Base Backup Using the
 * Low Level API".
 */
const emptied = /^data\/(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//;
const left = /^(postmaster\.(pid|opts)|backup_label(\.old)?|tablespace_map|pg_internal\.init(\.\d+)?)$/;
/** The page that says where the log begins is copied last, as `pg_basebackup` does it. */
const lastOfAll = 'data/global/pg_control';

/** The cluster's folder: `data` and the password beside it. */
async function addFolder(tar: ReturnType<typeof pack>, cluster: string, signal: AbortSignal): Promise<void> {
  const entries = await fs.readdir(cluster, { recursive: true, withFileTypes: true });
  const paths = entries
    .map(entry => ({
      entry,
      path: join(entry.parentPath, entry.name)
        .slice(cluster.length + 1)
        .replaceAll('\\', '/'),
    }))
    .filter(({ entry, path }) => !left.test(entry.name) && !emptied.test(path) && !path.includes('/pgsql_tmp'));
  for (const { entry, path } of paths)
    if (entry.isDirectory()) tar.entry({ name: path, type: 'directory', mode: 0o700 });
  for (const { entry, path } of paths) {
    signal.throwIfAborted();
    if (entry.isFile() && path !== lastOfAll) await addFromDisk(tar, cluster, path);
  }
  await addFile(tar, lastOfAll, await fs.readFile(join(cluster, lastOfAll)));
}

/**
 * A file as long as it is when it is opened. One that shrinks meanwhile is filled up with zeros, as PostgreSQL's log makes
 * it whole; one that is gone is not needed.
 */
async function addFromDisk(tar: ReturnType<typeof pack>, cluster: string, path: string): Promise<void> {
  const handle = await fs.open(join(cluster, path), 'r').catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const { size } = await handle.stat();
    if (size === 0) return await addFile(tar, path, Buffer.alloc(0));
    await pipeline(chunksOf(handle, size), tar.entry({ name: path, size, mode: 0o600 }));
  } finally {
    await handle.close();
  }
}

/** The first `size` bytes of a file, with zeros where it has none any more. */
async function* chunksOf(handle: fs.FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; ) {
    const chunk = Buffer.alloc(Math.min(left, 256 * 1024));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    const read = bytesRead === 0 ? chunk : chunk.subarray(0, bytesRead);
    left -= read.length;
    yield read;
  }
}

async function addFile(tar: ReturnType<typeof pack>, name: string, content: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tar.entry({ name, mode: 0o600 }, content, error => (error ? reject(error) : resolve()));
  });
}
