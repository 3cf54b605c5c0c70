import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseVerifier } from './checkpoints/note.ts';
import { explainError } from './explain-error.ts';
import { say, tellSoundness } from './say.ts';
import { verifyJournal } from './verification/journal-file.ts';
import { type KeptCheckpoint, readCheckpoint } from './verification/kept-checkpoint.ts';

const help = `jifen: operate a village points store from the terminal

  jifen admin create <login> <name>   create a platform administrator; a password is generated and shown once,
                                      or read from the first line of standard input with --password-stdin
  jifen migrate                       migrate the database to this version
  jifen verify [village]              verify the book of one village, or of all; exits with 1 if one is unsound
  jifen verify --journal <file>       verify an exported journal (canonical or jsonl) without a database
      --checkpoint <file>             compare with a checkpoint kept elsewhere; may be repeated
      --key <key>                     require the checkpoints to be signed with this verifier key
  jifen backup                        back up the embedded database, the keys and the photos, while the service runs
      --to <folder>                   into another folder than that of the service
  jifen backup list [folder]          list the backups and the moments that can be restored
  jifen backup key                    print a new key for encrypted backups, and its recipient
  jifen restore <folder>              restore a backup into JIFEN_DATA_DIR, which must be empty, and verify every book
      --at <moment>                   as of a moment, such as '2026-11-29 17:30' (China) or 2026-11-29T09:30:00Z
      --identity <file>               the key of an encrypted backup
      --checkpoint, --key             as for verify: compare with checkpoints kept elsewhere

Uses the database of the service: DATABASE_URL, or the embedded one in JIFEN_DATA_DIR (./data). The embedded database
serves one process at a time, so stop the service first; jifen backup alone works beside it.
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
      to: { type: 'string' },
      at: { type: 'string' },
      identity: { type: 'string' },
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
  if (command === 'backup' && rest.length === 0) return (await backups()).backUp(values.to);
  if (command === 'backup' && verb === 'list' && rest.length <= 2) return (await backups()).listBackups(login);
  if (command === 'backup' && verb === 'key' && rest.length === 1) return (await backups()).makeBackupKey();
  if (command === 'restore' && verb !== undefined && rest.length === 1) {
    const kept = await readCheckpoints(values.checkpoint ?? [], values.key);
    return (await backups()).restoreBackup(verb, { at: values.at, identity: values.identity, kept });
  }
  if (command === 'admin' && verb === 'create' && login !== undefined && name !== undefined && more.length === 0) {
    return (await commands()).createAdmin({ login, name, fromInput: values['password-stdin'] === true });
  }
  throw new Error(`Unknown command. Run jifen --help for a list.`);
}

/** What needs the database is loaded when it is asked for: a file is checked where there is none, and at once. */
function commands() {
  return import('./commands.ts');
}

function backups() {
  return import('./backup-commands.ts');
}

async function readCheckpoints(paths: string[], key: string | undefined): Promise<KeptCheckpoint[]> {
  const verifier = key === undefined ? undefined : parseVerifier(key);
  if (verifier !== undefined && paths.length === 0) throw new Error('--key needs at least one --checkpoint.');
  const kept: KeptCheckpoint[] = [];
  for (const path of paths) kept.push(readCheckpoint(await readFile(path, 'utf8'), verifier));
  return kept;
}

async function verifyFile(path: string, kept: KeptCheckpoint[]): Promise<number> {
  const { village, ...soundness } = await verifyJournal(path, kept);
  const unsound = tellSoundness(village, soundness, kept.length);
  if (kept.length === 0)
    say(
      '  No checkpoint given: the whole file could have been rewritten. Compare it with a checkpoint kept elsewhere.\n',
    );
  return unsound;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`jifen: ${explainError(error)}\n`);
  process.exitCode = 2;
}
