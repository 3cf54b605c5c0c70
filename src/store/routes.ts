import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import { type Access, roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { goodsSubject, storeSubject } from './corrections.ts';
import { archiveGoods, createGoods, createStore, restoreGoods } from './goods.ts';
import { getPriceList, listPriceLists, publishPriceList, withdrawPriceList } from './prices.ts';
import { getGoods, getStore, listGoods, listStores } from './read.ts';
import {
  Goods,
  GoodsCreate,
  GoodsListQuery,
  GoodsPage,
  GoodsParams,
  PriceList,
  PriceListCreate,
  PriceListListQuery,
  PriceListPage,
  PriceListParams,
  Store,
  StoreCreate,
  StoreListQuery,
  StorePage,
  StoreParams,
} from './schemas.ts';

/** Whoever has to do with the village may see what its store offers. */
const everybody: Access = roles.filter(role => role !== 'platformAdmin');
const keepers: Access = ['storekeeper', 'villageAdmin'];

/** Stores, goods and their prices. */
export const goodsRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stores',
    config: { access: everybody, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'storeList',
      tags: ['store'],
      summary: 'List stores',
      description: 'Returns every place in the village that hands out goods, oldest first.',
      params: VillageParams,
      querystring: StoreListQuery,
      response: { 200: StorePage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listStores(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stores',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['already-exists'] },
    schema: {
      operationId: 'storeCreate',
      tags: ['store'],
      summary: 'Create a store',
      description: 'Creates a store and its stock location in the book. It is empty until a stock document is posted.',
      params: VillageParams,
      body: StoreCreate,
      response: { 201: Store },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => createStore(tx, actor, request.params.village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${request.params.village}/stores/${made.id}`,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stores/:store',
    config: { access: everybody, versioned: true },
    schema: {
      operationId: 'storeGet',
      tags: ['store'],
      summary: 'Retrieve a store',
      description: 'Returns one place in the village that hands out goods.',
      params: StoreParams,
      response: { 200: Store },
    },
    handler: ({ params: { village, store } }, reply) =>
      database.inSnapshot(village, async db => {
        const found = await getStore(db, village, store);
        reply.header('etag', await etagOf(db, storeSubject(village, store)));
        return found;
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/goods',
    config: { access: everybody, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'goodsList',
      tags: ['store'],
      summary: 'List goods',
      description: 'Returns the catalogue by SKU, including archived goods unless filtered by `state`.',
      params: VillageParams,
      querystring: GoodsListQuery,
      response: { 200: GoodsPage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listGoods(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/goods',
    config: { access: keepers, idempotent: true, refusals: ['already-exists', 'out-of-bounds'] },
    schema: {
      operationId: 'goodsCreate',
      tags: ['store'],
      summary: 'Create goods',
      description: 'SKU and barcode must be unique in the village. Goods are offered once a price list includes them.',
      params: VillageParams,
      body: GoodsCreate,
      response: { 201: Goods },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => createGoods(tx, actor, request.params.village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${request.params.village}/goods/${made.id}`,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/goods/:goods',
    config: { access: everybody, versioned: true },
    schema: {
      operationId: 'goodsGet',
      tags: ['store'],
      summary: 'Retrieve goods',
      description: 'Returns one item of the catalogue.',
      params: GoodsParams,
      response: { 200: Goods },
    },
    handler: ({ params: { village, goods } }, reply) =>
      database.inSnapshot(village, async db => {
        const found = await getGoods(db, village, goods);
        reply.header('etag', await etagOf(db, goodsSubject(village, goods)));
        return found;
      }),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/goods/:goods/archive',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'goodsArchive',
      tags: ['store'],
      summary: 'Archive goods',
      description: 'New orders for the goods are refused from now on; waiting orders are kept.',
      params: GoodsParams,
      response: { 200: Goods },
    },
    handler: (request, reply) => {
      const { village, goods } = request.params;
      return mutate(request, reply, (tx, actor) => archiveGoods(tx, actor, { village, goodsId: goods }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/goods/:goods/restore',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'goodsRestore',
      tags: ['store'],
      summary: 'Restore goods',
      description: 'Offers archived goods again, at the price in the current price list, if it includes them.',
      params: GoodsParams,
      response: { 200: Goods },
    },
    handler: (request, reply) => {
      const { village, goods } = request.params;
      return mutate(request, reply, tx => restoreGoods(tx, { village, goodsId: goods }), { status: 200 });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/price-lists',
    config: { access: everybody, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'priceListList',
      tags: ['store'],
      summary: 'List price lists',
      description: 'Returns price lists, newest first, including withdrawn ones. Published price lists never change.',
      params: VillageParams,
      querystring: PriceListListQuery,
      response: { 200: PriceListPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listPriceLists(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/price-lists',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['business-date-refused'] },
    schema: {
      operationId: 'priceListCreate',
      tags: ['store'],
      summary: 'Publish a price list',
      description:
        'The price list is valid from its first day until that of the next one. It cannot start in the past and never changes, but can be withdrawn before its first day. Goods it does not include are not offered.',
      params: VillageParams,
      body: PriceListCreate,
      response: { 201: PriceList },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => publishPriceList(tx, actor, request.params.village, request.body, clock.now()),
        {
          status: 201,
          location: made => `/v1/villages/${request.params.village}/price-lists/${made.id}`,
        },
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/price-lists/:priceList',
    config: { access: everybody },
    schema: {
      operationId: 'priceListGet',
      tags: ['store'],
      summary: 'Retrieve a price list',
      description: 'Returns the price list with its items, by SKU.',
      params: PriceListParams,
      response: { 200: PriceList },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getPriceList(db, params.village, params.priceList)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/price-lists/:priceList/withdraw',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'priceListWithdraw',
      tags: ['store'],
      summary: 'Withdraw a price list',
      description:
        'Withdraws a price list before its first day. The one before it stays in force, and another one can be published for the same day. Refused once the price list is in force: publish the next one instead.',
      params: PriceListParams,
      response: { 200: PriceList },
    },
    handler: (request, reply) => {
      const { village, priceList } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => withdrawPriceList(tx, actor, { village, priceListId: priceList }, clock.now()),
        { status: 200 },
      );
    },
  });
};
