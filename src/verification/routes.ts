import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, iso } from '../calendar.ts';
import { makeCheckpoint } from '../checkpoints/make-checkpoint.ts';
import { viewOf } from '../checkpoints/read.ts';
import { Checkpoint } from '../checkpoints/shapes.ts';
import type { BookSigner } from '../checkpoints/signer.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { exportTimeoutMs } from '../http/send-export.ts';
import { VillageParams } from '../http/shapes.ts';
import { callOf } from '../posting/keys.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Refusal } from '../refusals.ts';
import { listVerifications } from './read.ts';
import { Soundness, VerificationListQuery, VerificationPage } from './schemas.ts';
import { discrepancyCount, verifyAndKeep } from './sign-verified.ts';
import { verifyVillage } from './verify.ts';

const readers: Access = ['auditor', 'villageAdmin', 'supervisionBoard', 'supervisor'];

/** Whether the book is sound, recomputed from its transactions; only a sound one is signed. */
export const verificationRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  signer: BookSigner;
}> = async (app, { database, clock, mutate, signer }) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/book/verify',
    config: { access: readers, idempotent: false },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'bookVerify',
      tags: ['ledger'],
      summary: 'Verify the book',
      description:
        'Recomputes numbers, balances, lots, limits, reversals, leaves, hash chain and checkpoints from the transactions, compares awards, redemptions, stock documents, expiries and household changes with them, and reports every discrepancy. Changes nothing. A book rewritten as a whole, hashes and checkpoints included, passes this check: compare it with a checkpoint kept elsewhere.',
      params: VillageParams,
      response: { 200: Soundness },
    },
    handler: async ({ params }) => ({
      ...(await database.inExport(params.village, db => verifyVillage(db, params.village))),
      checkedAt: iso(clock.now()),
    }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book/verifications',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'verificationList',
      tags: ['ledger'],
      summary: 'List verifications of the book',
      description:
        'Returns what the service found when it verified the book by itself, newest first: every evening if the book has grown or had discrepancies, at least once a week, and before each checkpoint is signed.',
      params: VillageParams,
      querystring: VerificationListQuery,
      response: { 200: VerificationPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listVerifications(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/book/checkpoints',
    config: {
      access: ['villageAdmin', 'supervisionBoard', 'auditor'],
      idempotent: true,
      refusals: ['book-unsound'],
    },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'checkpointCreate',
      tags: ['audit'],
      summary: 'Sign a checkpoint of the book',
      description:
        'Verifies the book and signs its current head. The service also does this by itself every evening if the book has grown. If the book has not grown, returns its latest checkpoint. A book with discrepancies, or one that does not continue its latest checkpoint, is not signed; `verificationList` shows what was found.',
      params: VillageParams,
      response: { 200: Checkpoint },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      // What has no key is refused before the whole book is read for it.
      callOf(request);
      const soundness = await verifyAndKeep(database, village, clock.now());
      if (!soundness.sound) throw new Refusal('book-unsound', { discrepancyCount: discrepancyCount(soundness) });
      return mutate(request, reply, async tx => viewOf(await makeCheckpoint(tx, signer, village, clock.now())), {
        status: 200,
      });
    },
  });
};
