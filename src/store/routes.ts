import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Mutate } from '../http/idempotency.ts';
import { goodsRoutes } from './goods-routes.ts';
import { redemptionRoutes } from './redemption-routes.ts';
import { returnRoutes } from './return-routes.ts';
import { stockRoutes } from './stock-routes.ts';

/** The store: what it has, what it offers, and how goods leave and come back. */
export const storeRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  jobs: Jobs;
}> = async (app, world) => {
  await app.register(goodsRoutes, world);
  await app.register(stockRoutes, world);
  await app.register(redemptionRoutes, world);
  await app.register(returnRoutes, world);
};
