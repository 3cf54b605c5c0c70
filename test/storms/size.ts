import { randomInt } from 'node:crypto';
import type { Test } from 'tap';

/** `npm run storm` says `long`; the tests of every change are short, and always throw the same dice. */
export const isLong = process.env.JIFEN_STORM === 'long';

export const seed = Number(process.env.JIFEN_STORM_SEED ?? (isLong ? randomInt(2 ** 31) : 20_261_123));

export function size(short: number, long: number): number {
  return isLong ? long : short;
}

/** What a storm saw, on a line that the runner collects. */
export function report(t: Test, storm: string, counts: Record<string, number | string>): void {
  t.comment(`storm ${JSON.stringify({ storm, seed, ...counts })}`);
}
