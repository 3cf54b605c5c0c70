import type { Caller } from '../support/service.ts';
import { backDated, drawHome, held, insist, ownerOf, payFirst } from './month-awards.ts';
import { type Dated, total } from './month-book.ts';
import { daysAfter, type Home, made, type Order, type Run, type Town, type Village } from './month-town.ts';

/** What households take home and bring back, and what the store has of it; each step beside what it should do. */

/** Goods come in by a document of two people, or go as spoiled. */
export async function stockDocument(
  town: Town,
  v: Village,
  type = town.dice.pick(['receipt', 'receipt', 'writeOff']),
): Promise<void> {
  const today = town.today();
  const goods = town.dice.pick(v.goods.filter(one => !one.service));
  const quantity = type === 'receipt' ? 3 + town.dice.below(6) : 1 + town.dice.below(6);
  const body = { type, storeId: v.storeId, reason: '单据', lines: [{ goodsId: goods.id, quantity }] };
  const draft = made(await town.post(v.keeper, `${v.at}/stock-documents`, body));
  const asset = `SKU:${goods.id}`;
  const shelf = `shelf:${v.storeId}`;
  const short = type === 'writeOff' && v.book.balance(shelf, asset) < quantity;
  const reply = await town.post(v.admin, `${v.at}/stock-documents/${draft.id}/post`);
  if (!town.tell(reply, short ? 'insufficient-stock' : undefined)) return;
  const [from, to] = type === 'receipt' ? [`supply:${draft.id}`, shelf] : [shelf, 'lost'];
  v.book.move(today, { from, to, asset, amount: quantity });
}

async function cardOf(town: Town, v: Village, home: Home): Promise<string> {
  if (home.card === undefined) {
    const key = { 'idempotency-key': crypto.randomUUID() };
    home.card = made(await v.admin('POST', `${v.at}/households/${home.id}/cards`, undefined, key)).code as string;
    town.log.push(`card of ${home.id}`);
  }
  return home.card;
}

/** A household shows its card, its PIN or a slip. */
async function shown(town: Town, v: Village, home: Home): Promise<object> {
  if (home.open && town.dice.chance(0.04))
    return { slip: { photoId: await town.photo(v, home), reason: '忘带卡，本人签字' } };
  if (home.pin !== undefined && town.dice.chance(0.3)) return { pin: home.pin };
  return home.open || home.card !== undefined ? { cardCode: await cardOf(town, v, home) } : { pin: '402857' };
}

interface Basket {
  home: Home;
  lines: Order['lines'];
  points: number;
  day: string;
  occurredAt: string | undefined;
  handOver: boolean;
  mode: 'counter' | 'pickup';
}

function drawBasket(town: Town, v: Village): Basket {
  const { dice } = town;
  const rich = v.homes.filter(one => one.open && v.book.balance(`household:${one.id}:available`) > 5);
  const home = rich.length > 0 && dice.chance(0.6) ? dice.pick(rich) : drawHome(town, v);
  const handOver = dice.chance(0.5);
  const { day, occurredAt } = handOver ? backDated(town, v) : { day: town.today(), occurredAt: undefined };
  const place = day < '2027-01-01' ? 0 : 1;
  const lines = v.goods
    .filter(() => dice.chance(0.4))
    .map(goods => ({ goods, quantity: 1 + dice.below(2), unit: goods.points[place]! }));
  if (lines.length === 0) lines.push({ goods: v.goods[0]!, quantity: 1, unit: v.goods[0]!.points[place]! });
  const points = lines.reduce((sum, line) => sum + line.quantity * line.unit, 0);
  return { home, lines, points, day, occurredAt, handOver, mode: handOver || dice.chance(0.5) ? 'counter' : 'pickup' };
}

function bodyOf(v: Village, basket: Basket, card: object): object {
  const { home, lines, handOver, mode, occurredAt } = basket;
  return {
    storeId: v.storeId,
    householdId: home.id,
    lines: lines.map(({ goods, quantity }) => ({ goodsId: goods.id, quantity })),
    handOver,
    mode,
    ...card,
    ...(occurredAt !== undefined && { occurredAt }),
  };
}

/** What the rules say no to; or the business day that the book will have it on. */
function judge(town: Town, v: Village, basket: Basket, by: Caller): { refusal: string } | { bookedOn: string } {
  const { home, day } = basket;
  const no = (refusal: string) => ({ refusal });
  if (day < daysAfter(town.today(), -v.terms.backdateDays)) return no('business-date-refused');
  if (!home.open) return no('household-not-active');
  if (basket.mode === 'counter' && basket.occurredAt?.includes('T23:59:59') === true) return no('exchange-closed');
  if (v.kin.has(`${by.actor.id} ${home.id}`)) return no('own-household');
  if ((v.used.get(`visit ${home.id} ${day}`) ?? 0) >= v.terms.redemptionsPerDay) return no('redemption-limit');
  const short = shortOn(v, basket, day);
  if (short === undefined) return { bookedOn: day };
  // What came since is enough: then it is booked today, though it happened earlier.
  const today = town.today();
  const later = short.laterEnough ? shortOn(v, basket, today) : short;
  return later === undefined ? { bookedOn: today } : no(later.code);
}

/** What is missing for an order that is booked on this day, and whether only because it came later. */
function shortOn(v: Village, { home, points, lines }: Basket, day: string) {
  const missing = (code: string, asset: string, has: number, needs: number) => {
    const later = held.floorsEachDay ? v.book.balance(code, asset) - v.book.leastFrom(code, asset, day) : 0;
    return has - Math.max(0, later) < needs ? { laterEnough: has >= needs } : undefined;
  };
  const available = `household:${home.id}:available`;
  const short = missing(available, 'PTS', v.book.spendable(available, day), points);
  if (short !== undefined) return { code: 'insufficient-points', ...short };
  for (const { goods, quantity } of lines) {
    const [shelf, asset] = [`shelf:${v.storeId}`, `SKU:${goods.id}`];
    const none = goods.service ? undefined : missing(shelf, asset, v.book.balance(shelf, asset), quantity);
    if (none !== undefined) return { code: 'insufficient-stock', ...none };
  }
  return undefined;
}

function refusalOfOrder(town: Town, v: Village, basket: Basket, by: Caller): string | undefined {
  const judged = judge(town, v, basket, by);
  return 'refusal' in judged ? judged.refusal : undefined;
}

function enterOrder(
  v: Village,
  basket: Basket,
  bookedOn: string,
  body: { id: string; expiresAt: string | null; pickupCode?: string | null },
): void {
  const { home, lines, points, day, handOver } = basket;
  const key = `visit ${home.id} ${day}`;
  v.used.set(key, (v.used.get(key) ?? 0) + 1);
  const to = handOver ? 'redeemed' : `household:${home.id}:held`;
  const dated = v.book.move(bookedOn, { from: `household:${home.id}:available`, to, amount: points, buys: true });
  moveGoods(v, bookedOn, lines, handOver ? ['shelf', 'handedOut'] : ['shelf', 'reserved']);
  v.orders.push({
    id: body.id,
    home,
    lines,
    points,
    state: handOver ? 'fulfilled' : 'reserved',
    day,
    handedOverOn: handOver ? day : undefined,
    expiresAt: body.expiresAt ?? undefined,
    pickupCode: body.pickupCode ?? undefined,
    dated,
    orderedAt: v.book.tick(),
    back: new Map(),
    pointsBack: 0,
  });
}

function moveGoods(v: Village, day: string, lines: Order['lines'], [from, to]: [string, string]): void {
  const at = (end: string) => (end === 'shelf' || end === 'reserved' ? `${end}:${v.storeId}` : end);
  for (const { goods, quantity } of lines) {
    if (!goods.service) v.book.move(day, { from: at(from), to: at(to), asset: `SKU:${goods.id}`, amount: quantity });
  }
}

export async function order(town: Town, v: Village): Promise<void> {
  const basket = drawBasket(town, v);
  const by = town.dice.chance(0.15) ? v.cousin : v.keeper;
  const url = `${v.at}/redemptions`;
  if (town.dice.chance(0.03)) {
    const reply = await town.post(v.keeper, url, bodyOf(v, { ...basket, occurredAt: undefined }, {}));
    town.tell(
      reply,
      basket.home.open ? 'identification-required' : ['household-not-active', 'identification-required'],
    );
    return;
  }
  const judged = judge(town, v, basket, by);
  const expected = 'refusal' in judged ? judged.refusal : undefined;
  const reply = await town.post(by, url, bodyOf(v, basket, await shown(town, v, basket.home)));
  const closed = [
    'household-not-active',
    'card-revoked',
    'card-unknown',
    'pin-wrong',
    'pin-locked',
    'business-date-refused',
  ];
  if (!town.tell(reply, basket.home.open ? expected : closed)) return;
  if (reply.body.points !== basket.points) throw new Error(`${reply.body.points} points for ${basket.points}`);
  if ('bookedOn' in judged) enterOrder(v, basket, judged.bookedOn, reply.body);
}

/** Two at once, each for more than half of what there is: one of them. */
export async function orderRush(town: Town, v: Village): Promise<void> {
  const basket = {
    ...drawBasket(town, v),
    day: town.today(),
    occurredAt: undefined,
    handOver: true,
    mode: 'counter' as const,
  };
  const { home } = basket;
  if (!home.open) return;
  const place = basket.day < '2027-01-01' ? 0 : 1;
  const goods = v.goods[2]!;
  const unit = goods.points[place]!;
  const quantity = Math.floor(
    Math.floor(v.book.spendable(`household:${home.id}:available`, basket.day) / unit / 2) + 1,
  );
  const one = { ...basket, lines: [{ goods, quantity, unit }], points: quantity * unit };
  const expected = refusalOfOrder(town, v, one, v.keeper);
  const body = bodyOf(v, one, { cardCode: await cardOf(town, v, home) });
  const replies = await Promise.all([1, 2].map(() => insist(v.keeper, `${v.at}/redemptions`, body)));
  town.log.push(`rush of ${home.id}: ${replies.map(reply => reply.status)}`);
  const done = replies.filter(reply => reply.status === 201);
  if (done.length !== (expected === undefined ? 1 : 0)) throw new Error(`${done.length} of 2 orders, ${expected}`);
  if (expected === undefined) enterOrder(v, one, one.day, done[0]!.body);
  for (const reply of replies) {
    if (reply !== done[0]) town.tell(reply, expected ?? refusalOfOrder(town, v, one, v.keeper));
  }
}

/** A reserved order is fetched, called off, or both at once. */
export async function settleOrder(town: Town, v: Village): Promise<void> {
  const waiting = v.orders.filter(one => one.state === 'reserved' && !isOver(town, one));
  if (waiting.length === 0) return order(town, v);
  const one = town.dice.pick(waiting);
  const url = `${v.at}/redemptions/${one.id}`;
  const fetching = async () => {
    const byCode = one.pickupCode !== undefined && town.dice.chance(0.5);
    return byCode ? { pickupCode: one.pickupCode } : shown(town, v, one.home);
  };
  const act = town.dice.pick(['fulfil', 'fulfil', 'fulfil', 'cancel', 'both']);
  if (act !== 'both') {
    town.tell(await town.post(v.keeper, `${url}/${act}`, act === 'fulfil' ? await fetching() : undefined), undefined);
    return act === 'fulfil' ? fulfilled(town, v, one) : letGo(town, v, one, 'cancelled');
  }
  const body = await fetching();
  const [fulfil, cancel] = await Promise.all([
    insist(v.keeper, `${url}/fulfil`, body),
    insist(v.keeper, `${url}/cancel`),
  ]);
  town.log.push(`fulfil and cancel of ${one.id}: ${fulfil.status} ${cancel.status}`);
  const done = town.tell(fulfil, fulfil.status < 300 ? undefined : 'wrong-state');
  town.tell(cancel, done ? 'wrong-state' : undefined);
  return done ? fulfilled(town, v, one) : letGo(town, v, one, 'cancelled');
}

function isOver(town: Town, { expiresAt }: Order): boolean {
  return expiresAt !== undefined && Temporal.Instant.compare(expiresAt, town.service.clock.now()) <= 0;
}

function fulfilled(town: Town, v: Village, one: Order): void {
  const today = town.today();
  v.book.move(today, { from: `household:${one.home.id}:held`, to: 'redeemed', amount: one.points, wanted: one.dated });
  moveGoods(v, today, one.lines, ['reserved', 'handedOut']);
  one.state = 'fulfilled';
  one.handedOverOn = today;
}

/** Points, goods and the day's visit come back; after the year end, without what that would have taken. */
export function letGo(town: Town, v: Village, one: Order, state: 'cancelled' | 'expired'): void {
  const today = town.today();
  moveGoods(v, today, one.lines, ['reserved', 'shelf']);
  const [held, available] = [`household:${one.home.id}:held`, `household:${one.home.id}:available`];
  v.book.move(today, { from: held, to: available, amount: one.points, wanted: one.dated });
  const key = `visit ${one.home.id} ${one.day}`;
  v.used.set(key, v.used.get(key)! - 1);
  one.state = state;
  payFirst(v, [{ home: one.home, points: one.points, day: today }]);
  takeLate(v, one.home, one.points, one.orderedAt, today);
}

export function expireOrders(town: Town, v: Village): void {
  for (const one of v.orders) if (one.state === 'reserved' && isOver(town, one)) letGo(town, v, one, 'expired');
}

/** What comes back after the year end has been posted is no better off than what was there. */
function takeLate(v: Village, home: Home, points: number, orderedAt: number, today: string): void {
  if (home.ended === undefined || v.book.changedAt(home.id) > orderedAt) return;
  const due = Math.min(points, dueOf(v, home, home.ended));
  v.book.move(today, { from: `household:${home.id}:available`, to: 'expired', amount: due });
}

/** What a run takes of a household: dated points that are over, or at the year's end what was earned before it. */
export function dueOf(v: Village, home: Home, run: Pick<Run, 'kind' | 'throughOn'>): number {
  const available = `household:${home.id}:available`;
  if (run.kind === 'lots') {
    return total(Object.fromEntries(Object.entries(v.book.dated(available)).filter(([last]) => last <= run.throughOn)));
  }
  const later = Object.entries(v.book.earned(home.id)).filter(([year]) => year > run.throughOn.slice(0, 4));
  const old = v.book.balance(available) - total(Object.fromEntries(later));
  return Math.max(0, old - (v.terms.yearEndCapPoints ?? 0));
}

/** Goods come back in parts, each piece once, to whoever has taken on the household since. */
export async function bringBack(town: Town, v: Village): Promise<void> {
  const fetched = v.orders.filter(one => one.state === 'fulfilled' || one.state === 'returned');
  if (fetched.length === 0) return order(town, v);
  const one = town.dice.pick(fetched.slice(-25));
  const left = one.lines
    .map(line => ({ ...line, quantity: line.quantity - (one.back.get(line.goods.id) ?? 0) }))
    .filter(line => line.quantity > 0);
  const tooMany = town.dice.chance(0.1);
  const some = left.length === 0 ? one.lines : left;
  const picked = [town.dice.pick(some)].map(line => ({
    ...line,
    quantity: tooMany ? line.quantity + 1 : 1 + town.dice.below(line.quantity),
  }));
  const today = town.today();
  const owner = ownerOf(one.home);
  const expected =
    one.state === 'returned'
      ? 'wrong-state'
      : today > daysAfter(one.handedOverOn!, v.terms.returnDays)
        ? 'too-late'
        : tooMany
          ? 'out-of-bounds'
          : undefined;
  const restock = town.dice.chance(0.7);
  const lines = picked.map(({ goods, quantity }) => ({ goodsId: goods.id, quantity }));
  const body = { redemptionId: one.id, lines, reason: '包装破损', restock };
  const proposal = await town.post(v.keeper, `${v.at}/returns`, body);
  if (!town.tell(proposal, expected)) return;
  const url = `${v.at}/returns/${proposal.body.id}`;
  if (town.dice.chance(0.1)) town.tell(await town.post(v.keeper, `${v.at}/returns`, body), 'already-exists');
  if (!owner.open) {
    town.tell(await town.post(v.admin, `${url}/approve`), 'household-not-active');
    town.tell(await town.post(v.admin, `${url}/reject`, { note: '已迁出' }), undefined);
    return;
  }
  const replies = await Promise.all(
    (town.dice.chance(0.2) ? [v.admin, v.publisher] : [v.admin]).map(by => insist(by, `${url}/approve`)),
  );
  town.log.push(`return of ${one.id} of ${one.home.id}: ${replies.map(reply => reply.status)}`);
  const done = replies.filter(reply => reply.status === 200);
  if (done.length !== 1) throw new Error(`${done.length} approvals of one return: ${replies[0]!.text}`);
  for (const reply of replies) town.tell(reply, reply === done[0] ? undefined : 'wrong-state');

  const points = picked.reduce((sum, line) => sum + line.quantity * line.unit, 0);
  const available = `household:${owner.id}:available`;
  const wanted = lastTaken(one, one.pointsBack, points);
  v.book.move(today, { from: 'redeemed', to: available, amount: points, wanted });
  payFirst(v, [{ home: owner, points, day: today }]);
  moveGoods(v, today, picked, ['handedOut', restock ? 'shelf' : 'lost']);
  one.pointsBack += points;
  for (const { goods, quantity } of picked) one.back.set(goods.id, (one.back.get(goods.id) ?? 0) + quantity);
  if (one.lines.every(line => one.back.get(line.goods.id) === line.quantity)) one.state = 'returned';
  takeLate(v, owner, points, one.orderedAt, today);
}

/** Dated points of the next `points` that come back: what was taken last comes back first, and what never expires was last. */
function lastTaken(one: Order, skipped: number, points: number): Dated {
  const taken: (string | null)[] = [];
  for (const [last, count] of Object.entries(one.dated).sort()) taken.push(...Array<string>(count).fill(last));
  while (taken.length < one.points) taken.push(null);
  const back: Dated = {};
  for (const last of taken.reverse().slice(skipped, skipped + points)) {
    if (last !== null) back[last] = (back[last] ?? 0) + 1;
  }
  return back;
}
