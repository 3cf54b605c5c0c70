// Files of a backup. Each is there whole or not at all, for the service's user alone, and carries the SHA-256 of its own
// bytes in its name: what it was meant to be needs no list beside it that could be lost.

import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { Decrypter, Encrypter } from 'age-encryption';

/** A file of the backup: its path in the folder of the installation, with `/`, and its size. */
export interface Stored {
  file: string;
  bytes: number;
}

/** What a stored file says of itself by its name. */
export interface Named {
  file: string;
  /** Without digest and suffixes: what `store` was given. */
  name: string;
  sha256: string;
}

/** While it is written, a file has this name. One that has it later is what a killed process left. */
const unfinished = /^\.unfinished-/;

/**
 * Writes `source` to `<folder>/<name>.<sha256>[.gz][.age]`.
 *
 * @param source is asked when there is somebody who reads it
 * @param name path in `folder`, with `/`; its last part has no `.` followed by 64 hexadecimal digits
 * @param recipient the age recipient it is encrypted for; null: it is not encrypted
 */
export async function store(
  folder: string,
  name: string,
  source: () => Promise<Readable>,
  { gzip, recipient }: { gzip: boolean; recipient: string | null },
): Promise<Stored> {
  const place = join(folder, dirname(name));
  await fs.mkdir(place, { recursive: true, mode: 0o700 });
  const path = join(place, `.unfinished-${randomUUID()}`);
  const sha256 = createHash('sha256');
  let bytes = 0;
  try {
    await using handle = await fs.open(path, 'wx', 0o600);
    // The fastest level: a village's small machine has other things to do, and most of the log is empty or full pages.
    const plain = await source();
    const packed = gzip ? piped(plain, createGzip({ level: constants.Z_BEST_SPEED })) : plain;
    const sealed = recipient === null ? packed : await encrypt(packed, recipient);
    await pipeline(sealed, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        sha256.update(chunk);
        bytes += chunk.length;
        await handle.writeFile(chunk);
      }
    });
    await handle.sync();
    const file = `${name}.${sha256.digest('hex')}${gzip ? '.gz' : ''}${recipient === null ? '' : '.age'}`;
    await fs.rename(path, join(folder, file));
    await syncFolder(place);
    return { file, bytes };
  } catch (error) {
    await fs.rm(path, { force: true });
    throw error;
  }
}

/**
 * Stores a file that never changes any more: by a second name for it where it lies on the same disk and is not encrypted,
 * else by a copy.
 */
export async function storeUnchanging(
  folder: string,
  name: string,
  path: string,
  recipient: string | null,
): Promise<string> {
  if (recipient === null) {
    const file = `${name}.${await digest(path)}`;
    await fs.mkdir(join(folder, dirname(name)), { recursive: true, mode: 0o700 });
    try {
      await fs.link(path, join(folder, file));
      await syncFolder(dirname(join(folder, file)));
      return file;
    } catch (error) {
      // Another disk, or one that knows no such names (FAT, most network shares): a copy then.
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
    }
  }
  return (await store(folder, name, () => openFile(path), { gzip: false, recipient })).file;
}

/** The stored files in `place` (a path in `folder`, with `/`), however deep, by their names. */
export async function listStored(folder: string, place: string): Promise<Named[]> {
  return (await listFiles(join(folder, place))).flatMap(path => {
    const [, name, sha256] = /^(.+)\.([0-9a-f]{64})(?:\.gz)?(?:\.age)?$/.exec(path) ?? [];
    return name === undefined ? [] : [{ file: `${place}/${path}`, name: `${place}/${name}`, sha256: sha256! }];
  });
}

/** Paths of the files in a folder, with `/`, in order; none where there is no folder. Names that begin with `.` are unfinished. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true }).catch(error => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter(entry => entry.isFile() && !entry.name.startsWith('.'))
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

/** Removes what killed processes left unfinished. Nobody else may be writing. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const path of await fs.readdir(folder, { recursive: true }).catch(() => []))
    if (unfinished.test(basename(path))) await fs.rm(join(folder, path), { force: true });
}

/** @throws Error for the operator: the file is not there, or has not the bytes any more that it was written with */
export async function checkStored(folder: string, { file, sha256 }: Named): Promise<void> {
  const found = await digest(join(folder, file)).catch(error => {
    throw new Error(`${join(folder, file)} cannot be read: ${error.message}.`, { cause: error });
  });
  if (found !== sha256) throw new Error(`${join(folder, file)} is damaged: the SHA-256 of its bytes is ${found}.`);
}

/** What was stored. @throws Error for the operator: it is encrypted, and `identity` is not what opens it */
export async function openStored(folder: string, file: string, identity: string | null): Promise<Readable> {
  const bytes = await openFile(join(folder, file));
  const packed = file.endsWith('.age') ? await decrypt(bytes, file, identity) : bytes;
  return /\.gz(\.age)?$/.test(file) ? piped(packed, createGunzip()) : packed;
}

async function digest(path: string): Promise<string> {
  const sha256 = createHash('sha256');
  for await (const chunk of await openFile(path)) sha256.update(chunk);
  return sha256.digest('hex');
}

/**
 * Opened before it is answered: of a stream that cannot be opened, the error would come at a moment of its own, and end the
 * process where nobody listens yet.
 */
export async function openFile(path: string): Promise<Readable> {
  return (await fs.open(path, 'r')).createReadStream();
}

async function encrypt(plain: Readable, recipient: string): Promise<Readable> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return fromWeb(await encrypter.encrypt(toWeb(plain)));
}

async function decrypt(sealed: Readable, file: string, identity: string | null): Promise<Readable> {
  if (identity === null) throw new Error(`The backup is encrypted (${file}): give the key with --identity <file>.`);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return fromWeb(await decrypter.decrypt(toWeb(sealed)));
  } catch (cause) {
    throw new Error(`The key does not open ${file}: ${(cause as Error).message}.`, { cause });
  }
}

/** `source` through `through`; an error of the one is an error of the other. */
function piped<T extends NodeJS.ReadWriteStream & Readable>(source: Readable, through: T): T {
  pipeline(source, through).catch(error => through.destroy(error));
  return through;
}

// Node's types of web streams and those of the browser, which the library has, are the same thing under two names.
function toWeb(stream: Readable): globalThis.ReadableStream<Uint8Array> {
  return Readable.toWeb(stream) as unknown as globalThis.ReadableStream<Uint8Array>;
}

function fromWeb(stream: globalThis.ReadableStream<Uint8Array>): Readable {
  return Readable.fromWeb(stream as unknown as ReadableStream<Uint8Array>);
}

/** The name of a file is written with its folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await fs.open(folder);
  // Some network file systems cannot, and PostgreSQL lets that pass as well (fsync_fname).
  await handle.sync().catch(error => {
    if (!['EBADF', 'EINVAL'].includes(codeOf(error))) throw error;
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
