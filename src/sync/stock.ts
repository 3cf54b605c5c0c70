import { shelfBalances } from '../ledger/read.ts';
import type { Read } from './entry.ts';

interface StockEntry {
  /** The goods. */
  id: string;
  onShelf: number;
}

/** What lies on the shelf of the kiosk's own store. */
export const stock: Read<StockEntry> = async (db, { village, storeId }) =>
  [...(await shelfBalances(db, village, storeId))].map(([id, onShelf]) => ({ id, onShelf }));
