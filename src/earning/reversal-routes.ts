import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { getReversal, listReversals } from './read.ts';
import { approveReversal, proposeReversal, rejectReversal } from './reverse.ts';
import {
  Reversal,
  ReversalCreate,
  ReversalListQuery,
  ReversalPage,
  ReversalParams,
  ReversalReject,
} from './schemas.ts';

const readers: Access = ['clerk', 'villageAdmin', 'supervisionBoard', 'supervisor', 'auditor', 'household'];

/** How an award is taken back, by two people. */
export const reversalRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/reversals',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'reversalList',
      tags: ['awards'],
      summary: 'List reversals',
      description:
        'Returns reversals, pending and decided, newest first. A household sees only those of its own awards.',
      params: VillageParams,
      querystring: ReversalListQuery,
      response: { 200: ReversalPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listReversals(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/reversals',
    config: {
      access: ['clerk', 'villageAdmin'],
      idempotent: true,
      refusals: ['already-exists', 'already-reversed'],
    },
    schema: {
      operationId: 'reversalCreate',
      tags: ['awards'],
      summary: 'Propose the reversal of an award',
      description:
        'Nothing is posted until a second person approves. An award can have one pending proposal at a time.',
      params: VillageParams,
      body: ReversalCreate,
      response: { 201: Reversal },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => proposeReversal(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/reversals/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/reversals/:reversal',
    config: { access: readers },
    schema: {
      operationId: 'reversalGet',
      tags: ['awards'],
      summary: 'Retrieve a reversal',
      description: 'Returns who proposed the reversal and why, and its outcome.',
      params: ReversalParams,
      response: { 200: Reversal },
    },
    handler: request => {
      const { village, reversal } = request.params;
      return database.inSnapshot(village, db => getReversal(db, actorOf(request), village, reversal));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/reversals/:reversal/approve',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: [
        'second-person-required',
        'own-household',
        'wrong-state',
        'already-reversed',
        'reversal-arrears',
        'household-not-active',
      ],
    },
    schema: {
      operationId: 'reversalApprove',
      tags: ['awards'],
      summary: 'Approve a reversal',
      description:
        'Reverses the award. The approver must not be the proposer. Points and honour points are taken back, and the award no longer counts towards caps or its occasion. If the points are already spent, the rest is recorded as arrears, which the household’s next points pay, or the reversal is refused, as the village’s policy says. If the household was merged or inherited, the household that took it over gives the points back.',
      params: ReversalParams,
      response: { 200: Reversal },
    },
    handler: (request, reply) => {
      const { village, reversal } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => approveReversal(tx, actor, { village, reversalId: reversal }, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/reversals/:reversal/reject',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: ['second-person-required', 'own-household', 'wrong-state'],
    },
    schema: {
      operationId: 'reversalReject',
      tags: ['awards'],
      summary: 'Reject a reversal',
      description: 'The award stands. The decision needs a reason and cannot be made by the proposer.',
      params: ReversalParams,
      body: ReversalReject,
      response: { 200: Reversal },
    },
    handler: (request, reply) => {
      const { village, reversal } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => rejectReversal(tx, actor, { village, reversalId: reversal }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });
};
