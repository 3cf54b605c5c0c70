import { and, eq, inArray } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { type HouseholdPurpose, householdAccount, shelf } from './accounts.ts';
import { account, book } from './tables.ts';

/** Number of the last transaction and the head of the chain. @throws Refusal `not-found` */
export async function getBook(db: Db, village: string): Promise<{ number: number; head: Buffer }> {
  return one(await db.select({ number: book.number, head: book.head }).from(book).where(eq(book.village, village)));
}

/** Balances of a household's accounts, as of the book's last number. */
export async function householdBalances(db: Db, village: string, householdId: string) {
  const purposes: HouseholdPurpose[] = ['available', 'pending', 'held', 'honour'];
  const balances = await balancesOf(
    db,
    village,
    purposes.map(purpose => householdAccount(householdId, purpose)),
  );
  const of = (purpose: HouseholdPurpose) => balances.get(householdAccount(householdId, purpose)) ?? 0;
  const { number } = await getBook(db, village);
  return {
    available: of('available'),
    pending: of('pending'),
    held: of('held'),
    honour: of('honour'),
    asOfNumber: number,
  };
}

/** Pieces of each goods on the shelf of a store, by goods id; goods that never came are absent. */
export async function shelfBalances(db: Db, village: string, storeId: string): Promise<Map<string, number>> {
  const rows = await db
    .select({ asset: account.asset, balance: account.balance })
    .from(account)
    .where(and(eq(account.village, village), eq(account.code, shelf(storeId))));
  return new Map(rows.map(row => [row.asset.slice('SKU:'.length), row.balance]));
}

async function balancesOf(db: Db, village: string, codes: string[]): Promise<Map<string, number>> {
  const rows = await db
    .select({ code: account.code, balance: account.balance })
    .from(account)
    .where(and(eq(account.village, village), inArray(account.code, codes)));
  return new Map(rows.map(row => [row.code, row.balance]));
}
