import type { Bench } from './bench.ts';
import { race } from './race.ts';
import { figures } from './ratios.ts';
import { openShops, redemptions } from './redemptions.ts';

/** Stores opened for it. */
const shopsMax = 50;

/** Redemptions through HTTP, spread over stores. */
export async function measureRedemptions({ options, fixture, callers }: Bench) {
  const shops = await openShops(fixture, fixture.villages.slice(-shopsMax));
  await callers.refresh();
  const results = await race([redemptions(callers, shops)], options.pace, fixture.postgres);
  return { redemptions: { stores: shops.length, ...figures('redemptions/s', results) } };
}
