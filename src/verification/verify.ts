import { eq, max } from 'drizzle-orm';
import { checkpoint } from '../checkpoints/tables.ts';
import { type Db, one } from '../db/database.ts';
import { type CheckedBook, checkBook, type KeptRoot } from './check-book.ts';
import { bookChecks, gatherFindings, type Report, type Soundness } from './findings.ts';
import { newColumn } from './fingerprints.ts';
import { reconcileRecords } from './reconcile.ts';
import { type AccountNames, instantOf, recordedOf, textRows } from './recorded.ts';
import { hasFloor } from './replay-accounts.ts';
import { verification } from './tables.ts';

/** `verifyBook`, and what is on record outside the book compared with it. */
export async function verifyVillage(db: Db, village: string, kept: readonly KeptRoot[] = []): Promise<Soundness> {
  const { report, checks } = gatherFindings();
  const book = await verifyBook(db, village, kept);
  await reconcileRecords(db, village, report);
  const records = checks(['records']);
  return { ...book, sound: book.sound && records.every(({ ok }) => ok), checks: [...book.checks, ...records] };
}

/**
 * Recomputes everything a village's book says from its transactions, and names what is wrong. Run it on one unchanging
 * picture (`inExport`): it reads the whole book once, in the memory of a few dozen bytes a transaction.
 *
 * What it cannot see without a root `kept` elsewhere: a book whose tail was rewritten in every table with all hashes made
 * anew.
 * @throws Refusal `not-found`
 */
export async function verifyBook(db: Db, village: string, kept: readonly KeptRoot[] = []): Promise<Soundness> {
  const { report, checks } = gatherFindings();
  const accounts = await storedAccounts(db, village);
  const names: AccountNames = new Map(accounts.map(({ number, code, asset }) => [number, { code, asset }]));
  const check = checkBook(report, { village, kept: [...kept, ...(await storedRoots(db, village, report))] });
  for await (const batch of recordedOf(db, village, names, report)) {
    for (const recorded of batch) check.take(recorded);
  }
  const made = check.finish();
  await compareBook(db, village, made, accounts, report);
  compareAccounts(accounts, made, report);
  await compareLimits(db, village, made, report);
  const all = checks(bookChecks);
  const { headHash, rootHash, last } = made;
  return { sound: all.every(({ ok }) => ok), number: last?.number ?? 0, headHash, rootHash, checks: all };
}

/**
 * The service's own checkpoints: of no use against who could rewrite them too, but whoever forgot them, or deleted one, is
 * found. Each names the one before it; of the last ones, the latest verification says how many there were.
 */
async function storedRoots(db: Db, village: string, report: Report): Promise<KeptRoot[]> {
  const { size, root, name, number, previousSize } = checkpoint;
  const stored = await db
    .select({ size, root, origin: name, number, previousSize })
    .from(checkpoint)
    .where(eq(checkpoint.village, village))
    .orderBy(size);
  let before: (typeof stored)[number] | undefined;
  for (const row of stored) {
    const place = `checkpoint of ${row.size} transactions (${row.origin})`;
    const expected = placeInRow((before?.number ?? 0) + 1, before?.size ?? null);
    const found = placeInRow(row.number, row.previousSize);
    if (found !== expected) report('checkpoints', place, expected, found);
    before = row;
  }
  const [most] = await db
    .select({ checkpoints: max(verification.checkpoints) })
    .from(verification)
    .where(eq(verification.village, village));
  if ((most?.checkpoints ?? 0) > stored.length)
    report('checkpoints', 'book', `${most!.checkpoints} checkpoints, as verified before`, `${stored.length}`);
  return stored;
}

function placeInRow(number: number, previousSize: number | null): string {
  return `number ${number}, after ${previousSize === null ? 'none' : `that of ${previousSize} transactions`}`;
}

interface StoredAccount {
  number: number;
  code: string;
  asset: string;
  floor: string | null;
  balance: number;
  entries: number;
  /** As PostgreSQL writes it. */
  lots: string;
}

async function storedAccounts(db: Db, village: string): Promise<StoredAccount[]> {
  const accounts: StoredAccount[] = [];
  const query = `select number, code, asset, floor, balance, entries, lots from ledger.account
                  where village = ${db.$client.escapeLiteral(village)} order by number`;
  for await (const rows of textRows(db, 'accounts', query)) {
    for (const [number, code, asset, floor, balance, entries, lots] of rows) {
      accounts.push({
        number: Number(number),
        code: code!,
        asset: asset!,
        floor: floor!,
        balance: Number(balance),
        entries: Number(entries),
        lots: lots!,
      });
    }
  }
  return accounts;
}

/** The row of the book: last number, head, time of the last posting, how many accounts. */
async function compareBook(
  db: Db,
  village: string,
  { last, count, headHash }: CheckedBook,
  accounts: StoredAccount[],
  report: Report,
): Promise<void> {
  const rows: (string | null)[][] = [];
  const query = `select number, encode(head, 'hex'), posted_at, accounts from ledger.book
                  where village = ${db.$client.escapeLiteral(village)}`;
  for await (const batch of textRows(db, 'book', query)) rows.push(...batch);
  if (rows.length === 0 && (count > 0 || accounts.length > 0)) return report('numbers', 'book', 'a book', 'none');
  if (rows.length > 1) report('numbers', 'book', 'one book', `${rows.length}`);
  const [number, head, postedAt, opened] = one(rows);
  if (Number(number) !== (last?.number ?? 0)) {
    report('numbers', 'book', `number ${last?.number ?? 0}`, `number ${number}`);
  }
  const lastAccount = accounts.at(-1)?.number ?? 0;
  if (Number(opened) !== accounts.length || Number(opened) !== lastAccount) {
    report('numbers', 'book', `${accounts.length} accounts, the last ${lastAccount}`, `${opened} accounts`);
  }
  const lastPosted = last?.postedAt ?? '-infinity';
  if (instantOf(postedAt!) !== lastPosted) report('order', 'book', `posted ${lastPosted}`, `posted ${postedAt}`);
  const lastHash = last?.hash ?? headHash;
  if (head !== lastHash) report('chain', 'book', `head ${lastHash}`, `head ${head}`);
}

function compareAccounts(accounts: StoredAccount[], made: CheckedBook, report: Report): void {
  const sums = new Map<string, number>();
  for (const { number, code, asset, floor, balance, entries, lots } of accounts) {
    const place = `account ${number} (${code} ${asset})`;
    sums.set(asset, (sums.get(asset) ?? 0) + balance);
    const replayed = made.accounts.get(code, asset);
    const [rightBalance, rightEntries] = [replayed?.balance ?? 0, replayed?.entries ?? 0];
    if (balance !== rightBalance || entries !== rightEntries) {
      report('balances', place, `${rightBalance} after ${rightEntries} entries`, `${balance} after ${entries} entries`);
    }
    const rightFloor = hasFloor(code) ? '0' : null;
    if (floor !== rightFloor) report('floors', place, `floor ${rightFloor ?? 'none'}`, `floor ${floor ?? 'none'}`);
    const rightLots = storedForm(replayed?.lots ?? new Map());
    if (lots !== rightLots) report('lots', place, rightLots, lots);
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0) report('amounts', `asset ${asset}`, 'balances summing to 0', String(sum));
  }
}

/** Lots as `account.lots` is written out: all keys are of one length, so it sorts them by their bytes. */
function storedForm(lots: Map<string, number>): string {
  const days = [...lots].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${days.map(([day, points]) => `"${day}": ${points}`).join(', ')}}`;
}

async function compareLimits(db: Db, village: string, { limits }: CheckedBook, report: Report): Promise<void> {
  const seen = newColumn(Uint8Array);
  const query = `select key, used, max from ledger.limit_use
                  where village = ${db.$client.escapeLiteral(village)} order by key`;
  for await (const rows of textRows(db, 'limits', query)) {
    for (const [key, used, max] of rows) {
      const right = limits.get(key!);
      if (right === undefined) report('limits', `limit ${key}`, 'no use', `used ${used} of ${max}`);
      else if (Number(used) !== right.used || Number(max) !== right.max) {
        report('limits', `limit ${key}`, `used ${right.used} of ${right.max}`, `used ${used} of ${max}`);
      }
      if (right === undefined) continue;
      if (seen.get(right.place) === 1) report('limits', `limit ${key}`, 'a single row', 'a second one');
      seen.set(right.place, 1);
    }
  }
  for (let place = 0; place < limits.size(); place += 1) {
    if (seen.get(place) === 1) continue;
    const where = `limit first used by transaction ${limits.firstUse(place)}`;
    report('limits', where, `used ${limits.used(place)}`, 'none');
  }
}
