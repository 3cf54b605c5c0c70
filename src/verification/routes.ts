import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { exportTimeoutMs } from '../http/send-export.ts';
import { VillageParams } from '../http/shapes.ts';
import { Soundness } from './schemas.ts';
import { verifyVillage } from './verify.ts';

/** Whether the book is sound, recomputed from its transactions. */
export const verificationRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/book/verify',
    config: { access: ['auditor', 'villageAdmin', 'supervisionBoard', 'supervisor'], idempotent: false },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'bookVerify',
      tags: ['ledger'],
      summary: 'Verify the book',
      description:
        'Recomputes numbers, balances, lots, limits, reversals, leaves, hash chain and checkpoints from the transactions, and reports every discrepancy. Changes nothing. A book rewritten as a whole, hashes and checkpoints included, passes this check: compare it with a checkpoint kept elsewhere.',
      params: VillageParams,
      response: { 200: Soundness },
    },
    handler: async ({ params }) => ({
      ...(await database.inExport(params.village, db => verifyVillage(db, params.village))),
      checkedAt: iso(clock.now()),
    }),
  });
};
