import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Rejection } from '../store/shapes.ts';
import { approveReturn, rejectReturn } from './decide-return.ts';
import { proposeReturn } from './propose-return.ts';
import { getReturn, listReturns } from './read-returns.ts';
import { Return, ReturnCreate, ReturnListQuery, ReturnPage, ReturnParams } from './schemas.ts';

const readers: Access = ['storekeeper', 'clerk', 'villageAdmin', 'supervisor', 'supervisionBoard', 'auditor'];
const deciders: Access = ['villageAdmin', 'clerk'];

/** Goods that come back after the hand-over. */
export const returnRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/returns',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'returnList',
      tags: ['store'],
      summary: 'List returns',
      description: 'Returns the village’s goods returns, newest first.',
      params: VillageParams,
      querystring: ReturnListQuery,
      response: { 200: ReturnPage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listReturns(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/returns',
    config: {
      access: ['storekeeper', 'clerk'],
      idempotent: true,
      refusals: ['wrong-state', 'already-exists', 'too-late', 'out-of-bounds', 'own-household'],
    },
    schema: {
      operationId: 'returnCreate',
      tags: ['store'],
      summary: 'Propose a return',
      description:
        'Proposes to take back all or part of a redemption, within the number of days set by the policy. Each piece can be returned once, over any number of returns, one proposal at a time. A second person must approve it.',
      params: VillageParams,
      body: ReturnCreate,
      response: { 201: Return },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => proposeReturn(tx, actor, request.params.village, request.body, clock.now()),
        {
          status: 201,
          location: made => `/v1/villages/${request.params.village}/returns/${made.id}`,
        },
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/returns/:return',
    config: { access: readers },
    schema: {
      operationId: 'returnGet',
      tags: ['store'],
      summary: 'Retrieve a return',
      description:
        'Returns the goods taken back, who proposed and decided the return, and its transaction in the book.',
      params: ReturnParams,
      response: { 200: Return },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getReturn(db, params.village, params.return)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/returns/:return/approve',
    config: {
      access: deciders,
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'own-household', 'household-not-active'],
    },
    schema: {
      operationId: 'returnApprove',
      tags: ['store'],
      summary: 'Approve a return',
      description:
        'Gives the points back to the household, or to the one it was merged into, and puts the goods back on the shelf, or writes them off. The approver must not be the proposer.',
      params: ReturnParams,
      response: { 200: Return },
    },
    handler: (request, reply) => {
      const { village, return: returnId } = request.params;
      return mutate(request, reply, (tx, actor) => approveReturn(tx, actor, { village, returnId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/returns/:return/reject',
    config: {
      access: deciders,
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'own-household'],
    },
    schema: {
      operationId: 'returnReject',
      tags: ['store'],
      summary: 'Reject a return',
      description:
        'The decision needs a reason and cannot be made by the proposer. Another return may be proposed afterwards.',
      params: ReturnParams,
      body: Rejection,
      response: { 200: Return },
    },
    handler: (request, reply) => {
      const { village, return: returnId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => rejectReturn(tx, actor, { village, returnId }, request.body.note, clock.now()),
        { status: 200 },
      );
    },
  });
};
