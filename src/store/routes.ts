import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { archiveGoods, createGoods, createStore, restoreGoods } from './goods.ts';
import { getPriceList, listPriceLists, publishPriceList } from './prices.ts';
import { getGoods, listGoods, listStores } from './read.ts';
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
      description: 'Every place of the village that hands goods over, the oldest first.',
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
      summary: 'Open a store',
      description: 'A store is a shelf in the book; it is empty until a stock document is posted.',
      params: VillageParams,
      body: StoreCreate,
      response: { 201: Store },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => createStore(tx, actor, request.params.village, request.body, clock.now()), {
        status: 201,
        location: () => `/v1/villages/${request.params.village}/stores`,
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
      description: 'The catalogue by sku, archived goods too unless `state` says otherwise.',
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
      summary: 'Enter goods',
      description: 'Sku and barcode are unique in the village. Goods are offered once a price list names them.',
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
    config: { access: everybody },
    schema: {
      operationId: 'goodsGet',
      tags: ['store'],
      summary: 'One kind of goods',
      description: 'As in the catalogue.',
      params: GoodsParams,
      response: { 200: Goods },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getGoods(db, params.village, params.goods)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/goods/:goods/archive',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'goodsArchive',
      tags: ['store'],
      summary: 'Take goods off the offer',
      description: 'They are refused in new orders from this moment; orders that wait are kept.',
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
      summary: 'Offer archived goods again',
      description: 'At the price of the list in force, if it names them.',
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
      description: 'The newest first; none was ever changed.',
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
        'Holds from its day until the next one’s. It never reaches back, is never changed, and goods it does not name are not offered.',
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
      summary: 'A price list',
      description: 'With everything it offers, by sku.',
      params: PriceListParams,
      response: { 200: PriceList },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getPriceList(db, params.village, params.priceList)),
  });
};
