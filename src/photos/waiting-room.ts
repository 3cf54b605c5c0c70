import { Refusal } from '../refusals.ts';

/** Runs work, or refuses it when too much waits already. Work whose caller has left is not begun. */
export type WaitingRoom = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * Lets in `atOnce` pieces of work at a time, the others in the order in which they came. Decoding a picture takes up to
 * 450 MB for a moment and a core for a second: a village meeting's worth of uploads must not take the machine.
 */
export function openWaitingRoom({ atOnce, seats }: { atOnce: number; seats: number }): WaitingRoom {
  let underWay = 0;
  const waiting: (() => void)[] = [];

  return async (work, signal) => {
    if (underWay >= atOnce) {
      if (waiting.length >= seats) throw new Refusal('unavailable', { retryAfterSeconds: 5 });
      // Whoever leaves hands over its place, so `underWay` stays as it is.
      await new Promise<void>(proceed => waiting.push(proceed));
    } else {
      underWay += 1;
    }
    try {
      if (signal?.aborted) throw new Refusal('unavailable', { retryAfterSeconds: 5 });
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  };
}
