import { sql } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';

/**
 * Lets one database transaction at a time look in a village's register for a person and enter who is not there. No key
 * could: of two people with one name and one end of the ID number, both may be meant. Taken before the book is opened.
 */
export async function lockRegister(tx: Tx, village: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`households:${village}`}, 0))`);
}
