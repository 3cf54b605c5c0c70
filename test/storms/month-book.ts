/**
 * The book of a village as it should be, in plain maps: written from the rules that a household is told, and sharing no
 * line with the service. Points carry the last day on which they can be spent, and the year in which they were earned.
 */

/** Points by the last day on which they can be spent. What is not named never expires. */
export type Dated = Record<string, number>;

export interface Movement {
  from: string;
  to: string;
  /** `PTS` unless told. */
  asset?: string;
  amount: number;
  /** Dated points that go first, and after them those that never expire; undefined asks for nothing. */
  wanted?: Dated | undefined;
  /** Whether it buys something: then points whose last day has passed stay where they are. */
  buys?: boolean;
}

export interface Entry {
  day: string;
  amount: number;
}

/** What of the spendable points of a household was earned in which year, and when that was last written anew. */
interface Earnings {
  years: Record<string, number>;
  writtenAt: number;
}

export interface MonthBook {
  /** Moves something on a business day. Answers which dated points went. */
  move(day: string, movement: Movement): Dated;
  balance(code: string, asset?: string): number;
  /** What an account has that can still be spent on a day. */
  spendable(code: string, day: string): number;
  dated(code: string): Dated;
  /** All accounts, each as `<code> <asset>`, with their entries. */
  accounts(): Map<string, Entry[]>;
  /** The least that an account has after this business day, in the order of business days, by all that is known now. */
  leastFrom(code: string, asset: string, day: string): number;
  /** Grows with everything that happens, so that one can say what came first. */
  tick(): number;
  /** Counts points of a household as earned in a year; negative, when they are taken back. */
  earn(householdId: string, year: string, points: number): void;
  /** What of its points a household earned in which year. */
  earned(householdId: string): Record<string, number>;
  /** When points last came from another household, or went there. */
  changedAt(householdId: string): number;
  /**
   * Points that a household hands on take their years along: all in the same proportion, or `years`. Null is another
   * village. Answers what went along.
   */
  handOn(
    move: { from: string | null; to: string | null; points: number; years?: Record<string, number> },
    year: string,
  ): Record<string, number>;
}

export function openMonthBook(): MonthBook {
  const entries = new Map<string, Entry[]>();
  const balances = new Map<string, number>();
  const datedOf = new Map<string, Dated>();
  const earnings = new Map<string, Earnings>();
  let time = 0;

  const book: MonthBook = {
    move(day, { from, to, asset = 'PTS', amount, wanted, buys = false }) {
      if (amount === 0) return {};
      const went =
        asset !== 'PTS'
          ? {}
          : keepsDates(from)
            ? choose(from, { amount, wanted, day: buys ? day : '' })
            : (wanted ?? {});
      write(`${from} ${asset}`, { day, amount: -amount });
      write(`${to} ${asset}`, { day, amount });
      if (keepsDates(from)) datedOf.set(from, sum(book.dated(from), went, -1));
      if (keepsDates(to)) datedOf.set(to, sum(book.dated(to), went, 1));
      return went;
    },
    balance: (code, asset = 'PTS') => balances.get(`${code} ${asset}`) ?? 0,
    spendable(code, day) {
      const over = Object.entries(book.dated(code)).filter(([last]) => last < day);
      return book.balance(code) - total(Object.fromEntries(over));
    },
    dated: code => datedOf.get(code) ?? {},
    accounts: () => entries,
    leastFrom(code, asset, day) {
      const list = entries.get(`${code} ${asset}`) ?? [];
      const later = list.filter(entry => entry.day > day).sort((one, other) => (one.day < other.day ? -1 : 1));
      let running = list.filter(entry => entry.day <= day).reduce((sum, entry) => sum + entry.amount, 0);
      let least = running;
      for (const { amount } of later) {
        running += amount;
        least = Math.min(least, running);
      }
      return least;
    },
    tick: () => ++time,
    earn(householdId, year, points) {
      const { years } = earningsOf(householdId);
      years[year] = (years[year] ?? 0) + points;
    },
    earned(householdId) {
      // Older points are spent before younger ones.
      let room = book.balance(`household:${householdId}:available`);
      const left: Record<string, number> = {};
      const years = earningsOf(householdId).years;
      for (const year of Object.keys(years).sort().reverse()) {
        const some = Math.min(room, Math.max(0, years[year]!));
        if (some > 0) left[year] = some;
        room -= some;
      }
      return left;
    },
    changedAt: householdId => earningsOf(householdId).writtenAt,
    handOn({ from, to, points, years }, year) {
      const has = from === null ? undefined : book.earned(from);
      const goes =
        years === undefined
          ? proportion(has!, book.balance(`household:${from}:available`), points)
          : Object.fromEntries(Object.entries(years).map(([y, n]) => [y, has ? Math.min(n, has[y] ?? 0) : n]));
      if (from !== null) rewrite(from, { [year]: 0, ...sum(has!, goes, -1) });
      if (to !== null) rewrite(to, { [year]: 0, ...sum(book.earned(to), goes, 1) });
      return goes;
    },
  };

  function write(account: string, entry: Entry): void {
    balances.set(account, (balances.get(account) ?? 0) + entry.amount);
    entries.set(account, [...(entries.get(account) ?? []), entry]);
  }

  function choose(from: string, { amount, wanted, day }: { amount: number; wanted: Dated | undefined; day: string }) {
    const there = new Map(Object.entries(book.dated(from)).filter(([last]) => last >= day));
    const undated = book.balance(from) - total(book.dated(from));
    const order = [...there.keys()].sort();
    const queue: [last: string | null, most: number][] = [];
    if (wanted !== undefined) {
      for (const last of order) queue.push([last, wanted[last] ?? 0]);
      queue.push([null, Math.max(0, amount - total(wanted))]);
    }
    for (const last of order) queue.push([last, amount]);
    queue.push([null, amount]);
    const went: Dated = {};
    let [left, never] = [amount, undated];
    for (const [last, most] of queue) {
      const some = Math.min(left, most, last === null ? never : there.get(last)!);
      left -= some;
      if (last === null) never -= some;
      else {
        there.set(last, there.get(last)! - some);
        if (some > 0) went[last] = (went[last] ?? 0) + some;
      }
    }
    return went;
  }

  function earningsOf(householdId: string): Earnings {
    if (!earnings.has(householdId)) earnings.set(householdId, { years: {}, writtenAt: 0 });
    return earnings.get(householdId)!;
  }

  function rewrite(householdId: string, years: Record<string, number>): void {
    earnings.set(householdId, { years, writtenAt: book.tick() });
  }

  return book;
}

/** Of each part as much as `some` is of `whole`: boundaries are rounded down, so that no point is lost between the parts. */
export function proportion(parts: Record<string, number>, whole: number, some: number): Record<string, number> {
  const share: Record<string, number> = {};
  const boundary = (at: number) => Math.floor((at * some) / whole);
  let before = 0;
  for (const name of Object.keys(parts).sort()) {
    const points = boundary(before + parts[name]!) - boundary(before);
    if (points > 0) share[name] = points;
    before += parts[name]!;
  }
  return share;
}

export function total(parts: Record<string, number>): number {
  return Object.values(parts).reduce((whole, part) => whole + part, 0);
}

/** Spendable points, points on the notice board, held ones and base points remember their last day. */
function keepsDates(code: string): boolean {
  return /^household:.*:(available|pending|held|base)$/.test(code);
}

function sum(parts: Record<string, number>, others: Record<string, number>, sign: 1 | -1): Record<string, number> {
  const all = { ...parts };
  for (const [name, points] of Object.entries(others)) {
    all[name] = (all[name] ?? 0) + sign * points;
    if (all[name] === 0) delete all[name];
  }
  return all;
}
