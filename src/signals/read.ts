import { type Period, periodOf } from '../audit/period.ts';
import { iso, startOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { awardSignals } from './award-signals.ts';
import { bookSignals } from './book-signals.ts';
import { claimSignals } from './claim-signals.ts';
import { kioskSignals } from './kiosk-signals.ts';
import { redemptionSignals } from './redemption-signals.ts';
import { reversalSignals } from './reversal-signals.ts';
import type { Signal } from './signal.ts';

/** How many days are looked at together: a quarter of a year. */
const daysMax = 92;
const signalsMax = 200;

interface SignalsView extends Period {
  data: Signal[];
  /** Whether there were more, less severe ones. */
  truncated: boolean;
}

/**
 * What an honest village would look into, the most severe first; computed anew each time, and kept nowhere. Awards are
 * those that count for these days; reversals, claims, decisions and slips those of these days themselves.
 * @throws Refusal `out-of-bounds` (the period)
 */
export async function listSignals(
  db: Db,
  village: string,
  query: { from?: string | undefined; to?: string | undefined },
  now: Temporal.Instant,
): Promise<SignalsView> {
  const period = periodOf(query, now);
  const [from, to] = [Temporal.PlainDate.from(period.from), Temporal.PlainDate.from(period.to)];
  if (from.until(to).days > daysMax) {
    const [min, max] = [from.add({ days: 1 }), from.add({ days: daysMax })];
    throw new Refusal('out-of-bounds', { field: 'to', min: min.toString(), max: max.toString() });
  }
  const span = { village, ...period, fromAt: iso(startOf(from)), toAt: iso(startOf(to)) };
  const found = [
    ...(await awardSignals(db, span)),
    ...(await reversalSignals(db, span)),
    ...(await claimSignals(db, span)),
    ...(await redemptionSignals(db, span)),
    ...(await bookSignals(db, span)),
    ...(await kioskSignals(db, span, now)),
  ].sort((a, b) => b.severity - a.severity);
  return { ...period, data: found.slice(0, signalsMax), truncated: found.length > signalsMax };
}
