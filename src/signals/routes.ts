import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { VillageParams } from '../http/shapes.ts';
import { listSignals } from './read.ts';
import { Signals, SignalsQuery } from './schemas.ts';

/** Signals, not verdicts: no balance changes by them, and nothing is refused for them. */
export const signalRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/signals',
    config: { access: ['villageAdmin', 'supervisionBoard', 'supervisor', 'auditor'], refusals: ['out-of-bounds'] },
    schema: {
      operationId: 'signalList',
      tags: ['signals'],
      summary: 'List signals',
      description:
        'Returns unusual patterns worth a look: awards to one’s own household or relatives, decisions within seconds, amounts just below a limit, entries at night, one household’s share of awards, one reviewer for one clerk, reversals by one person, near-identical photos, points spent on slips without a card or PIN, discrepancies in the book. Each comes with its evidence. A signal accuses no one, blocks nothing and is not stored.',
      params: VillageParams,
      querystring: SignalsQuery,
      response: { 200: Signals },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listSignals(db, request.params.village, request.query, clock.now()),
      ),
  });
};
