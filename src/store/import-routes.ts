import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { Clock } from '../calendar.ts';
import { VillageParams } from '../http/shapes.ts';
import { callOf } from '../posting/keys.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Refusal } from '../refusals.ts';
import { importGoods, readGoodsFile } from './import-goods.ts';
import { GoodsImport, GoodsImportQuery, GoodsListBody, goodsFileMaxBytes, xlsxType } from './schemas.ts';

/** Whole lists of goods, as a village has them in a spreadsheet. */
export const goodsImportRoutes: FastifyPluginAsyncTypebox<{ clock: Clock; mutate: Mutate }> = async (
  app,
  { clock, mutate },
) => {
  // In this plugin alone a body may be a file.
  app.addContentTypeParser<Buffer>(['text/csv', xlsxType], { parseAs: 'buffer' }, (_request, file, done) => {
    done(null, file);
  });
  const validate = app.validatorCompiler!;
  const takeAnyFile: FastifySchemaCompiler<object> = route =>
    route.httpPart === 'body' ? () => true : validate(route as never);

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/goods-imports',
    bodyLimit: goodsFileMaxBytes,
    config: { access: ['storekeeper', 'villageAdmin'], idempotent: true, refusals: ['already-exists'] },
    validatorCompiler: takeAnyFile,
    schema: {
      operationId: 'goodsImport',
      tags: ['store'],
      summary: 'Import a list of goods',
      description:
        'Uploads a list of up to 2,000 goods, checks it and reports every error by row. A dry run creates nothing; without it, goods that the catalogue does not have are created, and those that it has are left as they are. Goods are recognised by SKU, else by barcode, else by name; without an SKU they get the next free one. A size is added to the name. Points are answered, to be published as a price list. Stock is not imported: draft a stock document.',
      params: VillageParams,
      querystring: GoodsImportQuery,
      body: GoodsListBody,
      response: { 200: GoodsImport },
    },
    handler: async (request, reply) => {
      const { body: file } = request as { body: unknown };
      if (!Buffer.isBuffer(file)) throw new Refusal('media-type-unsupported');
      // A call without a key is told so before anything is done for it.
      callOf(request);
      const format = request.headers['content-type']!.toLowerCase().startsWith('text/csv') ? 'csv' : 'xlsx';
      const { village } = request.params;
      const input = { list: await readGoodsFile(file, format), dryRun: request.query.dryRun };
      return mutate(request, reply, (tx, actor) => importGoods(tx, actor, village, input, clock.now()), {
        status: 200,
      });
    },
  });
};
