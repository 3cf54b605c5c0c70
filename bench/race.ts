import { clockOfThis, type ProcessorClock } from './processor-time.ts';

/** Something that is done over and over. */
export interface Contestant {
  name: string;
  /** What is counted, in the singular and with a capital: the processor time of one is `microsPer…` that. */
  unit: string;
  /**
   * Processor time of the program that asks PostgreSQL for it: a service; without one, whoever plays its part, which is
   * the bench itself or pgbench.
   */
  program: ProcessorClock;
  /** Does it for so many seconds, and finishes what was begun. */
  work(seconds: number): Promise<Work>;
  close?(): Promise<void>;
}

export interface Work {
  count: number;
  seconds: number;
}

/** What is done by clients that each wait for one answer before they ask again. */
export interface Asking extends Pick<Contestant, 'name' | 'unit' | 'program' | 'close'> {
  /** Does it a single time, as client number `client`. */
  once(client: number): Promise<void>;
  /** How many of what is counted one call does; 1 unless told. */
  perCall?: number;
  /** How many ask at once; 16 unless told. */
  clients?: number;
}

export interface Pace {
  rounds: number;
  seconds: number;
}

/** Microseconds of processor time for one of what is counted. */
export interface Micros {
  service: number;
  /** Of all of its processes: sessions, those that write in the background, and those that have ended meanwhile. */
  postgres: number;
  /** Of the bench, where it only asks; null where it is itself the program that asks PostgreSQL. */
  driver: number | null;
}

export interface Round {
  /** How many in a second. */
  rate: number;
  /** Null where the operating system does not tell. */
  micros: Micros | null;
}

/** Of each contestant, what is counted, and round by round how it went. */
export type Results = Record<string, { unit: string; rounds: Round[] }>;

/** Clients of the database, and of whatever is not told otherwise. */
export const clientsMax = 16;

/** Clerks and tills of a service that many villages share: there are more of them than connections. */
export const manyClients = 64;

/**
 * Lets each run in turn, round after round, so that a slow moment of the machine falls on all of them. The order turns
 * too: whoever follows the heaviest writer would else pay for its checkpoints every time.
 */
export async function race(
  contestants: Contestant[],
  { rounds, seconds }: Pace,
  postgres: ProcessorClock,
): Promise<Results> {
  const results: Results = Object.fromEntries(contestants.map(({ name, unit }) => [name, { unit, rounds: [] }]));
  for (const contestant of contestants) await warm(contestant, postgres, Math.min(1, seconds));
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % contestants.length;
    const order = [...contestants.slice(turn), ...contestants.slice(0, turn)];
    for (const contestant of order)
      results[contestant.name]!.rounds.push(await takeTurn(contestant, postgres, seconds));
  }
  for (const contestant of contestants) await contestant.close?.();
  return results;
}

/**
 * Until it has had as much processor time as `seconds`: of a busy machine a second gives little, and code that is still cold
 * takes half as much again.
 */
async function warm(contestant: Contestant, postgres: ProcessorClock, seconds: number): Promise<void> {
  // Without /proc it is enough at once.
  const used = () => (contestant.program() ?? Number.POSITIVE_INFINITY) + (postgres() ?? Number.POSITIVE_INFINITY);
  const until = used() + seconds * 1e6;
  for (let n = 0; n < warmingMax; n += 1) {
    await contestant.work(seconds);
    if (used() >= until) return;
  }
}

const warmingMax = 10;

/** One turn of one contestant, its processor time read right before and right after. */
export async function takeTurn(
  { program, work }: Pick<Contestant, 'program' | 'work'>,
  postgres: ProcessorClock,
  seconds: number,
): Promise<Round> {
  const apart = program !== clockOfThis;
  const before = { postgres: postgres(), service: program(), driver: clockOfThis() };
  const done = await work(seconds);
  // The bench itself first: to read the others takes some of its time.
  const after = { driver: clockOfThis(), service: program(), postgres: postgres() };
  const per = (name: keyof typeof after) => (after[name]! - before[name]!) / done.count;
  const known = Object.values({ ...before, ...after }).every(micros => micros !== null);
  return {
    rate: rounded(done.count / done.seconds),
    micros: known ? { service: per('service'), postgres: per('postgres'), driver: apart ? per('driver') : null } : null,
  };
}

/** A contestant of clients that ask. */
export function asking<A extends Asking>(what: A): A & Contestant {
  const { once, perCall = 1, clients = clientsMax } = what;
  const work = async (seconds: number) => {
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
    return { count: calls * perCall, seconds: (performance.now() - begin) / 1000 };
  };
  return { ...what, work };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median rate of a contestant. */
export function rateOf(results: Results, name: string): number {
  return median(results[name]!.rounds.map(({ rate }) => rate));
}

/** The name of the one with the higher median. */
export function faster(results: Results, a: string, b: string): string {
  return rateOf(results, a) >= rateOf(results, b) ? a : b;
}

/** Service and PostgreSQL together, round by round; null where the operating system does not tell. */
export function totalsOf(rounds: Round[]): number[] | null {
  const all = rounds.map(({ micros }) => micros);
  return all.every(micros => micros !== null) ? all.map(({ service, postgres }) => service + postgres) : null;
}

/** A rate with a meaningful number of digits: whole from ten up. */
function rounded(rate: number): number {
  return rate >= 10 ? Math.round(rate) : Math.round(rate * 100) / 100;
}

export function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}
