import type { Bench } from './bench.ts';
import { figures, race } from './race.ts';
import { openShops, redemptions } from './redemptions.ts';

/** Stores opened for it. */
const shopsMax = 50;

/** Redemptions through HTTP, spread over stores. */
export async function measureRedemptions({ options, fixture, callers }: Bench) {
  const shops = await openShops(fixture, fixture.villages.slice(-shopsMax));
  await callers.refresh();
  const rates = await race([redemptions(callers, shops)], options.pace);
  return { redemptions: { stores: shops.length, ...figures('redemptions/s', rates) } };
}
