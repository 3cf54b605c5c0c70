import type { AccountKey } from '../../src/ledger/accounts.ts';
import type { Command, Limit, Transfer } from '../../src/ledger/transactions.ts';

/**
 * A book as it should be, in memory and in a few laws: what `ledger.post` answers is compared with it. It shares the
 * shape of commands with the service and nothing else.
 */
export interface Model {
  post(commands: Command[], atomic: boolean): Answer[];
  /** What accounts have, by `<code> <asset>`. */
  balances(): Record<string, number>;
  /** Lots by account, then day; `infinity` for what never expires. Only what there is. */
  lots(): Record<string, Record<string, number>>;
  limits(): Record<string, { used: number; max: number }>;
  /** Number of the last transaction. */
  number(): number;
}

export type Answer =
  | { status: 'posted'; number: number; id: string; balances: Record<string, number> }
  | { status: 'replayed'; number: number; id: string }
  | { status: 'undone' }
  | { status: 'refused'; code: string; facts: Record<string, unknown> };

/** A law changed on purpose: a comparison that does not notice is worth nothing. */
export const changedLaws = [
  'a floor lies one lower',
  'a cap admits one more',
  'a reversal keeps its limits',
  'a reversal is reversed',
  'a transaction is reversed twice',
  'a cause is posted again',
  'a cause may be posted again with other content',
  'a refusal takes a number',
  'what expires last goes first',
  'what never expires goes first',
  'a return makes lots younger',
  'lots that are asked for are not heard',
  'lots are lost on the way',
  'all or nothing is some',
  'what comes in pays nothing of what is owed',
  'what is lent pays at once',
] as const;
export type ChangedLaw = (typeof changedLaws)[number];

interface Account {
  balance: number;
  floor: number | null;
  /** Null: it holds no lots. */
  lots: Map<string, number> | null;
}

interface Line {
  from: string;
  to: string;
  asset: string;
  amount: number;
  /** Dated points that are asked for; null asks for nothing in particular. */
  asked: Record<string, number> | null;
}

interface Written {
  number: number;
  id: string;
  key: string;
  content: string;
  reverses: number | undefined;
  reversedBy: number | undefined;
  lines: (Line & { moved: Record<string, number> })[];
  uses: Use[];
}

type Use = Pick<Limit, 'key' | 'use' | 'max'> & { code?: string };

interface State {
  accounts: Map<string, Account>;
  limits: Map<string, { used: number; max: number }>;
  written: Written[];
  number: number;
}

const ever = 'infinity';
const day = 'zzzz-zz-zz';

export function openModel(accounts: AccountKey[], changed?: ChangedLaw): Model {
  const is = (law: ChangedLaw) => changed === law;
  let state: State = {
    accounts: new Map(accounts.map(({ code, asset }) => [`${code} ${asset}`, opened(code, asset)])),
    limits: new Map(),
    written: [],
    number: 0,
  };

  function post(commands: Command[], atomic: boolean): Answer[] {
    const before = structuredClone(state);
    const answers = commands.map(command => postOne(command, before));
    if (!atomic || answers.every(answer => answer.status !== 'refused') || is('all or nothing is some')) {
      payArrears(state.written.slice(before.written.length));
      return answers;
    }
    state = before;
    return answers.map(answer => (answer.status === 'posted' ? { status: 'undone' } : answer));
  }

  /** @param before the book as the list found it: what stands in the same list cannot be reversed by it */
  function postOne(command: Command, before: State): Answer {
    const original = command.reverses === undefined ? undefined : state.written[command.reverses - 1];
    if (command.reverses !== undefined && (original === undefined || command.reverses > before.written.length))
      return refused('not-found', { transactionNumber: command.reverses });
    const lines = original === undefined ? (command.transfers ?? []).map(lineOf) : mirrorOf(original);
    const uses = original === undefined ? usesOf(command.limits ?? []) : givenBack(original.uses);

    const content = contentOf(command, lines, uses);
    const key = `${command.kind} ${command.cause}`;
    const earlier = state.written.find(written => written.key === key);
    if (earlier !== undefined && !is('a cause is posted again')) {
      if (earlier.content === content || is('a cause may be posted again with other content'))
        return { status: 'replayed', number: earlier.number, id: earlier.id };
      return refused('cause-reused', { transactionNumber: earlier.number });
    }
    if (original !== undefined) {
      const other = original.reversedBy ?? (original.reverses === undefined ? undefined : original.number);
      const excused = is(
        original.reverses === undefined ? 'a transaction is reversed twice' : 'a reversal is reversed',
      );
      if (other !== undefined && !excused) return refused('already-reversed', { reversalNumber: other });
    }
    if (command.approver === command.actor) return refused('second-person-required', { firstUserId: command.actor });

    const stands = original === undefined ? checkLimits(uses) : undefined;
    const result = stands ?? move(lines, original !== undefined);
    if ('status' in result) {
      if (is('a refusal takes a number')) state.number += 1;
      return result;
    }
    if (!(original !== undefined && is('a reversal keeps its limits'))) use(uses, original === undefined);
    state.number += 1;
    if (original !== undefined) original.reversedBy = state.number;
    const { number } = state;
    state.written.push({
      number,
      id: command.id,
      key,
      content,
      reverses: command.reverses,
      reversedBy: undefined,
      lines: result.lines,
      uses,
    });
    return { status: 'posted', number, id: command.id, balances: result.balances };
  }

  /** Whoever owes points pays with those that have come in; what was lent came for something else. */
  function payArrears(posted: Written[]): void {
    const came = new Map<string, number>();
    for (const { from, to, amount } of posted.flatMap(({ lines }) => lines)) {
      if (!to.endsWith(':available') || (from.endsWith(':arrears') && !is('what is lent pays at once'))) continue;
      came.set(to, (came.get(to) ?? 0) + amount);
    }
    for (const [purse, income] of [...came].sort()) {
      const debt = purse.replace(/available$/, 'arrears');
      const [has, owes] = [
        state.accounts.get(`${purse} PTS`)!.balance,
        -(state.accounts.get(`${debt} PTS`)?.balance ?? 0),
      ];
      const amount = Math.min(income, owes, has);
      if (amount <= 0 || is('what comes in pays nothing of what is owed')) continue;
      const result = move([{ from: purse, to: debt, asset: 'PTS', amount, asked: null }], false);
      if ('status' in result) throw new Error(JSON.stringify(result));
      state.number += 1;
      const { number } = state;
      const { lines } = result;
      const own = { id: '', key: `arrearsPayment ${number}`, content: '', reverses: undefined, reversedBy: undefined };
      state.written.push({ ...own, number, lines, uses: [] });
    }
  }

  function checkLimits(uses: Use[]): Answer | undefined {
    for (const { key, use, max, code } of uses) {
      const used = state.limits.get(key)?.used ?? 0;
      if (used + use > max + (is('a cap admits one more') ? 1 : 0))
        return refused(code!, { cap: key, used, use, limit: max });
    }
    return undefined;
  }

  function use(uses: Use[], setsMax: boolean): void {
    for (const { key, use, max } of uses) {
      const limit = state.limits.get(key) ?? { used: 0, max };
      state.limits.set(key, { used: limit.used + use, max: setsMax ? max : limit.max });
    }
  }

  /** All lines or none. */
  function move(
    lines: Line[],
    reverses: boolean,
  ): Answer | { lines: Written['lines']; balances: Record<string, number> } {
    const before = structuredClone(state.accounts);
    const moved: Written['lines'] = [];
    const balances: Record<string, number> = {};
    for (const line of lines) {
      const no = stands(line, lines, before, reverses);
      if (no !== undefined) {
        state.accounts = before;
        return no;
      }
      const [from, to] = endsOf(line, state.accounts);
      moved.push({ ...line, moved: moveLots(line, from!, to!, reverses) });
      from!.balance -= line.amount;
      to!.balance += line.amount;
      balances[`${line.from} ${line.asset}`] = from!.balance;
      balances[`${line.to} ${line.asset}`] = to!.balance;
    }
    return { lines: moved, balances };
  }

  function stands(line: Line, lines: Line[], before: State['accounts'], reverses: boolean): Answer | undefined {
    const { from, asset, amount } = line;
    const [source, target] = endsOf(line, state.accounts);
    if (source === undefined || target === undefined)
      return refused('not-found', { accountCode: source === undefined ? from : line.to, asset });
    if (amount < 1 || amount > 1_000_000)
      return refused('out-of-bounds', { field: 'amount', asset, min: 1, max: 1_000_000 });
    if (source.floor === null) return undefined;
    if (source.balance - amount >= source.floor - (is('a floor lies one lower') ? 1 : 0)) return undefined;
    const required = lines.filter(l => l.from === from && l.asset === asset).reduce((sum, l) => sum + l.amount, 0);
    return refused(floorCode(line, reverses), {
      accountCode: from,
      asset,
      available: before.get(`${from} ${asset}`)!.balance - source.floor,
      required,
    });
  }

  /** The dated points that go along, first to expire first, after those that are asked for. */
  function moveLots({ amount, asked }: Line, from: Account, to: Account, reverses: boolean): Record<string, number> {
    const taken: Record<string, number> = {};
    if (from.lots === null) {
      if (to.lots !== null) Object.assign(taken, asked);
    } else {
      const wish = asked === null || is('lots that are asked for are not heard') ? [] : wishOf(asked, amount);
      const days = [...from.lots.keys(), ever].sort((a, b) => (sortOf(a) < sortOf(b) ? -1 : 1));
      const there = new Map(from.lots).set(ever, from.balance - sum(from.lots.values()));
      let left = amount;
      for (const [which, most] of [...wish, ...days.map(d => [d, left] as const)]) {
        const some = Math.max(0, Math.min(most, left, there.get(which) ?? 0));
        there.set(which, (there.get(which) ?? 0) - some);
        left -= some;
        if (some > 0 && which !== ever) taken[which] = (taken[which] ?? 0) + some;
      }
      add(from.lots, taken, -1);
    }
    if (to.lots !== null && !is('lots are lost on the way'))
      add(
        to.lots,
        reverses && is('a return makes lots younger') ? { '2028-12-31': sum(Object.values(taken)) } : taken,
        1,
      );
    return taken;
  }

  function sortOf(lot: string): string {
    const content = lot === ever ? day : lot;
    if (is('what expires last goes first') && lot !== ever)
      return [...content].map(c => String(9 - Number(c))).join('');
    return is('what never expires goes first') && lot === ever ? '' : content;
  }

  return {
    post,
    balances: () => Object.fromEntries([...state.accounts].map(([name, { balance }]) => [name, balance])),
    lots: () =>
      Object.fromEntries(
        [...state.accounts].flatMap(([name, { lots, balance }]) => {
          if (lots === null) return [];
          const undated = balance - sum(lots.values());
          const all = [...lots, ...(undated === 0 ? [] : [[ever, undated] as const])];
          return all.length === 0 ? [] : [[name, Object.fromEntries(all)]];
        }),
      ),
    limits: () => Object.fromEntries(state.limits),
    number: () => state.number,
  };
}

function opened(code: string, asset: string): Account {
  const bottomless = /^(issued|redeemed|expired|handedOut|lost)$|^supply:|:arrears$/.test(code);
  return { balance: 0, floor: bottomless ? null : 0, lots: asset === 'PTS' && !bottomless ? new Map() : null };
}

function lineOf(transfer: Transfer): Line {
  const { from, to, asset, amount, lots } = transfer;
  return { from, to, asset, amount, asked: lots ?? null };
}

function mirrorOf(original: Written): Line[] {
  return original.lines
    .map(({ from, to, asset, amount, moved }) => ({ from: to, to: from, asset, amount, asked: moved }))
    .reverse();
}

/** A limit that is named twice is used twice, and the narrower maximum holds. */
function usesOf(limits: Limit[]): Use[] {
  const uses = new Map<string, Use>();
  for (const limit of limits) {
    const known = uses.get(limit.key);
    if (known === undefined) uses.set(limit.key, { ...limit });
    else uses.set(limit.key, { ...known, use: known.use + limit.use, max: Math.min(known.max, limit.max) });
  }
  return [...uses.values()];
}

function givenBack(uses: Use[]): Use[] {
  return uses.map(({ key, use, max }) => ({ key, use: -use, max }));
}

/** What makes two commands the same: all they state of the event, and not which lots were to go. */
function contentOf(command: Command, lines: Line[], uses: Use[]): string {
  const { id: _id, transfers: _transfers, limits: _limits, frozen, ...rest } = command;
  return JSON.stringify([
    Object.entries(rest)
      .filter(([, value]) => value !== undefined)
      .sort(),
    Object.entries(frozen ?? {}).sort(),
    lines.map(({ from, to, asset, amount }) => [from, to, asset, amount]),
    uses.map(({ key, use, max }) => [key, use, max]).sort(),
  ]);
}

/** The points that are asked for: by their day, and for the rest of the amount those that never expire. */
function wishOf(asked: Record<string, number>, amount: number): (readonly [string, number])[] {
  const days = Object.entries(asked).sort();
  return [...days, [ever, amount - sum(Object.values(asked))]];
}

function floorCode({ from, asset }: Line, reverses: boolean): string {
  if (reverses) return 'reversal-arrears';
  if (asset === 'PTS' && from.startsWith('household:')) return 'insufficient-points';
  return asset.startsWith('SKU:') ? 'insufficient-stock' : 'insufficient-balance';
}

function endsOf({ from, to, asset }: Line, accounts: State['accounts']): [Account | undefined, Account | undefined] {
  return [accounts.get(`${from} ${asset}`), accounts.get(`${to} ${asset}`)];
}

function add(lots: Map<string, number>, others: Record<string, number>, sign: 1 | -1): void {
  for (const [which, points] of Object.entries(others)) {
    const now = (lots.get(which) ?? 0) + sign * points;
    if (now === 0) lots.delete(which);
    else lots.set(which, now);
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

function refused(code: string, facts: Record<string, unknown>): Answer {
  return { status: 'refused', code, facts };
}
