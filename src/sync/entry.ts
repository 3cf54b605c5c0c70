import type { Db } from '../db/database.ts';

/** For which kiosk a collection is read, and on which day of the village's life. */
export interface Place {
  village: string;
  kioskId: string;
  storeId: string;
  today: Temporal.PlainDate;
}

/** One thing that a kiosk is told: its id within the collection, at most 60 characters, and whatever else it consists of. */
export interface Entry {
  id: string;
}

/**
 * All entries of one collection as they stand in the caller's snapshot, in any order. Whether an entry has changed is seen
 * from its content alone, so a collection may be read from wherever it lies.
 */
export type Read<T extends Entry = Entry> = (db: Db, place: Place) => Promise<T[]>;
