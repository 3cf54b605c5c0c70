import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Write } from '../posting/mutate.ts';
import { goodsSubject, storeSubject, updateGoods, updateStore } from './corrections.ts';
import { Goods, GoodsParams, GoodsUpdate, Store, StoreParams, StoreUpdate } from './schemas.ts';

/** The catalogue and the stores put right: each change names the version it changes. */
export const goodsCorrectionRoutes: FastifyPluginAsyncTypebox<{
  clock: Clock;
  write: Write;
}> = async (app, { clock, write }) => {
  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/stores/:store',
    config: { access: ['villageAdmin'], versioned: true, refusals: ['already-exists'] },
    schema: {
      operationId: 'storeUpdate',
      tags: ['store'],
      summary: 'Correct a store',
      description:
        'Corrects the name or the place (merge patch, RFC 7396). What changed, who changed it and when is kept, see `correctionList`.',
      params: StoreParams,
      body: StoreUpdate,
      response: { 200: Store },
    },
    handler: (request, reply) => {
      const { village, store: storeId } = request.params;
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        const corrected = await updateStore(tx, actor.id, { village, storeId }, asked, clock.now());
        reply.header('etag', await etagOf(tx, storeSubject(village, storeId)));
        return corrected;
      });
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/goods/:goods',
    config: { access: ['storekeeper', 'villageAdmin'], versioned: true, refusals: ['already-exists', 'out-of-bounds'] },
    schema: {
      operationId: 'goodsUpdate',
      tags: ['store'],
      summary: 'Correct goods',
      description:
        'Corrects an item of the catalogue (merge patch, RFC 7396). What changed, who changed it and when is kept, see `correctionList`. SKU and barcode stay unique in the village. Whether the goods are a service cannot be changed. Prices, pieces on the shelf and orders stay as they are.',
      params: GoodsParams,
      body: GoodsUpdate,
      response: { 200: Goods },
    },
    handler: (request, reply) => {
      const { village, goods: goodsId } = request.params;
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        const corrected = await updateGoods(tx, actor.id, { village, goodsId }, asked, clock.now());
        reply.header('etag', await etagOf(tx, goodsSubject(village, goodsId)));
        return corrected;
      });
    },
  });
};
