import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { HouseholdParams } from '../households/shapes.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { getWaiver, listWaivers } from './read.ts';
import {
  ArrearsSettle,
  ArrearsSettlement,
  ArrearsWaiver,
  ArrearsWaiverCreate,
  ArrearsWaiverListQuery,
  ArrearsWaiverPage,
  ArrearsWaiverParams,
  ArrearsWaiverReject,
} from './schemas.ts';
import { settleArrears } from './settle.ts';
import { approveWaiver, proposeWaiver, rejectWaiver } from './waive.ts';

const readers: Access = ['clerk', 'villageAdmin', 'supervisionBoard', 'supervisor', 'auditor', 'household'];

/** How what a household owes ends: it pays, or two people waive it. */
export const arrearsRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/arrears/settle',
    config: {
      access: ['clerk', 'villageAdmin', 'household'],
      idempotent: true,
      refusals: ['own-household', 'household-not-active', 'nothing-owed', 'out-of-bounds', 'insufficient-points'],
    },
    schema: {
      operationId: 'arrearsSettle',
      tags: ['awards'],
      summary: 'Settle a household’s arrears',
      description:
        'Pays points that the household owes out of its available points; those that expire first go. Points that become available to a household with arrears pay them by themselves, so this is for points it already had. Staff may not do this for their own household or relatives.',
      params: HouseholdParams,
      body: ArrearsSettle,
      response: { 200: ArrearsSettlement },
    },
    handler: (request, reply) => {
      const { village, household: householdId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => settleArrears(tx, actor, { village, householdId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/arrears-waivers',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'arrearsWaiverList',
      tags: ['awards'],
      summary: 'List waivers of arrears',
      description: 'Returns waivers, pending and decided, newest first. A household sees only its own.',
      params: VillageParams,
      querystring: ArrearsWaiverListQuery,
      response: { 200: ArrearsWaiverPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listWaivers(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/arrears-waivers',
    config: {
      access: ['clerk', 'villageAdmin'],
      idempotent: true,
      refusals: ['own-household', 'already-exists', 'nothing-owed', 'out-of-bounds'],
    },
    schema: {
      operationId: 'arrearsWaiverCreate',
      tags: ['awards'],
      summary: 'Propose to waive arrears',
      description:
        'Nothing is posted until a second person approves. A household can have one pending proposal at a time.',
      params: VillageParams,
      body: ArrearsWaiverCreate,
      response: { 201: ArrearsWaiver },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => proposeWaiver(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/arrears-waivers/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/arrears-waivers/:waiver',
    config: { access: readers },
    schema: {
      operationId: 'arrearsWaiverGet',
      tags: ['awards'],
      summary: 'Retrieve a waiver of arrears',
      description: 'Returns who proposed the waiver and why, and its outcome.',
      params: ArrearsWaiverParams,
      response: { 200: ArrearsWaiver },
    },
    handler: request => {
      const { village, waiver } = request.params;
      return database.inSnapshot(village, db => getWaiver(db, actorOf(request), village, waiver));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/arrears-waivers/:waiver/approve',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: ['second-person-required', 'own-household', 'wrong-state', 'nothing-owed', 'out-of-bounds'],
    },
    schema: {
      operationId: 'arrearsWaiverApprove',
      tags: ['awards'],
      summary: 'Approve a waiver of arrears',
      description:
        'The household no longer owes the points. The approver must not be the proposer and must not belong or be related to the household. If it has paid part of them since, the waiver is refused and can be proposed again for the rest.',
      params: ArrearsWaiverParams,
      response: { 200: ArrearsWaiver },
    },
    handler: (request, reply) => {
      const { village, waiver: waiverId } = request.params;
      return mutate(request, reply, (tx, actor) => approveWaiver(tx, actor, { village, waiverId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/arrears-waivers/:waiver/reject',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: ['second-person-required', 'own-household', 'wrong-state'],
    },
    schema: {
      operationId: 'arrearsWaiverReject',
      tags: ['awards'],
      summary: 'Reject a waiver of arrears',
      description:
        'The household still owes the points. The decision needs a reason and cannot be made by the proposer.',
      params: ArrearsWaiverParams,
      body: ArrearsWaiverReject,
      response: { 200: ArrearsWaiver },
    },
    handler: (request, reply) => {
      const { village, waiver: waiverId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => rejectWaiver(tx, actor, { village, waiverId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });
};
