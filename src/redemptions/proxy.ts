import { and, countDistinct, eq, ne, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { folded } from '../households/folding.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { PolicyView } from '../villages/policy.ts';
import type { RedemptionRow } from './redemption.ts';
import { proxyPickup } from './tables.ts';

/** Who fetches the goods for the household, which sends its card, its PIN or its code along. */
export interface ProxyPerson {
  name: string;
  relation: string;
}

/**
 * Keeps who fetched the goods, if it was not the household. One person fetches for a few households a day, told by name;
 * of many at once, each sees those before it.
 * @throws Refusal `proxy-limit` (facts: `limit`, `used`; a limit of 0: the village wants no proxies)
 */
export async function recordProxy(
  tx: Tx,
  actor: Actor,
  row: Pick<RedemptionRow, 'village' | 'id' | 'householdId'>,
  proxy: ProxyPerson | undefined,
  policy: PolicyView,
  at: { handedOver: Temporal.Instant; now: Temporal.Instant },
): Promise<void> {
  if (proxy === undefined) return;
  const { village, householdId } = row;
  const nameFolded = folded(proxy.name);
  const fetchedOn = dayOf(at.handedOver).toString();
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`proxy:${village}:${nameFolded}`}, 0))`);
  const [others] = await tx
    .select({ households: countDistinct(proxyPickup.householdId) })
    .from(proxyPickup)
    .where(
      and(
        eq(proxyPickup.village, village),
        eq(proxyPickup.fetchedOn, fetchedOn),
        eq(proxyPickup.nameFolded, nameFolded),
        ne(proxyPickup.householdId, householdId),
      ),
    );
  const limit = policy.proxyHouseholdsPerDay;
  const used = others!.households;
  if (used >= limit) throw new Refusal('proxy-limit', { limit, used });
  await tx.insert(proxyPickup).values({
    village,
    redemptionId: row.id,
    householdId,
    ...proxy,
    fetchedOn,
    recordedBy: actor.id,
    recordedAt: iso(at.now),
  });
}
