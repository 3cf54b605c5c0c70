import { createWriteStream } from 'node:fs';
import fs from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { startEmbedded } from '../db/embedded.ts';
import { digests, migrationsFolder } from '../db/migrate.ts';
import { type BackupSet, historyOf, type Manifest, readFileList } from './backup-set.ts';
import { type Choice, local, nameOf } from './choose.ts';
import { checkStored, listStored, type Named, openStored } from './stored-file.ts';

/** Everything is made ready in here, and moved to its place when it is whole: whoever is cut off begins again. */
const workshop = 'restoring';

/** A large log takes its time, and nobody is served meanwhile. */
const recoveryWithinMs = 24 * 60 * 60_000;

/**
 * Restores a choice into `dataDir`, in which there is nothing but perhaps the backups: database, keys and photos. Leaves no
 * server running.
 *
 * @param bin as `startEmbedded` takes it
 * @param tell hears what is done next
 * @throws Error in words for the operator
 */
export async function restore(
  set: BackupSet,
  choice: Choice,
  {
    dataDir,
    bin,
    identity,
    tell,
  }: { dataDir: string; bin: string; identity: string | null; tell: (line: string) => void },
): Promise<void> {
  await refuseUsed(dataDir, set.folder);
  await refuseNewer(choice.base);
  tell('Checking the files of the backup.');
  await refuseDamaged(set, choice);
  const folders = await listFolders(set, tell);

  const folder = resolve(dataDir, workshop);
  await fs.rm(folder, { recursive: true, force: true });
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    tell(`Unpacking the database of ${local(choice.base.endedAt)}.`);
    const postgres = join(folder, 'postgres');
    const cluster = join(postgres, 'cluster');
    await unpack(set, choice.base, cluster, identity);
    await layLog(set, choice, join(cluster, 'data', 'pg_wal'), identity);
    for (const stored of folders) await copyOut(set, stored, folder, identity);
    tell(`Bringing it to ${local(choice.until)} with ${choice.segments.length} files of its log.`);
    await recover(postgres, bin, choice);
    // The database comes last: without it there is nothing that could be taken for an installation.
    for (const name of ['keys', 'photos', 'postgres'])
      if ((await fs.stat(join(folder, name)).catch(() => undefined)) !== undefined)
        await fs.rename(join(folder, name), resolve(dataDir, name));
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

async function refuseUsed(dataDir: string, backups: string): Promise<void> {
  const names = await fs.readdir(dataDir).catch(() => []);
  const holdsBackup = (name: string) => !relative(resolve(dataDir, name), resolve(backups)).startsWith('..');
  const others = names.filter(name => name !== workshop && !holdsBackup(name));
  if (others.length > 0)
    throw new Error(
      `${resolve(dataDir)} is not empty (${others.slice(0, 3).join(', ')}): move away what is in it, or set JIFEN_DATA_DIR to another folder.`,
    );
}

async function refuseNewer({ jifen, migrations }: Manifest): Promise<void> {
  const known = await digests(migrationsFolder);
  const newer = migrations.filter(name => !known.has(name));
  if (newer.length > 0)
    throw new Error(
      `The backup was made by jifen ${jifen}, and this version does not know ${newer.join(', ')}: restore it with that version.`,
    );
}

/** Keys and photos, the latest of each name. One damaged photo among thousands is told, and the village has the rest. */
async function listFolders({ folder }: BackupSet, tell: (line: string) => void): Promise<Named[]> {
  const latest = (all: Named[]) => [...new Map(all.map(stored => [stored.name, stored])).values()];
  const keys = latest(await listStored(folder, 'keys'));
  for (const key of keys) await checkStored(folder, key);
  const photos: Named[] = [];
  for (const photo of latest(await listStored(folder, 'photos')))
    await checkStored(folder, photo).then(
      () => photos.push(photo),
      error => tell(`Left out: ${error.message}`),
    );
  return [...keys, ...photos];
}

async function refuseDamaged(set: BackupSet, { base, segments }: Choice): Promise<void> {
  const bases = new Map((await listStored(set.folder, 'bases')).map(stored => [stored.file, stored]));
  for (const { file } of [base.database, base.files]) {
    const stored = bases.get(file);
    if (stored === undefined) throw new Error(`${join(set.folder, file)} is missing.`);
    await checkStored(set.folder, stored);
  }
  const there = new Set((await listStored(set.folder, 'keys')).map(({ file }) => file));
  const missing = (await readFileList(set.folder, base)).keys.find(file => !there.has(file));
  if (missing !== undefined) throw new Error(`${join(set.folder, missing)} is missing.`);
  for (const stored of [...segments, ...set.histories]) await checkStored(set.folder, stored);
}

async function unpack(set: BackupSet, base: Manifest, cluster: string, identity: string | null): Promise<void> {
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    const path = join(cluster, header.name);
    const write = async () => {
      if (relative(cluster, path).startsWith('..'))
        throw new Error(`${base.database.file} leads outside: ${header.name}.`);
      await fs.mkdir(header.type === 'directory' ? path : dirname(path), { recursive: true, mode: 0o700 });
      if (header.type === 'directory') stream.resume();
      else await pipeline(stream, createWriteStream(path, { mode: 0o600 }));
    };
    write().then(() => next(), next);
  });
  await pipeline(await openStored(set.folder, base.database.file, identity), tar);
}

/** A segment is written without the zeros at its end: they take no room where the file system knows holes. */
async function layLog(set: BackupSet, choice: Choice, wal: string, identity: string | null): Promise<void> {
  for (const segment of choice.segments) {
    const bytes = await buffer(await openStored(set.folder, segment.file, identity));
    const path = join(wal, nameOf(choice, segment));
    await fs.writeFile(path, bytes.subarray(0, bytes.findLastIndex(byte => byte !== 0) + 1), { mode: 0o600 });
    await fs.truncate(path, bytes.length);
  }
  // With them, the timeline that the restored database begins is none that there has been.
  for (const { file, name } of set.histories)
    await pipeline(
      await openStored(set.folder, file, identity),
      createWriteStream(join(wal, historyOf(name)!), { mode: 0o600 }),
    );
}

async function copyOut(set: BackupSet, { file, name }: Named, folder: string, identity: string | null): Promise<void> {
  const path = join(folder, name);
  await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await pipeline(await openStored(set.folder, file, identity), createWriteStream(path, { mode: 0o600, flush: true }));
}

/** Starts PostgreSQL on the copy and its log, waits until it has come to the moment, and stops it again. */
async function recover(postgres: string, bin: string, { at }: Choice): Promise<void> {
  await fs.writeFile(join(postgres, 'cluster', 'data', 'recovery.signal'), '', { mode: 0o600 });
  const server = await startEmbedded({
    folder: postgres,
    bin,
    log: () => undefined,
    settings: [
      // PostgreSQL asks for a command. All of the log lies in its place already, so there is nothing to fetch.
      'restore_command=exit 1',
      'recovery_target_timeline=current',
      ...(at === null ? [] : [`recovery_target_time=${at.toString({ timeZone: 'UTC' })}`]),
      'recovery_target_action=promote',
      'hot_standby=off',
    ],
    readyWithinMs: recoveryWithinMs,
  });
  await server.stop();
}
