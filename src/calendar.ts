/** Days of the village's life are days in Asia/Shanghai, wherever the server stands. */
export const zone = 'Asia/Shanghai';

/** Where "now" comes from: passed in, so that a test can move it. */
export interface Clock {
  now(): Temporal.Instant;
}

export const systemClock: Clock = { now: () => Temporal.Now.instant() };

/** The calendar day of an instant in Asia/Shanghai. */
export function dayOf(instant: Temporal.Instant): Temporal.PlainDate {
  return instant.toZonedDateTimeISO(zone).toPlainDate();
}

/** The first instant of a day in Asia/Shanghai. */
export function startOf(day: Temporal.PlainDate): Temporal.Instant {
  return day.toZonedDateTime(zone).toInstant();
}

/** RFC 3339 in UTC with exactly three decimals, as every answer writes it. */
export function iso(instant: Temporal.Instant): string {
  return instant.toString({ fractionalSecondDigits: 3 });
}
