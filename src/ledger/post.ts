import { type SQL, sql } from 'drizzle-orm';
import { rowsOf, type Tx } from '../db/database.ts';
import { type Facts, isRefusalCode, Refusal, type RefusalCode } from '../refusals.ts';
import type { AccountKey } from './accounts.ts';
import type { Command } from './transactions.ts';

export interface Posted {
  status: 'posted' | 'replayed';
  /** The voucher number: gapless in the village's book. */
  number: number;
  id: string;
  /** Chain hash after this transaction, lower-case hex. */
  hash: string;
  postedAt: string;
}

/** One command's answer. `undone`: it had been posted, but another command of an atomic list was refused. */
export type PostResult = Posted | { status: 'undone' } | { status: 'refused'; code: RefusalCode; facts: Facts };

/**
 * Posts a list of commands in a village's book, in order, and answers each. One refused command never harms its
 * neighbours; with `atomic` all are posted or none. Locks the book until the database transaction ends, so it is
 * called last.
 *
 * What a command takes must have been there on its business day and on every day since. Where the account has it now and
 * had not then, the command is posted for the day on which it is entered, or the account's last one.
 */
export async function post(
  tx: Tx,
  village: string,
  commands: Command[],
  options: { atomic: boolean },
): Promise<PostResult[]> {
  const dated = [...commands];
  const results: PostResult[] = [];
  let places = [...commands.keys()];
  while (places.length > 0) {
    const answers = await postAsDated(
      tx,
      village,
      places.map(place => dated[place]!),
      options,
    );
    for (const [index, place] of places.entries()) results[place] = answers[index]!;
    const early = places.filter(place => fitsOn(results[place]!) !== undefined);
    for (const place of early) dated[place] = laterBy(dated[place]!, fitsOn(results[place]!)!);
    places = options.atomic && early.length > 0 ? [...commands.keys()] : early;
  }
  return results;
}

/** The day on which a command could be posted that was refused for its own day only. Later than that day. */
function fitsOn(result: PostResult): string | undefined {
  return result.status === 'refused' && typeof result.facts.fitsOn === 'string' ? result.facts.fitsOn : undefined;
}

function laterBy(command: Command, day: string): Command {
  const { enteredOn = day } = command;
  return { ...command, businessDate: enteredOn > day ? enteredOn : day };
}

async function postAsDated(
  tx: Tx,
  village: string,
  commands: Command[],
  options: { atomic: boolean },
): Promise<PostResult[]> {
  const [row] = await rowsOf<{ results: PostResult[] }>(
    tx,
    sql`select ${posting(village, commands, options)} as results`,
  );
  return row!.results.map(checked);
}

/** The same as a SQL expression, for a statement that uses the results: a `jsonb` array with one element per command. */
export function posting(village: string, commands: Command[], { atomic }: { atomic: boolean }): SQL {
  return sql`ledger.post(${village}, ${JSON.stringify(shortened(commands))}::jsonb, ${atomic})`;
}

/** Like `posting`, for several books: the results of all lists, concatenated. Locks the books in the order of their codes. */
export function postingBooks(lists: { village: string; commands: Command[] }[]): SQL {
  const input = lists.map(({ village, commands }) => ({ village, commands: shortened(commands) }));
  return sql`ledger.post_books(${JSON.stringify(input)}::jsonb)`;
}

/** The commands as the ledger reads them: what one has in common with an earlier one, as the lines of a sheet do, is said once. */
function shortened(commands: Command[]): object[] {
  if (commands.length === 1) return commands;
  const firsts = new Map<string, number>();
  return commands.map((command, place) => {
    const { id, cause, transfers, limits, reverses, ...event } = command;
    const text = JSON.stringify(event);
    const first = firsts.get(text);
    if (first !== undefined) return { as: first, id, cause, transfers, limits, reverses };
    firsts.set(text, place);
    return command;
  });
}

function checked(result: PostResult): PostResult {
  if (result.status === 'undone') return result;
  if (result.status !== 'refused') return { ...result, postedAt: new Date(result.postedAt).toISOString() };
  return { ...result, code: knownCode(result.code) };
}

/** A code that refusals.ts does not know would reach the client as a bug, and it is one. */
export function knownCode(code: string): RefusalCode {
  if (!isRefusalCode(code)) throw new Error(`the ledger refused with an unknown code: ${code}`);
  return code;
}

/**
 * Locks the book of a village until the database transaction ends, for a verb that must know a balance or lots to say what
 * it posts. What it reads after this call is what it posts on.
 */
export async function lockBook(tx: Tx, village: string): Promise<void> {
  await tx.execute(sql`select ledger.lock_book(${village})`);
}

/**
 * Posts one transaction.
 * @throws Refusal whatever the ledger refuses it with: `insufficient-points`, `insufficient-stock`, `cap-reached`, …
 */
export async function postOne(tx: Tx, village: string, command: Command): Promise<Posted> {
  const [result] = await post(tx, village, [command], { atomic: false });
  if (result?.status === 'refused') throw new Refusal(result.code, result.facts);
  return result as Posted;
}

/** Opens a village's book. Opening it again changes nothing. */
export async function openBook(tx: Tx, village: string, accounts: AccountKey[]): Promise<void> {
  await tx.execute(sql`select ledger.open_book(${village})`);
  await openAccounts(tx, village, accounts);
}

/** Opens accounts; those that are open stay as they are. Locks the book. */
export async function openAccounts(tx: Tx, village: string, accounts: AccountKey[]): Promise<void> {
  await tx.execute(sql`select ledger.open_accounts(${village}, ${JSON.stringify(accounts)}::jsonb)`);
}
