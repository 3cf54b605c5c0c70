import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { type AccountKey, type HouseholdPurpose, householdAccount, reserved, shelf } from './accounts.ts';
import { causes, type Kind } from './causes.ts';
import { account, book, transaction } from './tables.ts';

/** Number of the last transaction, the head of the chain, how many accounts there are. @throws Refusal `not-found` */
export async function getBook(db: Db, village: string): Promise<{ number: number; head: Buffer; accounts: number }> {
  return one(
    await db
      .select({ number: book.number, head: book.head, accounts: book.accounts })
      .from(book)
      .where(eq(book.village, village)),
  );
}

/**
 * Balances of a household's accounts, what it owes, and what of its spendable points expires, the soonest first; as of
 * the book's last number.
 */
export async function householdBalances(db: Db, village: string, householdId: string) {
  const purposes: HouseholdPurpose[] = ['available', 'pending', 'held', 'base', 'honour', 'arrears'];
  const rows = await db
    .select({ code: account.code, balance: account.balance, lots: account.lots })
    .from(account)
    .where(
      and(
        eq(account.village, village),
        inArray(
          account.code,
          purposes.map(purpose => householdAccount(householdId, purpose)),
        ),
      ),
    );
  const accounts = new Map(rows.map(row => [row.code, row]));
  const of = (purpose: HouseholdPurpose) => accounts.get(householdAccount(householdId, purpose))?.balance ?? 0;
  const lots = accounts.get(householdAccount(householdId, 'available'))?.lots ?? {};
  const { number } = await getBook(db, village);
  return {
    available: of('available'),
    pending: of('pending'),
    held: of('held'),
    base: of('base'),
    honour: of('honour'),
    arrears: -of('arrears'),
    expiring: Object.entries(lots)
      .map(([expiresOn, points]) => ({ points, expiresOn }))
      .sort((a, b) => a.expiresOn.localeCompare(b.expiresOn)),
    asOfNumber: number,
  };
}

/**
 * The same as a household may spend them on a day: points whose last day has passed are `ended`, and no longer
 * `available`.
 */
export async function spendableBalances(db: Db, village: string, householdId: string, day: Temporal.PlainDate) {
  const { available, expiring, ...rest } = await householdBalances(db, village, householdId);
  const hasEnded = ({ expiresOn }: { expiresOn: string }) => expiresOn < day.toString();
  const ended = expiring.filter(hasEnded).reduce((sum, { points }) => sum + points, 0);
  return { ...rest, available: available - ended, ended, expiring: expiring.filter(lot => !hasEnded(lot)) };
}

/** Pieces of each goods on the shelf of a store, by goods id; goods that never came are absent. */
export async function shelfBalances(db: Db, village: string, storeId: string): Promise<Map<string, number>> {
  return goodsBalances(db, village, shelf(storeId));
}

/** Pieces of each goods set aside at a store for orders that wait, by goods id. */
export async function reservedBalances(db: Db, village: string, storeId: string): Promise<Map<string, number>> {
  return goodsBalances(db, village, reserved(storeId));
}

/** What of an exchange that was made offline was paid by nobody; 0 for every other one. */
export async function offlineLossOf(db: Db, village: string, redemptionId: string): Promise<number> {
  const kind: Kind = 'offlineRedemption';
  const [row] = await db
    .select({ loss: sql<string | null>`${transaction.frozen} ->> 'lossPoints'` })
    .from(transaction)
    .where(
      and(
        eq(transaction.village, village),
        eq(transaction.kind, kind),
        eq(transaction.cause, causes.offlineRedemption(redemptionId)),
      ),
    );
  return Number(row?.loss ?? 0);
}

async function goodsBalances(db: Db, village: string, code: string): Promise<Map<string, number>> {
  const rows = await db
    .select({ asset: account.asset, balance: account.balance })
    .from(account)
    .where(and(eq(account.village, village), eq(account.code, code)));
  return new Map(rows.map(row => [row.asset.slice('SKU:'.length), row.balance]));
}

/** Numbers of the transactions of these kinds and causes, by cause, in the order of the book. */
export async function numbersByCause(
  db: Db,
  village: string,
  kinds: readonly Kind[],
  causes: readonly string[],
): Promise<Map<string, number>> {
  if (causes.length === 0) return new Map();
  const rows = await db
    .select({ cause: transaction.cause, number: transaction.number })
    .from(transaction)
    .where(
      and(
        eq(transaction.village, village),
        inArray(transaction.kind, [...kinds]),
        inArray(transaction.cause, [...causes]),
      ),
    )
    .orderBy(transaction.number);
  return new Map(rows.map(row => [row.cause, row.number]));
}

/** The day that a transaction counts for. @throws Refusal `not-found` */
export async function businessDateOf(db: Db, village: string, number: number): Promise<string> {
  const rows = await db
    .select({ businessDate: transaction.businessDate })
    .from(transaction)
    .where(and(eq(transaction.village, village), eq(transaction.number, number)));
  return one(rows).businessDate;
}

/**
 * Balance of an account after the transaction `number`; 0 before its first entry. The last key on each side is looked up by
 * itself: under row-level security the planner takes an account for one row, would read all of it, and sort.
 */
export async function balanceThrough(db: Db, village: string, key: AccountKey, number: number): Promise<number> {
  const last = (side: SQL, balance: SQL) => sql`(
    select number, line, (select ${balance} from ledger.transfer
                           where village = ${village} and number = e.number and line = e.line) as balance
      from (select number, line from ledger.transfer
             where village = ${village} and ${side} = a.number and number <= ${number}
             order by number desc, line desc limit 1) e)`;
  const [row] = await rowsOf<{ balance: number }>(
    db,
    sql`
    select e.balance
      from ledger.account a
     cross join lateral (
       select * from (${last(sql`from_account`, sql`from_balance`)} union all ${last(sql`to_account`, sql`to_balance`)}) both_sides
        order by number desc, line desc limit 1) e
     where a.village = ${village} and a.code = ${key.code} and a.asset = ${key.asset}`,
  );
  return row?.balance ?? 0;
}
