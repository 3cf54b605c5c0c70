import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { handInCount, openStockCount } from './count.ts';
import { getStockCount, listStockCounts } from './read-counts.ts';
import {
  StockCount,
  StockCountCreate,
  StockCountFigures,
  StockCountListQuery,
  StockCountPage,
  StockCountParams,
} from './schemas.ts';

const readers: Access = ['storekeeper', 'villageAdmin', 'clerk', 'supervisor', 'supervisionBoard', 'auditor'];
/** Whoever posts the difference, the administrator, does not count. */
const counters: Access = ['storekeeper', 'clerk'];

/** Goods counted by two people who do not know what the book has. */
export const stockCountRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
}> = async (app, { database, clock, mutate }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-counts',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'stockCountList',
      tags: ['store'],
      summary: 'List stock counts',
      description: 'Returns counts, newest first.',
      params: VillageParams,
      querystring: StockCountListQuery,
      response: { 200: StockCountPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listStockCounts(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stock-counts',
    config: { access: counters, idempotent: true, refusals: ['out-of-bounds'] },
    schema: {
      operationId: 'stockCountCreate',
      tags: ['store'],
      summary: 'Open a stock count',
      description:
        'Opens a count of goods on a store’s shelf, without those set aside for orders. Count while the store is closed: if goods move before both people have counted, the count ends as `stale`.',
      params: VillageParams,
      body: StockCountCreate,
      response: { 201: StockCount },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => openStockCount(tx, actor, request.params.village, request.body, clock.now()),
        { status: 201, location: made => `/v1/villages/${request.params.village}/stock-counts/${made.id}` },
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-counts/:stockCount',
    config: { access: readers },
    schema: {
      operationId: 'stockCountGet',
      tags: ['store'],
      summary: 'Retrieve a stock count',
      description:
        'Returns the goods to count; once two people have counted, also what either found and what the book had.',
      params: StockCountParams,
      response: { 200: StockCount },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getStockCount(db, params.village, params.stockCount)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stock-counts/:stockCount/figures',
    config: { access: counters, idempotent: true, refusals: ['wrong-state', 'second-person-required'] },
    schema: {
      operationId: 'stockCountHandIn',
      tags: ['store'],
      summary: 'Save the figures of a count',
      description:
        'Hands in what one of the two people counted, without knowing the other’s figures or the book’s. The second ends the count: if both agree, what is missing or in excess is drafted as stock documents, which somebody else posts. Nothing is overwritten.',
      params: StockCountParams,
      body: StockCountFigures,
      response: { 200: StockCount },
    },
    handler: (request, reply) => {
      const { village, stockCount: countId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => handInCount(tx, actor, { village, countId }, request.body.figures, clock.now()),
        { status: 200 },
      );
    },
  });
};
