// Commands of the operator that back up the embedded database of this installation, and restore it.

import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { type BackupSet, listInstallations, reach, readSet } from './backup/backup-set.ts';
import { chooseBase, local, parseMoment } from './backup/choose.ts';
import { makeBase } from './backup/make-base.ts';
import { restore } from './backup/restore.ts';
import { foldersOf, onSource, refuseMissing } from './backup/source.ts';
import { verifyRestored } from './commands.ts';
import { backupFolderOf, type Config, readConfig } from './config.ts';
import { findEmbedded, type RunningPostgres, startEmbedded } from './db/embedded.ts';
import { say } from './say.ts';
import { type KeptCheckpoint, readCheckpoint } from './verification/kept-checkpoint.ts';

/** Makes a base now, in the folder of the service or in `to`. */
export async function backUp(to: string | undefined): Promise<number> {
  const config = embeddedConfig();
  // An empty variable of the shell: nobody means the folder he is in.
  if (to === '') throw new Error('--to is empty: name a folder.');
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const own = backupFolderOf(config.dataDir);
  const backups = resolve(to ?? config.backup?.backups ?? own);
  return onRunning(config, async postgres => {
    if (backups === resolve(own)) await mkdir(own, { recursive: true, mode: 0o700 });
    await refuseMissing(backups);
    const source = { postgres, folders: foldersOf(config), version };
    const { signal } = new AbortController();
    const recipient = config.backup?.recipient ?? null;
    const { folder, manifest, photos } = await onSource(source, signal, client =>
      makeBase(client, source, { backups, recipient, signal }),
    );
    const { database, endedAt } = manifest;
    return say(
      `${join(folder, database.file)}\n${local(endedAt)}, ${megabytes(database.bytes)}, ${photos} files of photos\n`,
    );
  });
}

/** Says what can be restored. Answers 1 where there is nothing. */
export async function listBackups(folder: string | undefined): Promise<number> {
  const config = readConfig();
  const backups = resolve(folder ?? config.backup?.backups ?? backupFolderOf(config.dataDir));
  const installations = await listInstallations(backups);
  if (installations.length === 0) say(`There is no backup in ${backups}.\n`);
  for (const installation of installations) {
    const set = await readSet(installation);
    say(`${installation}\n`);
    for (const base of set.bases) {
      const until = reach(set, base);
      const moments = until === undefined ? 'its log is not whole: cannot be restored' : `up to ${local(until)}`;
      const sealed = base.recipient === null ? '' : ', encrypted';
      say(`  ${local(base.endedAt)}  ${moments}, ${megabytes(base.database.bytes)}${sealed}\n`);
    }
  }
  return installations.length === 0 ? 1 : 0;
}

/** Prints a new age identity, which opens what is encrypted for its recipient. */
export async function makeBackupKey(): Promise<number> {
  const identity = await generateIdentity();
  return say(
    `# Keep this away from the machine that is backed up. Without it the backups cannot be read.\n# JIFEN_BACKUP_RECIPIENT=${await identityToRecipient(identity)}\n${identity}\n`,
  );
}

/** Restores into the empty data folder, and verifies every book. Answers 1 where one is unsound. */
export async function restoreBackup(
  folder: string,
  options: { at: string | undefined; identity: string | undefined; kept: KeptCheckpoint[] },
): Promise<number> {
  const config = embeddedConfig();
  const set = await oneInstallation(resolve(folder));
  const choice = chooseBase(set, options.at === undefined ? null : parseMoment(options.at));
  const identity = options.identity === undefined ? null : await readIdentity(options.identity);
  await restore(set, choice, {
    dataDir: config.dataDir,
    bin: config.postgresBin,
    identity,
    tell: line => void say(`${line}\n`),
  });
  say(`Restored ${resolve(config.dataDir)} as of ${local(choice.until)}. Verifying every book.\n`);
  const own = choice.base.checkpoints.map(note => readCheckpoint(note, undefined));
  return verifyRestored([...own, ...options.kept], foldersOf(config).photos);
}

function embeddedConfig(): Config {
  const config = readConfig();
  if (config.databaseUrl !== '')
    throw new Error(
      'DATABASE_URL names an external PostgreSQL. docs/backup.md tells how to back it up and restore it.',
    );
  return config;
}

/** On the server of the running service; where none runs, on one that ends with the work. */
async function onRunning(config: Config, work: (postgres: RunningPostgres) => Promise<number>): Promise<number> {
  const folder = join(config.dataDir, 'postgres');
  await stat(join(folder, 'cluster')).catch(error => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`There is no database in ${resolve(folder)}.`);
  });
  const running = await findEmbedded(folder);
  if (running !== undefined) return work(running);
  const started = await startEmbedded({ folder, bin: config.postgresBin, log: () => undefined });
  try {
    return await work(started);
  } finally {
    await started.stop();
  }
}

async function oneInstallation(folder: string): Promise<BackupSet> {
  const [installation, ...others] = await listInstallations(folder);
  if (installation === undefined) throw new Error(`There is no backup in ${folder}.`);
  if (others.length > 0)
    throw new Error(
      `There are backups of several installations in ${folder}. Name one of them: ${[installation, ...others].join(', ')}.`,
    );
  return readSet(installation);
}

/** A key file of age: comments, and a line with the identity. */
async function readIdentity(path: string): Promise<string> {
  const identity = /^AGE-SECRET-KEY-\S+$/m.exec(await readFile(path, 'utf8'))?.[0];
  if (identity === undefined) throw new Error(`There is no key (AGE-SECRET-KEY-…) in ${path}.`);
  return identity;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
