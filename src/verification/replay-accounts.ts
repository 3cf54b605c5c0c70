import type { Content } from '../book/canonical.ts';
import type { Report } from './findings.ts';

/** An account as its entries so far make it. */
interface ReplayedAccount {
  /** Code and asset. */
  name: string;
  hasFloor: boolean;
  carriesLots: boolean;
  balance: number;
  entries: number;
  /** The business days on which it moved, `20261130`, and what it had at the end of each; none where there is no floor. */
  days: number[];
  closings: number[];
  /** How much of the balance can be spent through which day at the latest; the rest has no last day. */
  lots: Map<string, number>;
  /** By how much the stored balances of its entries are off, already reported: each error is named once. */
  drift: { balance: number; entries: number };
}

/** The balances and places that the database stores with a transfer; a journal file has none. */
export interface StoredTransfer {
  line: number;
  fromBalance: number;
  toBalance: number;
  fromSeq: number;
  toSeq: number;
}

export interface ReplayAccounts {
  move(t: Content, stored: readonly StoredTransfer[] | undefined): void;
  get(code: string, asset: string): ReplayedAccount | undefined;
}

/** The law of codes (`ledger.floor_of`): sources and sinks have no floor, and nothing else is without one. */
export function hasFloor(code: string): boolean {
  return !(
    /^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside|waived)$/.test(code) ||
    /^(supply|abroad):/.test(code) ||
    /^household:[^:]+:arrears$/.test(code)
  );
}

/** The law of amounts (`ledger.amount_max`): 10⁶ of anything, 10¹⁰ fen. */
function amountMax(asset: string): number {
  return asset === 'CNY' ? 10_000_000_000 : 1_000_000;
}

/** Moves what transactions say from account to account, and says where that cannot be. */
export function replayAccounts(report: Report): ReplayAccounts {
  /** By asset, then by code: to join the two for each entry takes longer than all the rest of it. */
  const accounts = new Map<string, Map<string, ReplayedAccount>>();

  const accountOf = (code: string, asset: string): ReplayedAccount => {
    const ofAsset = accounts.get(asset) ?? accounts.set(asset, new Map()).get(asset)!;
    return ofAsset.get(code) ?? ofAsset.set(code, openAccount(code, asset)).get(code)!;
  };

  const apply = (account: ReplayedAccount, day: number, amount: number, lots: Lots, place: () => string) => {
    account.balance += amount;
    account.entries += 1;
    if (account.hasFloor) {
      if (account.balance < 0) report('floors', placeOf(place, account), 'at least 0', String(account.balance));
      moveDays(account, day, amount, place, report);
    }
    if (account.carriesLots) moveLots(account, Math.sign(amount), lots, place, report);
  };

  return {
    get: (code, asset) => accounts.get(asset)?.get(code),
    move(t, stored) {
      const day = Number(t.businessDate.replaceAll('-', ''));
      for (const name in t.frozen) {
        if (name.startsWith('lots:') && !(Number(name.slice('lots:'.length)) <= t.transfers.length)) {
          report('lots', `transaction ${t.number} ${name}`, `lines 1 to ${t.transfers.length}`, String(t.frozen[name]));
        }
      }
      for (let i = 0; i < t.transfers.length; i += 1) {
        const { from, to, asset, amount } = t.transfers[i]!;
        const place = () => `transaction ${t.number} line ${stored?.[i]?.line ?? i + 1}`;
        if (!(amount >= 1 && amount <= amountMax(asset))) {
          report('amounts', place(), `1 to ${amountMax(asset)}`, String(amount));
        }
        if (from === to) report('amounts', place(), 'two different accounts', `${from} on both sides`);
        const lots = lotsOf(t, i + 1, report);
        const [giver, taker] = [accountOf(from, asset), accountOf(to, asset)];
        apply(giver, day, -amount, lots, place);
        if (stored !== undefined) compare(giver, stored[i]!.fromBalance, stored[i]!.fromSeq, place, report);
        apply(taker, day, amount, lots, place);
        if (stored !== undefined) compare(taker, stored[i]!.toBalance, stored[i]!.toSeq, place, report);
        if (lots.length > 0 && !giver.carriesLots && !taker.carriesLots) {
          report('lots', place(), 'no lots, since neither account has them', lotsText(lots));
        }
      }
    },
  };
}

function openAccount(code: string, asset: string): ReplayedAccount {
  const floor = hasFloor(code);
  return {
    name: `${code} ${asset}`,
    hasFloor: floor,
    carriesLots: floor && asset === 'PTS',
    balance: 0,
    entries: 0,
    days: [],
    closings: [],
    lots: new Map(),
    drift: { balance: 0, entries: 0 },
  };
}

/**
 * Moves what an account had at the end of the business day and of those after it: what is entered late moves days that were
 * over long ago.
 */
function moveDays(account: ReplayedAccount, day: number, amount: number, place: () => string, report: Report): void {
  const { days, closings } = account;
  let at = days.length;
  while (at > 0 && days[at - 1]! > day) at -= 1;
  if (days[at - 1] === day) at -= 1;
  else {
    days.splice(at, 0, day);
    closings.splice(at, 0, closings[at - 1] ?? 0);
  }
  let least = days.length - 1;
  for (let later = least; later >= at; later -= 1) {
    closings[later]! += amount;
    if (closings[later]! < closings[least]!) least = later;
  }
  // What comes in late mends days that an earlier transaction broke; the last day's is the balance.
  if (amount > 0 || closings[least]! >= 0 || least === days.length - 1) return;
  const on = String(days[least]).replace(/(\d{4})(\d\d)/, '$1-$2-');
  report('floors', placeOf(place, account), `at least 0 on ${on}`, String(closings[least]));
}

type Lots = readonly [day: string, points: number][];
const none: Lots = [];

/** The dated points that line `line` moved, as they are frozen: `2027-11-30=5,2027-12-31=2`. */
function lotsOf(t: Content, line: number, report: Report): Lots {
  const text = t.frozen[`lots:${line}`];
  if (typeof text !== 'string') return none;
  const lots: [string, number][] = [];
  let [sum, before] = [0, ''];
  for (const part of text.split(',')) {
    const [, day = '', points = ''] = /^([0-9]{4}-[0-9]{2}-[0-9]{2})=([1-9][0-9]{0,6})$/.exec(part) ?? [];
    if (day <= before) break;
    lots.push([day, Number(points)]);
    sum += Number(points);
    before = day;
  }
  if (lotsText(lots) === text && sum <= t.transfers[line - 1]!.amount) return lots;
  report(
    'lots',
    `transaction ${t.number} lots:${line}`,
    `days in order, at most ${t.transfers[line - 1]!.amount} points`,
    text,
  );
  return none;
}

function moveLots(account: ReplayedAccount, sign: number, lots: Lots, place: () => string, report: Report): void {
  for (const [day, points] of lots) {
    const left = (account.lots.get(day) ?? 0) + sign * points;
    if (left < 0) report('lots', placeOf(place, account), `at least 0 of ${day}`, String(left));
    if (left === 0) account.lots.delete(day);
    else account.lots.set(day, left);
  }
  if (account.lots.size === 0) return;
  let dated = 0;
  for (const points of account.lots.values()) dated += points;
  if (dated > account.balance) {
    report('lots', placeOf(place, account), `at most ${account.balance} points with a last day`, String(dated));
  }
}

/** Lots as they are frozen, by day. */
function lotsText(lots: Iterable<readonly [string, number]>): string {
  return [...lots]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, points]) => `${day}=${points}`)
    .join(',');
}

function compare(account: ReplayedAccount, balance: number, seq: number, place: () => string, report: Report): void {
  const { drift } = account;
  const [rightBalance, rightSeq] = [account.balance + drift.balance, account.entries + drift.entries];
  if (balance === rightBalance && seq === rightSeq) return;
  const text = `entry ${seq}, balance ${balance}`;
  report('running', placeOf(place, account), `entry ${rightSeq}, balance ${rightBalance}`, text);
  account.drift = { balance: balance - account.balance, entries: seq - account.entries };
}

function placeOf(place: () => string, account: ReplayedAccount): string {
  return `${place()}, account ${account.name}`;
}
