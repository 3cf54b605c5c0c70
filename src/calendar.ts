/** Days of the village's life are days in Asia/Shanghai, wherever the server stands. */
export const zone = 'Asia/Shanghai';

/** Where "now" comes from: passed in, so that a test can move it. */
export interface Clock {
  now(): Temporal.Instant;
}

export const systemClock: Clock = { now: () => Temporal.Now.instant() };

/** The calendar day of an instant in Asia/Shanghai. */
export function dayOf(instant: Temporal.Instant): Temporal.PlainDate {
  return dayOfHour(Math.floor(instant.epochMilliseconds / 3_600_000));
}

/** The zone was never anything but whole hours from UTC since 1901, so an hour of UTC lies in one day. */
const dayOfHour = remembering((hour: number) =>
  Temporal.Instant.fromEpochMilliseconds(hour * 3_600_000)
    .toZonedDateTimeISO(zone)
    .toPlainDate(),
);

/**
 * `work`, which keeps its last answer: the lines of a sheet ask for the same day again and again. Arguments are the same
 * when they are identical.
 */
export function remembering<A extends readonly unknown[], R>(work: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | undefined;
  return (...args) => {
    if (last === undefined || args.some((arg, index) => arg !== last!.args[index]))
      last = { args, result: work(...args) };
    return last.result;
  };
}

/**
 * When a thing happened by the clock of a caller, which may be five minutes ahead of ours: that is now. What is further
 * ahead stays as it is, for the operation to refuse.
 */
export function byOurClock(instant: Temporal.Instant, now: Temporal.Instant): Temporal.Instant {
  const ahead = instant.epochMilliseconds - now.epochMilliseconds;
  return ahead > 0 && ahead <= 5 * 60_000 ? now : instant;
}

/** The first instant of a day in Asia/Shanghai. */
export function startOf(day: Temporal.PlainDate): Temporal.Instant {
  return day.toZonedDateTime(zone).toInstant();
}

/** RFC 3339 in UTC with exactly three decimals, as every answer writes it. */
export const iso = remembering((instant: Temporal.Instant) => instant.toString({ fractionalSecondDigits: 3 }));
