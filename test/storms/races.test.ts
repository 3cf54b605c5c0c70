import t, { type Test } from 'tap';
import { openDurableCluster } from '../support/cluster.ts';
import { firstViolation } from '../support/invariants.ts';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { type Caller, connect } from '../support/service.ts';
import { at, openShop, type Shop } from '../support/shop.ts';
import { countsOf, nothingSeen, type Seen, settle } from './calls.ts';
import { isLong, report, seed, size } from './size.ts';

/*
 * Rivals for what is there once: the last points, the last bag, the last use of a cap, the one reversal. One of them has it,
 * the others are told why not. The same storms then blow at a ledger without one of its guards, and the checker sees it.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

const rivals = 8;

/** Each takes a guard of the ledger away, as a careless change would; the last cannot be undone. */
const weakenings: { says: string; of: string; weaken: (definition: string) => string; storm: Storm }[] = [
  {
    says: 'nobody waits for the lock of the book',
    of: 'ledger.read_commands',
    weaken: definition => changed(definition, / for update/g, ''),
    storm: lastPoints,
  },
  {
    says: 'no floor is checked, though one is kept',
    of: 'ledger.validate',
    weaken: definition =>
      changed(definition, /sum - coalesce\(later\[line\], 0\) - amount < batch.account_floors\[source\]/, 'false'),
    storm: lastPoints,
  },
  {
    says: 'no cap is checked, and none is kept',
    of: 'ledger.validate',
    weaken:
      definition => `${changed(definition, /limit_used\[place\] \+ batch.use_amounts\[use\] > batch.use_max\[use\]/, 'false')};
      alter table ledger.limit_use drop constraint limit_use_max`,
    storm: lastUse,
  },
  {
    says: 'nothing has a floor',
    of: 'ledger.floor_of',
    weaken:
      () => `create or replace function ledger.floor_of(code text) returns bigint language sql return null::bigint;
      alter table ledger.account drop constraint account_floor, drop constraint account_lots;
      update ledger.account set floor = null`,
    storm: async (...args) => [...(await lastPoints(...args)), ...(await bagFor(8)(...args))],
  },
];

t.test('a ledger without one of its guards is noticed', async t => {
  const ground = await openGround(t);
  const owner = await connect(t, ground.shop.service.ownerUrl);
  for (const { says, of, weaken, storm } of weakenings) {
    const { rows } = await owner.query('select pg_get_functiondef($1::regproc) as definition', [of]);
    const seen = nothingSeen();
    await owner.query(weaken(rows[0].definition));
    // Rivals on a busy machine may miss one another; then they meet again.
    const findings: string[] = [];
    for (let left = 10; findings.length === 0 && left > 0; left -= 1) {
      findings.push(...(await storm(ground, 2, seen)), ...seen.unexpected);
    }
    t.ok(findings.length > 0, `${says}: ${findings.join('; ').slice(0, 100)}`);
    await owner.query(rows[0].definition);
  }
  t.match(await firstViolation(owner), { law: /^B/ }, 'and the books show it');
  report(t, 'races, canaries', { caught: weakenings.length });
});

t.test('one has it, and the others are told why not', async t => {
  const ground = await openGround(t);
  const owner = await connect(t, ground.shop.service.ownerUrl);
  const seen = nothingSeen();
  const storms: [string, Storm, number][] = [
    ['last points', lastPoints, size(10, 300)],
    ['last bag', bagFor(64), size(1, 50)],
    ['last use of a cap', lastUse, size(4, 200)],
    ['one reversal', oneReversal, size(3, 100)],
  ];
  for (const [what, storm, rounds] of storms) {
    t.same(await storm(ground, rounds, seen), [], what);
    t.equal(await firstViolation(owner), null);
  }
  t.same(seen.unexpected.slice(0, 3), []);
  const { rows } = await owner.query('select deadlocks from pg_stat_database where datname = current_database()');
  t.equal(rows[0].deadlocks, 0, 'nobody waited for somebody who waited for him');
  for (const code of ['insufficient-points', 'insufficient-stock', 'redemption-limit', 'wrong-state'])
    t.ok((seen.refused[code] ?? 0) >= size(10, 500), `${code}: ${seen.refused[code]}, fewer would say nothing`);
  report(t, 'races', {
    ...Object.fromEntries(storms.map(([what, , rounds]) => [what, rounds])),
    ...countsOf(seen),
    seed,
  });
});

interface Ground {
  shop: Shop;
  rice: string;
  soap: string;
  ruleId: string;
  secretary: Caller;
}

/** Answers what was not as it should be. */
type Storm = (ground: Ground, rounds: number, seen: Seen) => Promise<string[]>;

async function openGround(t: Test): Promise<Ground> {
  const shop = await openShop(t, {
    cluster: await openDurableCluster(),
    policy: { redemptionsPerDay: 3, expiryMonths: 12, householdDayMaxPoints: 100_000 },
  });
  const rice = await shop.goods('大米');
  const soap = await shop.goods('肥皂');
  await shop.prices({ [rice]: 40, [soap]: 1 });
  await shop.stock({ [rice]: 100, [soap]: 10_000 });
  const { STORM: ruleId } = await adoptRules(shop.service, [ruleDraft('STORM')]);
  return { shop, rice, soap, ruleId: ruleId!, secretary: await shop.service.as('villageAdmin') };
}

async function lastPoints(ground: Ground, rounds: number, seen: Seen): Promise<string[]> {
  const { shop, rice } = ground;
  const findings: string[] = [];
  await shop.stock({ [rice]: rounds * rivals });
  for (let round = 0; round < rounds; round += 1) {
    const household = await shop.household(41);
    const order = shop.order(household, { [rice]: 1 }, { handOver: round % 2 === 0 });
    const codes = await race(ground, rivals, seen, () => order);
    findings.push(...oneOf(codes, 'insufficient-points'));
  }
  return findings;
}

function bagFor(count: number): Storm {
  return async (ground, rounds, seen) => {
    const { shop, rice, soap } = ground;
    const buyers: string[] = [];
    for (let left = count; left > 0; left -= 1) buyers.push(await shop.household(60));
    const findings: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const last = await shop.goods('最后一袋');
      await shop.prices({ [last]: 1, [rice]: 40, [soap]: 1 }, dayAfter(round));
      await shop.stock({ [last]: 1 });
      shop.service.clock.set(`${dayAfter(round)}T02:00:00Z`);
      const codes = await race(ground, buyers.length, seen, n => shop.order(buyers[n], { [last]: 1 }));
      findings.push(...oneOf(codes, 'insufficient-stock'));
    }
    return findings;
  };
}

async function lastUse(ground: Ground, rounds: number, seen: Seen): Promise<string[]> {
  const { shop, soap } = ground;
  const findings: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const household = await shop.household(100);
    const order = shop.order(household, { [soap]: 1 });
    for (let used = 0; used < 2; used += 1) await settled(seen, () => shop.redeem(shop.keeper, order));
    findings.push(...oneOf(await race(ground, rivals, seen, () => order), 'redemption-limit'));
  }
  return findings;
}

async function oneReversal(ground: Ground, rounds: number, seen: Seen): Promise<string[]> {
  const { shop, ruleId, secretary } = ground;
  const findings: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const householdId = await shop.household(10);
    const award = await settled(seen, () => shop.clerk('POST', `${at}/awards`, { ruleId, householdId, quantity: 1 }));
    const input = { awardId: award.body.id, reason: '登记错户' };
    const proposal = await settled(seen, () => shop.clerk('POST', `${at}/reversals`, input));
    const approve = () => settled(seen, () => secretary('POST', `${at}/reversals/${proposal.body.id}/approve`));
    const codes = (await Promise.all(Array.from({ length: rivals }, approve))).map(codeOf);
    findings.push(...oneOf(codes, 'wrong-state'));
    const { available } = await shop.points(householdId);
    if (available !== 10) findings.push(`a household has ${available} of 10 points after a reversal`);
  }
  return findings;
}

/** All at the same moment; each repeats its call until it is known. */
async function race({ shop }: Ground, count: number, seen: Seen, orderOf: (n: number) => object): Promise<string[]> {
  const callers = [shop.keeper, shop.clerk, shop.admin];
  const run = (n: number) => settled(seen, () => callers[n % 3]!('POST', `${at}/redemptions`, orderOf(n)));
  return (await Promise.all(Array.from({ length: count }, (_, n) => run(n)))).map(codeOf);
}

async function settled(seen: Seen, send: () => ReturnType<Caller>) {
  const answer = await settle(seen, send, { pauseMs: 20 });
  return answer ?? { status: 0, body: null, text: '', headers: {} };
}

function codeOf({ status, body }: { status: number; body: { code?: string } | null }): string {
  return status >= 200 && status < 300 ? 'success' : (body?.code ?? String(status));
}

/** One success, and this refusal for everybody else. */
function oneOf(codes: string[], code: string): string[] {
  const winners = codes.filter(code => code === 'success').length;
  const unexpected = codes.filter(got => got !== 'success' && got !== code);
  return [
    ...(winners === 1 ? [] : [`${winners} winners`]),
    ...(unexpected.length === 0 ? [] : [`refused as ${unexpected[0]}`]),
  ];
}

function changed(post: string, what: RegExp, to: string): string {
  const other = post.replace(what, to);
  if (other === post) throw new Error(`the ledger has no ${what}: this canary is dead`);
  return other;
}

function dayAfter(rounds: number): string {
  return Temporal.PlainDate.from('2026-11-24').add({ days: rounds }).toString();
}
