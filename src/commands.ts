// Commands of the operator that work on the database of this installation.

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listFiles } from './backup/stored-file.ts';
import { systemClock } from './calendar.ts';
import { readConfig } from './config.ts';
import { type Database, openDatabase } from './db/database.ts';
import { pgErrorOf } from './db/line.ts';
import { openPostgres } from './db/open.ts';
import { none } from './db/scope.ts';
import { refuseCommonPassword } from './identity/common-passwords.ts';
import { createFirstAdmin } from './identity/first-admin.ts';
import { hashSecret } from './identity/passwords.ts';
import { oneTimeFrom } from './identity/users.ts';
import { keyOf, variants } from './photos/photo-store.ts';
import { listKeptPhotos } from './photos/read.ts';
import { say, tellSoundness } from './say.ts';
import type { KeptCheckpoint } from './verification/kept-checkpoint.ts';
import { verifyVillage } from './verification/verify.ts';
import { listOpenVillages } from './villages/read.ts';

export async function migrateDatabase(): Promise<number> {
  const postgres = await openPostgres(readConfig(), () => undefined);
  await postgres.stop();
  return say(postgres.migrated.length === 0 ? 'The database is up to date.\n' : `${postgres.migrated.join('\n')}\n`);
}

const firstSignIn = 'The first sign-in asks for a password of their own and for a second factor.';

export async function createAdmin(input: { login: string; name: string; fromInput: boolean }): Promise<number> {
  if (!/^[a-z0-9][a-z0-9._-]{1,63}$/.test(input.login)) {
    throw new Error(
      'The login must have 2 to 64 characters of a-z, 0-9, dot, hyphen and underscore, and start with a letter or digit.',
    );
  }
  if (!/^\S(.{0,58}\S)?$/.test(input.name)) throw new Error('The name must have 1 to 60 characters.');
  const password = input.fromInput ? await firstLineOfInput() : randomBytes(15).toString('base64url');
  if (password.length < 15 || password.length > 128) throw new Error('The password must have 15 to 128 characters.');
  try {
    refuseCommonPassword(password, input);
  } catch {
    throw new Error('The password is too easy to guess: choose another.');
  }
  const passwordHash = await hashSecret(password);

  return onDatabase(async database => {
    const { login, name } = input;
    await database
      .inTransaction(none, async tx => {
        await tx.execute('set local role jifen_owner');
        const now = systemClock.now();
        return createFirstAdmin(tx, { login, name, passwordHash, oneTimeUntil: oneTimeFrom(now) }, now);
      })
      .catch(error => {
        if (pgErrorOf(error)?.constraint !== 'user_login_key') throw error;
        throw new Error(`User ${login} already exists.`);
      });
    return say(
      input.fromInput
        ? `${login} can sign in as platformAdmin. ${firstSignIn}\n`
        : `${login} can sign in as platformAdmin. ${firstSignIn}\nThis is the one-time password, which is shown only once:\n${password}\n`,
    );
  }, 'ownerUrl');
}

/** Recomputes the book that is asked for, or all. Answers 1 when one is unsound. */
export async function verifyBooks(asked: string | undefined, kept: KeptCheckpoint[]): Promise<number> {
  return onDatabase(database => verify(database, asked, kept));
}

/**
 * Recomputes all books of a database that was just restored, beside `kept` checkpoints, and settles the files of its photos
 * in `photoFolder` (null: they lie in a bucket). Answers 1 when a book is unsound, or a photo or the book of a checkpoint is
 * missing.
 */
export async function verifyRestored(kept: KeptCheckpoint[], photoFolder: string | null): Promise<number> {
  return onDatabase(async database => {
    const open = await database.inSnapshot(none, listOpenVillages);
    const strange = kept.filter(({ village }) => !open.includes(village));
    for (const { village } of strange) say(`${village} has no book here, and a checkpoint\n`);
    const ofHere = kept.filter(({ village }) => open.includes(village));
    const unsound = await verify(database, undefined, ofHere);
    const missing = photoFolder === null ? 0 : await settlePhotos(database, open, photoFolder);
    return strange.length + missing > 0 ? 1 : unsound;
  });
}

/**
 * Removes the files of photos that were removed, or that came after the moment: a backup has them for longer. Answers how
 * many are missing.
 */
async function settlePhotos(database: Database, villages: string[], folder: string): Promise<number> {
  const there = new Set(await listFiles(folder));
  let missing = 0;
  for (const village of villages) {
    for (const id of await database.inExport(village, db => listKeptPhotos(db, village)))
      for (const variant of variants) {
        const key = keyOf(village, id, variant);
        if (there.delete(key)) continue;
        missing += 1;
        if (missing <= 10) say(`  photo missing: ${key}\n`);
      }
  }
  if (missing > 0) say(`${missing} files of photos are missing\n`);
  for (const path of there) await rm(join(folder, path));
  return missing;
}

async function verify(database: Database, asked: string | undefined, kept: KeptCheckpoint[]): Promise<number> {
  const open = await database.inSnapshot(none, listOpenVillages);
  const villages = asked === undefined ? open : [asked];
  for (const village of [...villages, ...kept.map(checkpoint => checkpoint.village)]) {
    if (!open.includes(village)) throw new Error(`There is no book for village ${village} in this database.`);
    if (!villages.includes(village))
      throw new Error(`A checkpoint belongs to the book of another village, ${village}.`);
  }
  let unsound = 0;
  for (const village of villages) {
    const ofBook = kept.filter(checkpoint => checkpoint.village === village);
    const soundness = await database.inExport(village, db => verifyVillage(db, village, ofBook));
    unsound += tellSoundness(village, soundness, ofBook.length);
  }
  return unsound === 0 ? 0 : 1;
}

/** As the service itself, or as the login that owns the database. */
async function onDatabase(
  work: (database: Database) => Promise<number>,
  as: 'appUrl' | 'ownerUrl' = 'appUrl',
): Promise<number> {
  const postgres = await openPostgres(readConfig(), () => undefined);
  const database = openDatabase(postgres[as], {
    connections: 2,
    onError: error => process.stderr.write(`jifen: ${error.message}\n`),
  });
  try {
    return await work(database);
  } finally {
    await database.close();
    await postgres.stop();
  }
}

async function firstLineOfInput(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Password: ');
  for await (const line of createInterface({ input: process.stdin })) return line;
  return '';
}
