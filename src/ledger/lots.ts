import { sql } from 'drizzle-orm';
import { remembering } from '../calendar.ts';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { Kind } from './causes.ts';
import type { Lots } from './transactions.ts';

/** Last day of the calendar month `months` months after `day`'s: so a household has at most a lot for each month. */
export const lastDayOfMonth = remembering((day: Temporal.PlainDate, months: number): string => {
  const month = day.toPlainYearMonth().add({ months });
  return month.toPlainDate({ day: month.daysInMonth }).toString();
});

/**
 * The dated part of the last `points` of `total` that were taken by these lots. What is given back of an order goes back
 * as if it had not been taken: what expires last, or never, was taken last and returns first.
 */
export function lastOf(lots: Lots, total: number, points: number): Lots {
  const dated = Object.entries(lots).sort(([a], [b]) => b.localeCompare(a));
  let left = Math.max(0, points - (total - dated.reduce((sum, [, lot]) => sum + lot, 0)));
  const back: Lots = {};
  for (const [day, lot] of dated) {
    const some = Math.min(lot, left);
    if (some > 0) back[day] = some;
    left -= some;
  }
  return back;
}

/** The share of lots that goes with `points` of `total`: of each as much, and of what never expires too. */
export function shareOf(lots: Lots, total: number, points: number): Lots {
  const share: Lots = {};
  let before = 0n;
  for (const [day, lot] of Object.entries(lots).sort(([a], [b]) => a.localeCompare(b))) {
    const through = before + BigInt(lot);
    const some = Number((through * BigInt(points)) / BigInt(total) - (before * BigInt(points)) / BigInt(total));
    if (some > 0) share[day] = some;
    before = through;
  }
  return share;
}

/** The dated points that the first line of a transaction moved, as its terms record them. @throws Refusal `not-found` */
export async function lotsMoved(db: Db, village: string, kinds: Kind[], cause: string): Promise<Lots> {
  const { lots } = one(
    await rowsOf<{ lots: string | null }>(
      db,
      sql`select frozen ->> 'lots:1' as lots from ledger.transaction
           where village = ${village} and kind = any(${sql.param(kinds)}::text[]) and cause = ${cause}`,
    ),
  );
  return lotsOf(lots);
}

/** Dated points as a transaction froze them for a line: `2027-11-30=5,2027-12-31=2`, or null for none. */
export function lotsOf(text: string | null): Lots {
  return Object.fromEntries((text?.split(',') ?? []).map(lot => [lot.slice(0, 10), Number(lot.slice(11))]));
}
