import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseVerifier } from './checkpoints/note.ts';
import { explainError } from './explain-error.ts';
import { say, tellSoundness } from './say.ts';
import { verifyJournal } from './verification/journal-file.ts';
import { type KeptCheckpoint, readCheckpoint } from './verification/kept-checkpoint.ts';

const help = `jifen: what the operator of a village points store does from a terminal

  jifen admin create <login> <name>   make a platform administrator; the password is made and shown once,
                                      or read from the first line of input with --password-stdin
  jifen migrate                       bring the database up to this version
  jifen verify [village]              recompute the book of one village, or of all; exit 1 if one is unsound
  jifen verify --journal <file>       the same from an exported journal (canonical or jsonl), without any database
      --checkpoint <file>             hold the book beside a checkpoint that was kept elsewhere; may be repeated
      --key <key>                     the checkpoints must be signed with this verifier key

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
      journal: { type: 'string' },
      checkpoint: { type: 'string', multiple: true },
      key: { type: 'string' },
    },
  });
  if (values.version) {
    return say(`${JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version}\n`);
  }
  if (values.help || positionals.length === 0) return say(help);
  const [command, ...rest] = positionals;
  const [verb, login, name, ...more] = rest;
  if (command === 'migrate' && rest.length === 0) return (await commands()).migrateDatabase();
  if (command === 'verify' && rest.length <= (values.journal === undefined ? 1 : 0)) {
    const kept = await readCheckpoints(values.checkpoint ?? [], values.key);
    if (values.journal !== undefined) return verifyFile(values.journal, kept);
    return (await commands()).verifyBooks(verb, kept);
  }
  if (command === 'admin' && verb === 'create' && login !== undefined && name !== undefined && more.length === 0) {
    return (await commands()).createAdmin({ login, name, fromInput: values['password-stdin'] === true });
  }
  throw new Error(`There is no such command. Try: jifen --help`);
}

/** What needs the database is loaded when it is asked for: a file is checked where there is none, and at once. */
function commands() {
  return import('./commands.ts');
}

async function readCheckpoints(paths: string[], key: string | undefined): Promise<KeptCheckpoint[]> {
  const verifier = key === undefined ? undefined : parseVerifier(key);
  if (verifier !== undefined && paths.length === 0) throw new Error('A key is for a checkpoint, and none is given.');
  const kept: KeptCheckpoint[] = [];
  for (const path of paths) kept.push(readCheckpoint(await readFile(path, 'utf8'), verifier));
  return kept;
}

async function verifyFile(path: string, kept: KeptCheckpoint[]): Promise<number> {
  const { village, ...soundness } = await verifyJournal(path, kept);
  const unsound = tellSoundness(village, soundness, kept.length);
  if (kept.length === 0)
    say('  without a checkpoint kept elsewhere, whoever wrote the file may have written all of it anew\n');
  return unsound;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`jifen: ${explainError(error)}\n`);
  process.exitCode = 2;
}
