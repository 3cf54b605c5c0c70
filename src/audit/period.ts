import { dayOf } from '../calendar.ts';
import { Refusal } from '../refusals.ts';

/** Business days from `from` up to, but without, `to`. */
export interface Period {
  from: string;
  to: string;
}

/**
 * The period asked for. Without a first day it is the current month in Asia/Shanghai; without an end, that of the month of
 * its first day.
 * @throws Refusal `out-of-bounds`
 */
export function periodOf(query: { from?: string | undefined; to?: string | undefined }, now: Temporal.Instant): Period {
  const from = query.from === undefined ? dayOf(now).with({ day: 1 }) : Temporal.PlainDate.from(query.from);
  const to = query.to === undefined ? from.with({ day: 1 }).add({ months: 1 }) : Temporal.PlainDate.from(query.to);
  if (Temporal.PlainDate.compare(from, to) >= 0) {
    throw new Refusal('out-of-bounds', { field: 'to', min: from.add({ days: 1 }).toString(), max: '2999-12-31' });
  }
  return { from: from.toString(), to: to.toString() };
}
