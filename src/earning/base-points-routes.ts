import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { giveBasePoints } from './base-points.ts';
import { BasePoints } from './schemas.ts';

/** Points that a village gives everybody, and nobody can spend. */
export const basePointsRoutes: FastifyPluginAsyncTypebox<{ clock: Clock; mutate: Mutate }> = async (
  app,
  { clock, mutate },
) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/base-points',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['feature-off'] },
    schema: {
      operationId: 'basePointsGive',
      tags: ['awards'],
      summary: 'Grant base points to every household',
      description:
        'Grants the policy’s base points for the current month or year, or once only, to every active household that does not have them yet. Base points cannot be spent.',
      params: VillageParams,
      response: { 200: BasePoints },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => giveBasePoints(tx, actor, request.params.village, clock.now()), {
        status: 200,
      }),
  });
};
