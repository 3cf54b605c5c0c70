import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { systemClock } from './calendar.ts';
import { readConfig } from './config.ts';
import { type Database, openDatabase, pgErrorOf } from './db/database.ts';
import { openPostgres } from './db/open.ts';
import { none } from './db/scope.ts';
import { explainError } from './explain-error.ts';
import { createFirstAdmin } from './identity/first-admin.ts';
import { hashSecret } from './identity/passwords.ts';
import { verifyVillage } from './ledger/verify.ts';
import { listOpenVillages } from './villages/read.ts';

const help = `jifen: what the operator of a village points store does from a terminal

  jifen admin create <login> <name>   make a platform administrator; the password is made and shown once,
                                      or read from the first line of input with --password-stdin
  jifen migrate                       bring the database up to this version
  jifen verify [village]              recompute the book of one village, or of all; exit 1 if one is unsound

The database is the one the service has: DATABASE_URL, or the embedded one in JIFEN_DATA_DIR (./data). The embedded
one serves one process at a time, so stop the service first.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
      'password-stdin': { type: 'boolean' },
    },
  });
  if (values.version) {
    return say(`${JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version}\n`);
  }
  if (values.help || positionals.length === 0) return say(help);
  const [command, ...rest] = positionals;
  const [verb, login, name, ...more] = rest;
  if (command === 'migrate' && rest.length === 0) return migrate();
  if (command === 'verify' && rest.length <= 1) return onDatabase(database => verify(database, verb));
  if (command === 'admin' && verb === 'create' && login !== undefined && name !== undefined && more.length === 0) {
    return createAdmin({ login, name, fromInput: values['password-stdin'] === true });
  }
  throw new Error(`There is no such command. Try: jifen --help`);
}

async function migrate(): Promise<number> {
  const postgres = await openPostgres(readConfig(), () => undefined);
  await postgres.stop();
  return say(postgres.migrated.length === 0 ? 'Nothing to do.\n' : `${postgres.migrated.join('\n')}\n`);
}

async function createAdmin(said: { login: string; name: string; fromInput: boolean }): Promise<number> {
  if (!/^[a-z0-9][a-z0-9._-]{1,63}$/.test(said.login)) {
    throw new Error('The login has 2 to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit.');
  }
  if (!/^\S(.{0,58}\S)?$/.test(said.name)) throw new Error('The name has 1 to 60 characters.');
  const password = said.fromInput ? await firstLineOfInput() : randomBytes(15).toString('base64url');
  if (password.length < 15 || password.length > 128) throw new Error('The password has 15 to 128 characters.');
  const passwordHash = await hashSecret(password);

  return onDatabase(async database => {
    const { login, name } = said;
    await database
      .inTransaction(none, tx => createFirstAdmin(tx, { login, name, passwordHash }, systemClock.now()))
      .catch(error => {
        if (pgErrorOf(error)?.constraint !== 'user_login_key') throw error;
        throw new Error(`There is a user ${login} already.`);
      });
    return say(
      said.fromInput
        ? `${login} may sign in as platformAdmin.\n`
        : `${login} may sign in as platformAdmin with this password, which is shown once:\n${password}\n`,
    );
  });
}

async function verify(database: Database, asked: string | undefined): Promise<number> {
  const villages = await database.inSnapshot(none, db => listOpenVillages(db));
  if (asked !== undefined && !villages.includes(asked)) throw new Error(`No book is kept here for village ${asked}.`);
  let unsound = 0;
  for (const village of asked === undefined ? villages : [asked]) {
    const { number, headHash, checks } = await database.inExport(village, db => verifyVillage(db, village));
    const findings = checks.flatMap(check => check.findings);
    const verdict = findings.length === 0 ? 'sound' : 'UNSOUND';
    say(`${village} ${verdict}, ${number} transactions, head ${headHash}\n`);
    for (const { check, place, expected, found } of findings) {
      say(`  ${check}: ${place}: expected ${expected}, found ${found}\n`);
    }
    if (findings.length > 0) unsound += 1;
  }
  return unsound === 0 ? 0 : 1;
}

async function onDatabase(work: (database: Database) => Promise<number>): Promise<number> {
  const postgres = await openPostgres(readConfig(), () => undefined);
  const database = openDatabase(postgres.appUrl, {
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

function say(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`jifen: ${explainError(error)}\n`);
  process.exitCode = 2;
}
