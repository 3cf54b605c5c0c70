import { median, type Results, type Round, totalsOf } from './race.ts';

/** A ratio of two medians, and the lowest and highest that a round by itself would give: it lies between them. */
export interface Spread {
  median: number;
  low: number;
  high: number;
}

/** One contestant against another; above 1 is better for the first, in both. */
export interface Ratio {
  /** How many times as fast it is. */
  speed: Spread;
  /** How many times as little processor time it takes, of service and PostgreSQL together; null where it is not known. */
  processorTime: Spread | null;
}

export function ratioOf(results: Results, a: string, b: string): Ratio {
  const rates = (name: string) => results[name]!.rounds.map(({ rate }) => rate);
  const [ours, theirs] = [totalsOf(results[a]!.rounds), totalsOf(results[b]!.rounds)];
  return {
    speed: spreadOf(rates(a), rates(b)),
    processorTime: ours && theirs && spreadOf(theirs, ours),
  };
}

/** `over` / `under`, measured in as many rounds. */
export function spreadOf(over: number[], under: number[]): Spread {
  const each = over.map((value, round) => value / under[round]!);
  return {
    median: places(median(over) / median(under)),
    low: places(Math.min(...each)),
    high: places(Math.max(...each)),
  };
}

/** Whether all rounds of one lie above all rounds of the other. */
export function apart(a: Spread, b: Spread): boolean {
  return a.high < b.low || b.high < a.low;
}

/** Results as they are reported: rates of each round and their medians, and processor time by what is counted. */
export interface Figures {
  unit: string;
  medians: Record<string, number>;
  rates: Record<string, number[]>;
  [microsPer: `microsPer${string}`]: Record<string, MicrosFigure | null>;
}

export function figures(unit: string, results: Results): Figures {
  const reported: Figures = { unit, medians: {}, rates: {} };
  for (const [name, { unit: counted, rounds }] of Object.entries(results)) {
    reported.rates[name] = rounds.map(({ rate }) => rate);
    reported.medians[name] = median(reported.rates[name]);
    reported[`microsPer${counted}`] ??= {};
    reported[`microsPer${counted}`]![name] = microsOf(rounds);
  }
  return reported;
}

/** Medians of microseconds, and the sum of service and PostgreSQL in each round. */
export interface MicrosFigure {
  service: number;
  postgres: number;
  together: number;
  driver: number | null;
  rounds: number[];
}

/** For `times` of what was counted; null where the operating system does not tell. */
export function microsOf(rounds: Round[], times = 1): MicrosFigure | null {
  const together = totalsOf(rounds);
  if (together === null) return null;
  const medianOf = (of: (round: Round) => number) => tenths(times * median(rounds.map(of)));
  return {
    service: medianOf(({ micros }) => micros!.service),
    postgres: medianOf(({ micros }) => micros!.postgres),
    together: tenths(times * median(together)),
    driver: rounds[0]!.micros!.driver === null ? null : medianOf(({ micros }) => micros!.driver!),
    rounds: together.map(micros => tenths(times * micros)),
  };
}

function places(value: number): number {
  return Math.round(1000 * value) / 1000;
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10;
}
