import { createHash } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';

/** The file of a function: `ledger.post` is defined in `functions/ledger/post.sql`, and nothing else is. */
export interface FunctionFile {
  name: string;
  text: string;
  sha256: string;
}

export async function readFunctions(folder: string): Promise<FunctionFile[]> {
  const files: FunctionFile[] = [];
  for await (const path of glob('*/*.sql', { cwd: folder })) {
    const text = await readFile(join(folder, path), 'utf8');
    const name = path.slice(0, -'.sql'.length).replace(/[\\/]/, '.');
    files.push({ name, text, sha256: createHash('sha256').update(text).digest('hex') });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Replaces the functions of which the database holds something other than their files, and those that it does not hold;
 * what is in force afterwards is exactly what the files say, rights of `jifen_app` included. To be called in the database
 * transaction and under the lock of the migrations, after them. Answers the functions' names.
 *
 * @throws Error when the database was migrated by a newer version; when a file fails; when a function has no file, or
 *   coexists with an older one with other arguments: such a one is dropped in a migration
 */
export async function replaceFunctions(client: pg.Client, folder: string): Promise<string[]> {
  const files = await readFunctions(folder);
  await client.query(`create table if not exists jifen.function_content (
    name text, sha256 text, in_force boolean not null, constraint function_content_pkey primary key (name, sha256))`);
  const { rows: contents } = await client.query('select name, sha256, in_force from jifen.function_content');
  const seen = new Map(contents.map(row => [`${row.name} ${row.sha256}`, row.in_force as boolean]));
  const stateOf = ({ name, sha256 }: FunctionFile) => seen.get(`${name} ${sha256}`);

  // What was replaced once does not come back: a file with such a content is an older one.
  const older = files.filter(file => stateOf(file) === false).map(file => file.name);
  if (older.length > 0) {
    throw new Error(
      `The database is newer than this version of jifen: it has later versions of ${older.join(', ')}. Start the version that created them. (To return to an earlier version on purpose, change the comment in its file.)`,
    );
  }
  const before = await signatures(client);
  const wanted = files.filter(file => stateOf(file) === undefined || !before.has(file.name));
  for (const file of inOrder(wanted)) await replace(client, file, before.get(file.name) ?? []);
  refuseUnlike(files, await signatures(client));
  await client.query(
    `insert into jifen.function_content select name, sha256, true from unnest($1::text[], $2::text[]) f (name, sha256)
         on conflict do nothing`,
    [files.map(file => file.name), files.map(file => file.sha256)],
  );
  await client.query(
    `update jifen.function_content set in_force = false
      where in_force and name || ' ' || sha256 <> all ($1::text[])`,
    [files.map(file => `${file.name} ${file.sha256}`)],
  );
  return wanted.map(file => file.name);
}

async function replace(client: pg.Client, { name, text }: FunctionFile, before: string[]): Promise<void> {
  try {
    // `create or replace` leaves rights as they are: the file grants what it means to.
    for (const signature of before) await client.query(`revoke all on routine ${signature} from jifen_app`);
    await client.query(text);
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string };
    // Another result, other names of arguments; and, where the file names it to grant it, other arguments.
    const hint = code === '42P13' || code === '42725' ? ' Drop the old one in a migration, which runs first.' : '';
    throw new Error(`Function ${name} failed and the whole run was rolled back: ${message}.${hint}`, { cause });
  }
}

/** Every function of ours in the catalogue, by its name. The queue's are pg-boss's own. */
async function signatures(client: pg.Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query(
    `select n.nspname || '.' || p.proname as name, array_agg(p.oid::regprocedure::text) as signatures
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.proowner = 'jifen_owner'::regrole and n.nspname <> 'jobs' group by 1`,
  );
  return new Map(rows.map(row => [row.name, row.signatures]));
}

function refuseUnlike(files: FunctionFile[], catalogue: Map<string, string[]>): void {
  const names = new Set(files.map(file => file.name));
  const strangers = [...catalogue.keys()].filter(name => !names.has(name));
  if (strangers.length > 0) {
    throw new Error(
      `The database has functions without a file: ${strangers.join(', ')}. Start the version that created them, or drop them in a migration.`,
    );
  }
  for (const { name } of files) {
    const found = catalogue.get(name) ?? [];
    if (found.length === 0) throw new Error(`The file of ${name} does not define it.`);
    if (found.length > 1) {
      throw new Error(
        `A name must have one function, but there are ${found.join(' and ')}: drop the old one in a migration.`,
      );
    }
  }
}

/** Each after those that it names, for the body of `language sql` is looked at when it is made. */
export function inOrder(files: FunctionFile[]): FunctionFile[] {
  const ordered = new Set<FunctionFile>();
  const begun = new Set<FunctionFile>();
  const add = (file: FunctionFile) => {
    if (begun.has(file)) return;
    begun.add(file);
    const words = new Set(file.text.replace(/--.*/g, '').match(/\b\w+\.\w+/g));
    for (const other of files) if (words.has(other.name)) add(other);
    ordered.add(file);
  };
  for (const file of files) add(file);
  return [...ordered];
}
