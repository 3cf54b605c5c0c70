/** Something that is done over and over. */
export interface Contestant {
  name: string;
  /** Does it for so many seconds. Answers how often it was done in one. */
  rate(seconds: number): Promise<number>;
  close?(): Promise<void>;
}

/** What is done by clients that each wait for one answer before they ask again. */
export interface Asking {
  name: string;
  /** Does it a single time, as client number `client`. */
  once(client: number): Promise<void>;
  /** How many of what is counted one call does; 1 unless told. */
  perCall?: number;
  /** How many ask at once; 16 unless told. */
  clients?: number;
  close?(): Promise<void>;
}

export interface Pace {
  rounds: number;
  seconds: number;
}

/** Of each contestant, what it did in a second, round by round. */
export type Rates = Record<string, number[]>;

/** Clients of the database, and of whatever is not told otherwise. */
export const clientsMax = 16;

/** Clerks and tills of a service that many villages share: there are more of them than connections. */
export const manyClients = 64;

/**
 * Lets each run in turn, round after round, so that a slow moment of the machine falls on all of them. The order turns
 * too: whoever follows the heaviest writer would else pay for its checkpoints every time.
 */
export async function race(contestants: Contestant[], { rounds, seconds }: Pace): Promise<Rates> {
  const rates: Rates = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  for (const contestant of contestants) await contestant.rate(Math.min(1, seconds));
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % contestants.length;
    const order = [...contestants.slice(turn), ...contestants.slice(0, turn)];
    for (const contestant of order) rates[contestant.name]!.push(rounded(await contestant.rate(seconds)));
  }
  for (const contestant of contestants) await contestant.close?.();
  return rates;
}

/** A contestant of clients that ask. */
export function asking<A extends Asking>(what: A): A & Contestant {
  const { once, perCall = 1, clients = clientsMax } = what;
  const rate = async (seconds: number) => {
    const begin = performance.now();
    const until = begin + seconds * 1000;
    let calls = 0;
    const client = async (number: number) => {
      while (performance.now() < until) {
        await once(number);
        calls += 1;
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    return (1000 * calls * perCall) / (performance.now() - begin);
  };
  return { ...what, rate };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Medians of two rates beside each other, to three places. */
export function ratioOf(rates: Rates, a: string, b: string): number {
  return Math.round((1000 * median(rates[a]!)) / median(rates[b]!)) / 1000;
}

/** The name of the one with the higher median. */
export function faster(rates: Rates, a: string, b: string): string {
  return median(rates[a]!) >= median(rates[b]!) ? a : b;
}

/** Rates as they are reported: each round, and the medians. */
export function figures(unit: string, rates: Rates) {
  const medians = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
  return { unit, medians, rates };
}

/** A rate with a meaningful number of digits: whole from ten up. */
function rounded(rate: number): number {
  return rate >= 10 ? Math.round(rate) : Math.round(rate * 100) / 100;
}

export function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}
