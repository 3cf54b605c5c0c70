import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Database } from '../db/database.ts';
import { actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { listCorrections, type Masks } from './read.ts';
import { CorrectionListQuery, CorrectionPage } from './schemas.ts';

/** What was corrected. Each record is corrected where it belongs. */
export const correctionRoutes: FastifyPluginAsyncTypebox<{ database: Database; masks: Masks }> = async (
  app,
  { database, masks },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/corrections',
    config: {
      access: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'supervisionBoard', 'storekeeper', 'household'],
      refusals: ['cursor-mismatch'],
    },
    schema: {
      operationId: 'correctionList',
      tags: ['corrections'],
      summary: 'List corrections',
      description:
        'Returns corrections, newest first: which field of which record was changed, from what to what, by whom and when. A household sees the corrections of its own file. Names and phone numbers are masked unless the caller’s role requires them.',
      params: VillageParams,
      querystring: CorrectionListQuery,
      response: { 200: CorrectionPage },
    },
    handler: request => {
      const { village } = request.params;
      return database.inSnapshot(village, db => listCorrections(db, actorOf(request), village, request.query, masks));
    },
  });
};
