import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
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
      description: 'The newest first.',
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
      refusals: ['wrong-state', 'already-exists', 'too-late', 'out-of-bounds'],
    },
    schema: {
      operationId: 'returnCreate',
      tags: ['store'],
      summary: 'Propose a return',
      description: 'Of the whole or of a part, within the days the village allows. Another person has to agree.',
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
      summary: 'A return',
      description: 'With what comes back, who proposed and who decided it, and its transaction in the book.',
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
      refusals: ['wrong-state', 'second-person-required', 'household-not-active'],
    },
    schema: {
      operationId: 'returnApprove',
      tags: ['store'],
      summary: 'Agree to a return',
      description:
        'Another person than the proposer. Points go back to the household, goods to the shelf or to what is lost.',
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
    config: { access: deciders, idempotent: true, refusals: ['wrong-state', 'second-person-required'] },
    schema: {
      operationId: 'returnReject',
      tags: ['store'],
      summary: 'Turn a return down',
      description: 'Another person than the proposer, with a reason. Another return may be proposed after it.',
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
