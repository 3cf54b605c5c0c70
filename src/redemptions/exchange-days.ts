import { iso, zone } from '../calendar.ts';
import type { ExchangeDay } from '../villages/policy-settings.ts';

/** How far the next opening is looked for: the 29th of February is the rarest day a village can name. */
const daysAhead = 4 * 366;

/** Whether the store is open at an instant: from `opens` up to `closes`, which is closed. */
export function isOpen(days: readonly ExchangeDay[], at: Temporal.Instant): boolean {
  const local = at.toZonedDateTimeISO(zone);
  // As text, for a day may end at 24:00.
  const time = local.toPlainTime().toString({ smallestUnit: 'minute' });
  return days.some(day => fallsOn(day, local.toPlainDate()) && day.opens <= time && time < day.closes);
}

/**
 * When the store next opens after an instant, by the days in force then; null when it never does. A policy that will
 * hold later is not looked at.
 */
export function nextOpening(days: readonly ExchangeDay[], after: Temporal.Instant): string | null {
  const today = after.toZonedDateTimeISO(zone).toPlainDate();
  for (let ahead = 0; ahead <= daysAhead && days.length > 0; ahead += 1) {
    const date = today.add({ days: ahead });
    const openings = days
      .filter(day => fallsOn(day, date))
      .map(day => date.toZonedDateTime({ timeZone: zone, plainTime: day.opens }).toInstant())
      .filter(opening => Temporal.Instant.compare(opening, after) > 0)
      .sort(Temporal.Instant.compare);
    if (openings[0] !== undefined) return iso(openings[0]);
  }
  return null;
}

function fallsOn(day: ExchangeDay, date: Temporal.PlainDate): boolean {
  return day.weekday === null ? day.dayOfMonth === date.day : day.weekday === date.dayOfWeek;
}
