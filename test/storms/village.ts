import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Test } from 'tap';
import { openDurableCluster } from '../support/cluster.ts';
import type { Acknowledged } from '../support/invariants.ts';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { connect, type Reply, villages } from '../support/service.ts';
import { at, openShop, type Shop } from '../support/shop.ts';
import type { Send } from './calls.ts';
import type { Dice } from './dice.ts';

/** A village where awards are given and goods are had, with points that expire and nothing that runs out by itself. */
export interface StormVillage {
  shop: Shop;
  /** A superuser, who looks behind the service. */
  owner: pg.Client;
  households: string[];
  /** Something that one household of these shall have once, whatever becomes of the calls. */
  intent(dice: Dice, among: string[]): Intent;
}

export interface Intent {
  kind: 'award' | 'redemption';
  householdId: string;
  key: string;
  body: object;
  url: string;
}

export async function openStormVillage(
  t: Test,
  options: Parameters<typeof openShop>[1] & { households: number },
): Promise<StormVillage> {
  const policy = { redemptionsPerDay: 1_000, householdDayMaxPoints: 100_000, expiryMonths: 12, ...options.policy };
  const cluster = options.cluster ?? (await openDurableCluster());
  const shop = await openShop(t, { ...options, policy, cluster });
  const rice = await shop.goods('大米');
  await shop.prices({ [rice]: 2 });
  await shop.stock({ [rice]: 100_000 });
  const { STORM: ruleId } = await adoptRules(shop.service, [ruleDraft('STORM')]);
  const households: string[] = [];
  for (let left = options.households; left > 0; left -= 1) households.push(await shop.household(1_000));
  const owner = await connect(t, shop.service.ownerUrl);
  // A storm may end the database under it.
  owner.on('error', () => undefined);

  return {
    shop,
    owner,
    households,
    intent(dice, among) {
      const householdId = dice.pick(among);
      const key = randomUUID();
      if (dice.chance(0.5)) {
        const body = { ruleId, householdId, quantity: 1, note: key };
        return { kind: 'award', householdId, key, url: `${at}/awards`, body };
      }
      const body = shop.order(householdId, { [rice]: 1 }, { handOver: dice.chance(0.7) });
      return { kind: 'redemption', householdId, key, url: `${at}/redemptions`, body };
    },
  };
}

export function send(call: Send, intent: Intent, key = intent.key): Promise<Reply> {
  return call('POST', intent.url, intent.body, { 'idempotency-key': key });
}

/** What the answer to an intent promises of the book. */
export function acknowledgedBy(intent: Intent, { body }: Reply): Acknowledged {
  const village = villages.own;
  if (intent.kind === 'award') {
    return { village, number: Number(body.number.split('-').at(-1)), causes: [`award:${body.id}`] };
  }
  const causes = ['hold', 'fulfil'].map(what => `redemption:${body.id}:${what}`);
  return { village, number: body.transactionNumbers[0], causes };
}

/**
 * Where what happened to these households is not what was wanted, once each: intents by household and kind, beside the
 * rows that the service made of them.
 */
export async function unlikeIntents(owner: pg.Client, intents: Intent[], among: string[]): Promise<string[]> {
  const { rows } = await owner.query(
    `select household_id || ' award' as what, count(*)::integer as n from earning.award
      where household_id = any($1) group by 1
     union all
     select household_id || ' redemption', count(*)::integer from store.redemption
      where household_id = any($1) group by 1`,
    [among],
  );
  const found = new Map<string, number>(rows.map(row => [row.what, row.n]));
  const wanted = Map.groupBy(intents, ({ householdId, kind }) => `${householdId} ${kind}`);
  return [...new Set([...found.keys(), ...wanted.keys()])]
    .map(what => ({ what, n: found.get(what) ?? 0, of: wanted.get(what)?.length ?? 0 }))
    .filter(({ n, of }) => n !== of)
    .map(({ what, n, of }) => `${what}: ${n} for ${of}`);
}

/** How many effects there are beyond one for each intent, or too few (negative). */
export async function effectsBeyond(owner: pg.Client, intents: Intent[], among: string[]): Promise<number> {
  const { rows } = await owner.query(
    `select ((select count(*) from earning.award where household_id = any($1))
           + (select count(*) from store.redemption where household_id = any($1)))::integer as n`,
    [among],
  );
  return rows[0].n - intents.length;
}
