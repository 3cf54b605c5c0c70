import type { Test } from 'tap';
import { firstViolation } from '../support/invariants.ts';
import { connect, type Reply } from '../support/service.ts';
import { held, periodOf } from './month-awards.ts';
import type { Entry } from './month-book.ts';
import { daysAfter, from, type Home, type Town, until, type Village } from './month-town.ts';

/**
 * What must be true after a month: of the service's own figures, asked over HTTP, beside the book that was kept in plain maps.
 *
 * Nothing here speaks of I14 (liability against cover), I16 (hours), I17 (spending offline) and I19 (closed periods): there is
 * nothing in the service yet that they could be asked of.
 */
export interface CheckOptions {
  /** Before which days statements are cut into two: all of them, or all on which something happened to the account. */
  cuts: 'entries' | 'all';
}

const first = '2026-11-01';
const purposes = ['available', 'pending', 'held', 'honour', 'base', 'arrears'] as const;

export async function checkMonth(t: Test, town: Town, { cuts }: CheckOptions) {
  const seen = { accounts: 0, statements: 0, kinds: {} as Record<string, number> };
  const owner = await connect(t, town.service.ownerUrl);
  hold((await firstViolation(owner)) ?? undefined, undefined, 'laws of the book (I2, I3, I4, I6, I8)');
  for (const v of town.villages) {
    const { body } = await v.admin('POST', `${v.at}/book/verify`);
    hold(body.sound, true, `${v.code} verifies (I3)`);
    seen.accounts += await checkTrialBalances(town, v);
    for (const [kind, count] of Object.entries(await checkJournal(town, v))) {
      seen.kinds[kind] = (seen.kinds[kind] ?? 0) + count;
    }
    seen.statements += await checkHouseholds(town, v, cuts);
    await checkStock(town, v);
    await checkOrders(town, v);
    await checkCaps(town, v);
  }
  return seen;
}

function hold(found: unknown, wanted: unknown, what: string): void {
  const [left, right] = [found, wanted].map(value => JSON.stringify(value));
  if (left !== right) throw new Error(`${what}: is ${left}, should be ${right}`);
}

async function pages(town: Town, v: Village, url: string): Promise<Reply['body'][]> {
  const rows: Reply['body'][] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more: string = `${url.includes('?') ? '&' : '?'}limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = await town.get(v.admin, `${v.at}${url}${more}`);
    rows.push(...page.data);
    cursor = page.nextCursor ?? null;
  }
  return rows;
}

function sumOf(entries: Entry[], holds: (entry: Entry) => boolean): number {
  return entries.filter(holds).reduce((sum, entry) => sum + entry.amount, 0);
}

/** Nobody owes anything but arrears, and nothing is on a shelf that is not there. */
function hasFloor(code: string): boolean {
  return /^household:.*:(available|pending|held|base|honour)$|^(shelf|reserved):/.test(code);
}

/** Every account, every day: opening, in, out and closing; of every asset nothing is over (I1); floors (I4, I8). */
async function checkTrialBalances(town: Town, v: Village): Promise<number> {
  const accounts = v.book.accounts();
  const last = [first, ...[...accounts.values()].flat().map(({ day }) => day)].sort().at(-1)!;
  for (let day = daysAfter(from, -v.terms.backdateDays - 1); day <= last; day = daysAfter(day, 1)) {
    const query = `/trial-balance?detail=account&from=${day}&to=${daysAfter(day, 1)}`;
    const rows = await pages(town, v, query);
    const found = new Map(rows.map(row => [`${row.account} ${row.asset}`, row]));
    for (const name of new Set([...found.keys(), ...accounts.keys()])) {
      const entries = accounts.get(name) ?? [];
      const wanted = {
        opening: sumOf(entries, entry => entry.day < day),
        in: sumOf(entries, entry => entry.day === day && entry.amount > 0),
        out: -sumOf(entries, entry => entry.day === day && entry.amount < 0) || 0,
        closing: sumOf(entries, entry => entry.day <= day),
      };
      const row = found.get(name) ?? { opening: 0, in: 0, out: 0, closing: 0 };
      const { opening, in: came, out, closing } = row;
      hold({ opening, in: came, out, closing }, wanted, `${name} on ${day}`);
      if (hasFloor(name.split(' ')[0]!) && closing < 0 && (held.floorsEachDay || day === last)) {
        throw new Error(`${name} is at ${closing} on ${day} (I4, I8)`);
      }
    }
    const totals = Map.groupBy(rows, row => row.asset);
    for (const [asset, list] of totals) {
      hold(
        list.reduce((sum, row) => sum + row.closing, 0),
        0,
        `${asset} on ${day} (I1)`,
      );
    }
  }
  return accounts.size;
}

/** The export as the trial balance of the same span says (I18); who may take honour (I5) and pass points on (I15). */
async function checkJournal(town: Town, v: Village): Promise<Record<string, number>> {
  const span = `from=${first}&to=2027-03-01`;
  const { text } = await v.admin('GET', `${v.at}/journal?format=jsonl&${span}`);
  const transactions = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
  const moved = new Map<string, { in: number; out: number }>();
  const causes = new Set<string>();
  const kinds: Record<string, number> = {};
  for (const { kind, cause, transfers, number } of transactions) {
    if (causes.has(`${kind} ${cause}`)) throw new Error(`${kind} ${cause} was posted twice (I6)`);
    causes.add(`${kind} ${cause}`);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    for (const { from: payer, to: payee, asset, amount } of transfers) {
      if (!Number.isInteger(amount) || amount < 1) throw new Error(`transaction ${number} moves ${amount} (I1)`);
      at(moved, `${payer} ${asset}`).out += amount;
      at(moved, `${payee} ${asset}`).in += amount;
      const ends = [payer, payee].map(code => /^household:([^:]+):(.*)$/.exec(code)?.slice(1) ?? []);
      const passes = ends[0]![0] !== undefined && ends[1]![0] !== undefined && ends[0]![0] !== ends[1]![0];
      if (passes && !['householdSplit', 'householdMerge', 'inheritance', 'successorReturn'].includes(kind)) {
        throw new Error(`transaction ${number}, a ${kind}, passes points on (I15)`);
      }
      const lowers = ends[0]![1] === 'honour' && !passes && !payee.startsWith('abroad:');
      if (lowers && kind !== 'reversal') throw new Error(`transaction ${number}, a ${kind}, lowers honour (I5)`);
    }
  }
  const csv = (await v.admin('GET', `${v.at}/journal?format=csv&${span}`)).text.trimEnd().split('\r\n').slice(1);
  const inCsv = csv.reduce((sum, line) => sum + Number(line.split(',')[8]), 0);
  hold(
    inCsv,
    [...moved.values()].reduce((sum, one) => sum + one.in, 0),
    'the CSV moves what the JSON moves (I18)',
  );
  for (const row of await pages(town, v, `/trial-balance?detail=account&${span}`)) {
    const { in: came, out } = moved.get(`${row.account} ${row.asset}`) ?? { in: 0, out: 0 };
    hold({ came: row.in, out: row.out }, { came, out }, `${row.account} ${row.asset} in the journal (I18)`);
  }
  return kinds;
}

function at(moved: Map<string, { in: number; out: number }>, account: string): { in: number; out: number } {
  if (!moved.has(account)) moved.set(account, { in: 0, out: 0 });
  return moved.get(account)!;
}

/** What each household has, by its last days, and its statements: whole, and cut into two anywhere. */
async function checkHouseholds(town: Town, v: Village, cuts: CheckOptions['cuts']): Promise<number> {
  let statements = 0;
  for (const home of v.homes) {
    await checkPoints(town, v, home);
    for (const purpose of purposes) {
      const asset = purpose === 'honour' ? 'HON' : 'PTS';
      const entries = v.book.accounts().get(`household:${home.id}:${purpose} ${asset}`) ?? [];
      if (entries.length === 0 && purpose !== 'available') continue;
      const statement = async (start: string, end: string) => {
        statements += 1;
        const query = `account=${purpose}&from=${start}&to=${end}`;
        const {
          opening,
          closing,
          received,
          spent,
          entries: lines,
        } = await town.get(v.admin, `${v.at}/households/${home.id}/statement?${query}`);
        const moved = lines.reduce((sum: number, line: { amount: number }) => sum + line.amount, 0);
        hold(opening + moved, closing, `${purpose} of ${home.id} from ${start} to ${end}`);
        hold(received - spent, moved, `${purpose} of ${home.id}: received and spent`);
        let running = opening;
        for (const line of lines) {
          running += line.amount;
          hold(line.balance, running, `${purpose} of ${home.id}: running balance`);
          if (held.floorsEachDay && purpose !== 'arrears' && closing < 0) throw new Error(`closes at ${closing}`);
        }
        return { opening, closing, lines };
      };
      const whole = await statement(first, until);
      hold(whole.opening, 0, `${purpose} of ${home.id} opens`);
      hold(
        whole.closing,
        sumOf(entries, () => true),
        `${purpose} of ${home.id} closes`,
      );
      hold(byDay(whole.lines), byDay(entries), `entries of ${purpose} of ${home.id}`);
      const days = [...new Set(entries.map(entry => entry.day))];
      const all = Array.from({ length: 50 }, (_, place) => daysAfter('2026-12-02', place));
      // Between two days with entries, one cut is as good as another; every day's balance is looked at in the trial balances.
      const chosen = cuts === 'all' ? all : days;
      for (const cut of chosen) {
        const [before, after] = [await statement(first, cut), await statement(cut, until)];
        hold(before.closing, after.opening, `${purpose} of ${home.id} cut before ${cut}`);
        hold(
          before.closing,
          sumOf(entries, entry => entry.day < cut),
          `${purpose} of ${home.id} before ${cut}`,
        );
        hold(after.closing, whole.closing, `${purpose} of ${home.id} from ${cut}`);
        hold([...before.lines, ...after.lines].length, whole.lines.length, `entries of ${home.id} cut at ${cut}`);
      }
    }
  }
  return statements;
}

function byDay(lines: { amount: number; day?: string; businessDate?: string }[]): string[] {
  return lines.map(line => `${line.day ?? line.businessDate} ${line.amount}`).sort();
}

async function checkPoints(town: Town, v: Village, home: Home): Promise<void> {
  const points = await town.get(v.admin, `${v.at}/households/${home.id}/points`);
  const code = (purpose: string) => `household:${home.id}:${purpose}`;
  const today = town.today();
  const { available, ended, pending, held: waiting, honour } = points;
  const spendable = v.book.spendable(code('available'), today);
  const wanted = {
    available: spendable,
    ended: v.book.balance(code('available')) - spendable,
    pending: v.book.balance(code('pending')),
    waiting: v.book.balance(code('held')),
    honour: v.book.balance(code('honour'), 'HON'),
  };
  hold({ available, ended, pending, waiting, honour }, wanted, `points of ${home.id} on ${today}`);
  const dates = points.expiring.map((lot: { expiresOn: string; points: number }) => [lot.expiresOn, lot.points]);
  const left = Object.entries(v.book.dated(code('available'))).filter(([last]) => last >= today);
  hold(dates.sort(), left.sort(), `last days of the points of ${home.id}`);
}

async function checkStock(town: Town, v: Village): Promise<void> {
  for (const row of await pages(town, v, `/stock-levels?storeId=${v.storeId}`)) {
    const of = (place: string) => v.book.balance(`${place}:${v.storeId}`, `SKU:${row.goodsId}`);
    hold([row.onShelf, row.reserved], [of('shelf'), of('reserved')], `stock of ${row.goodsId} (I8)`);
  }
}

/** Points, goods and state of an order change together (I7), at the price of its day (I9). */
async function checkOrders(town: Town, v: Village): Promise<void> {
  const rows = new Map((await pages(town, v, '/redemptions')).map(row => [row.id, row]));
  hold(rows.size, v.orders.length, 'orders');
  for (const one of v.orders) {
    const row = rows.get(one.id);
    hold([row.state, row.points], [one.state, one.points], `order ${one.id} (I7)`);
    const prices = row.lines.map((line: { goodsId: string; unitPoints: number }) => [line.goodsId, line.unitPoints]);
    hold(
      prices,
      one.lines.map(line => [line.goods.id, line.unit]),
      `prices of order ${one.id} (I9)`,
    );
  }
}

/** Awards as they should be, and no cap passed in any of its periods, counted anew from what stands (I6, I10). */
async function checkCaps(town: Town, v: Village): Promise<void> {
  const rows = await pages(town, v, '/awards');
  const states = (list: { id: string; state: string; points: number }[]) =>
    list.map(({ id, state, points }) => `${id} ${state} ${points}`).sort();
  hold(states(rows), states(v.awards), 'awards');
  const direct = new Map(v.awards.map(award => [award.id, award.direct]));
  const used: Record<string, number> = {};
  const occasions = new Set<string>();
  for (const row of rows.filter(one => one.state !== 'reversed')) {
    const rule = v.rules.find(one => one.id === row.ruleId)!;
    const holder = rule.scope === 'member' ? row.memberId : row.householdId;
    const occasion = `${rule.code} ${holder} ${row.occasion}`;
    if (occasions.has(occasion)) throw new Error(`${occasion} was paid twice (I6)`);
    occasions.add(occasion);
    const cap = `${rule.code} ${holder} ${rule.cap === null ? '' : periodOf(rule.cap.period, row.businessDate)}`;
    used[cap] = (used[cap] ?? 0) + row.quantity;
    if (rule.cap !== null && used[cap]! > rule.cap.times) throw new Error(`${cap}: ${used[cap]} (I10)`);
    if (direct.get(row.id) !== true) continue;
    const day = `day ${row.householdId} ${row.businessDate}`;
    used[day] = (used[day] ?? 0) + row.points;
    if (used[day]! > v.terms.householdDayMaxPoints) throw new Error(`${day}: ${used[day]} (I10)`);
  }
}
