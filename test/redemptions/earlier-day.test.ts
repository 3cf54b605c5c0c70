import t from 'tap';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

/*
 * Goods that were handed over earlier, paid with points or taken from a shelf that had nothing on that day. The shop opens on
 * 25 October, and it is 23 November.
 */
const opened = '2026-10-25T02:00:00Z';
const today = '2026-11-23T02:00:00.000Z';

const shop = await openShop(t, {
  now: opened,
  policy: { redemptionsPerDay: 50, backdateDays: 60, directAwardPublicityDays: 0 },
});
const { service, clerk, keeper } = shop;
const auditor = await service.as('auditor');
const rice = await shop.goods('大米');
const soap = await shop.goods('肥皂');
await shop.prices({ [rice]: 14, [soap]: 3 });
await shop.stock({ [soap]: 100 });
const { R01: ruleId } = await adoptRules(service, [ruleDraft('R01', { evidence: ['count'], points: 1 })]);
service.clock.set(today);
// Rice comes today.
await shop.stock({ [rice]: 10 });

const statement = async (householdId: string, month: string) => {
  const from = Temporal.PlainDate.from(`${month}-01`);
  const url = `${at}/households/${householdId}/statement?from=${from}&to=${from.add({ months: 1 })}`;
  const { opening, closing, entries } = (await auditor('GET', url)).body;
  return { opening, closing, entries };
};
/** What accounts of one class had at the end of a month. */
const closings = async (month: string, detail = 'account') => {
  const from = Temporal.PlainDate.from(`${month}-01`);
  const url = `${at}/trial-balance?from=${from}&to=${from.add({ months: 1 })}&detail=${detail}&limit=200`;
  const { data } = (await auditor('GET', url)).body;
  return data as { account: string; asset: string; closing: number }[];
};
const floored = /^(household:.*:(available|pending|held|base|honour)|shelf:.*|reserved:.*)$/;
const belowZero = async () => {
  const rows = [...(await closings('2026-10')), ...(await closings('2026-11'))];
  return rows.filter(({ account, closing }) => floored.test(account) && closing < 0);
};
const handOver = (householdId: string, pieces: Record<string, number>, day: string) =>
  shop.redeem(clerk, shop.order(householdId, pieces, { handOver: true, occurredAt: `${day}T10:00:00+08:00` }));
const transactionOf = async (reply: { body: { transactionNumbers: number[] } }) =>
  (await auditor('GET', `${at}/transactions/${reply.body.transactionNumbers[0]}`)).body;
const award = async (householdId: string, points: number, day: string) => {
  const body = { ruleId, householdId, quantity: points, occurredAt: `${day}T09:00:00+08:00` };
  const reply = await settled(clerk, `${at}/awards`, body);
  t.equal(reply.status, 201, reply.text);
};

t.test('points and goods of today do not pay for October', async t => {
  const id = await shop.household(20);
  const made = await handOver(id, { [rice]: 1 }, '2026-10-30');
  t.equal(made.status, 201, made.text);
  t.match(made.body, {
    businessDate: '2026-10-30',
    occurredAt: '2026-10-30T02:00:00.000Z',
    number: /^R-20261030-/,
    backEntry: true,
  });
  t.match(await transactionOf(made), { businessDate: '2026-11-23', occurredAt: '2026-10-30T02:00:00.000Z' });
  t.strictSame(await statement(id, '2026-10'), { opening: 0, closing: 0, entries: [] });
  t.match(await statement(id, '2026-11'), {
    opening: 0,
    closing: 6,
    entries: [
      { amount: 20, balance: 20, businessDate: '2026-11-23' },
      { amount: -14, balance: 6, businessDate: '2026-11-23', occurredAt: '2026-10-30T02:00:00.000Z' },
    ],
  });
  const { body: account } = await auditor('GET', `${at}/accounts?prefix=household:${id}:available`);
  const balance = async (instant: string) =>
    (await auditor('GET', `${at}/accounts/${account.data[0].number}/balance?occurredAt=${instant}`)).body.balance;
  t.same([await balance('2026-11-01T00:00:00Z'), await balance(today)], [0, 6], 'as things had happened');
  const shelves = (await closings('2026-10')).filter(({ asset }) => asset === `SKU:${rice}`);
  t.same(
    shelves.map(({ closing }) => closing),
    shelves.map(() => 0),
  );
  t.same(await belowZero(), []);
});

t.test('what was there on the day counts for the day', async t => {
  const id = await shop.household(1);
  await award(id, 9, '2026-10-28');
  const made = await handOver(id, { [soap]: 3 }, '2026-10-30');
  t.match(await transactionOf(made), { businessDate: '2026-10-30' });
  t.match(await statement(id, '2026-10'), { opening: 0, closing: 0 });

  await t.test('and nothing is taken from a day before, that a later day has spent', async t => {
    await award(id, 2, '2026-11-20');
    const again = await handOver(id, { [soap]: 1 }, '2026-10-29');
    t.equal(again.status, 201, again.text);
    t.match(await transactionOf(again), { businessDate: '2026-11-23' });
    t.match(await statement(id, '2026-10'), { closing: 0 });
    t.same(await belowZero(), []);
  });

  await t.test('an award entered later for an earlier day is there on that day', async t => {
    await award(id, 3, '2026-10-29');
    t.match(await transactionOf(await handOver(id, { [soap]: 1 }, '2026-10-29')), { businessDate: '2026-10-29' });
    t.same(await belowZero(), []);
  });

  await t.test('what the household does not have at all is refused, as ever', async t => {
    const refused = await handOver(id, { [soap]: 1 }, '2026-10-31');
    t.match([refused.status, refused.body.code, refused.body.available], [422, 'insufficient-points', 0]);
  });
});

t.test('a process whose clock is behind takes nothing back in time', async t => {
  const id = await shop.household(10);
  service.clock.pass({ hours: -72 });
  const waiting = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }));
  t.equal(waiting.status, 201, waiting.text);
  t.match(await transactionOf(waiting), { businessDate: '2026-11-23', occurredAt: '2026-11-20T02:00:00.000Z' });
  const done = await shop.fulfil(keeper, waiting.body.id);
  t.equal(done.status, 200, done.text);
  service.clock.set(today);
  t.same(await belowZero(), []);
  t.match(await statement(id, '2026-11'), { closing: 7 });
});
