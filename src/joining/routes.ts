import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { applyToJoin, approveJoin, rejectJoin, resubmitJoin, returnJoin, withdrawJoin } from './join.ts';
import { getJoinApplication, listJoinApplications } from './read.ts';
import {
  JoinApplication,
  JoinApplicationApprove,
  JoinApplicationCreate,
  JoinApplicationListQuery,
  JoinApplicationPage,
  JoinApplicationParams,
  JoinApplicationReject,
  JoinApplicationResubmit,
  JoinApplicationReturn,
} from './schemas.ts';

const keepers: Access = ['clerk', 'villageAdmin'];
const readers: Access = [
  'clerk',
  'villageAdmin',
  'supervisor',
  'auditor',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
];

/** How a household joins: somebody applies, and somebody else approves. */
export const joinRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/join-applications',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'joinApplicationList',
      tags: ['households'],
      summary: 'List membership applications',
      description:
        'Returns applications, newest first. Personal data are masked unless the caller’s role requires them.',
      params: VillageParams,
      querystring: JoinApplicationListQuery,
      response: { 200: JoinApplicationPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listJoinApplications(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications',
    config: { access: ['clerk', 'villageAdmin', 'kiosk'], idempotent: true },
    schema: {
      operationId: 'joinApplicationCreate',
      tags: ['households'],
      summary: 'Apply to join',
      description:
        'Files an application at a kiosk or through a clerk. Consent is required, and a guardian’s consent for anyone under 14. The response points out people who may already be registered, but not at a kiosk.',
      params: VillageParams,
      body: JoinApplicationCreate,
      response: { 201: JoinApplication },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => applyToJoin(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/join-applications/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/join-applications/:application',
    config: { access: readers },
    schema: {
      operationId: 'joinApplicationGet',
      tags: ['households'],
      summary: 'Retrieve a membership application',
      description: 'Returns the application, possible duplicates in the register, and its outcome.',
      params: JoinApplicationParams,
      response: { 200: JoinApplication },
    },
    handler: request => {
      const { village, application } = request.params;
      return database.inSnapshot(village, db => getJoinApplication(db, actorOf(request), village, application));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications/:application/approve',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: [
        'wrong-state',
        'second-person-required',
        'own-household',
        'member-elsewhere',
        'already-exists',
        'number-far',
      ],
    },
    schema: {
      operationId: 'joinApplicationApprove',
      tags: ['households'],
      summary: 'Approve a membership application',
      description:
        'Enrols the household and opens its accounts at zero. Without a number it gets the next free one. The approver must not have recorded the application and must not belong to the household or be related to it. Refused if a person with the same name and ID number is already registered.',
      params: JoinApplicationParams,
      body: JoinApplicationApprove,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => approveJoin(tx, actor, key, request.body, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications/:application/reject',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'own-household'],
    },
    schema: {
      operationId: 'joinApplicationReject',
      tags: ['households'],
      summary: 'Reject a membership application',
      description:
        'The decision needs a reason. Whoever decides must not have recorded the application and must not belong to the household or be related to it.',
      params: JoinApplicationParams,
      body: JoinApplicationReject,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => rejectJoin(tx, actor, key, request.body, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications/:application/return',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'joinApplicationReturn',
      tags: ['households'],
      summary: 'Return a membership application',
      description: 'Sends the application back with a question. It can then be resubmitted or withdrawn.',
      params: JoinApplicationParams,
      body: JoinApplicationReturn,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => returnJoin(tx, actor, key, request.body, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications/:application/resubmit',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'joinApplicationResubmit',
      tags: ['households'],
      summary: 'Resubmit a membership application',
      description:
        'Answers the question and replaces the data that were corrected. Whoever answers cannot decide on the application.',
      params: JoinApplicationParams,
      body: JoinApplicationResubmit,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => resubmitJoin(tx, actor, key, request.body, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/join-applications/:application/withdraw',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'joinApplicationWithdraw',
      tags: ['households'],
      summary: 'Withdraw a membership application',
      description: 'Withdraws the application at the applicants’ request, before it is decided.',
      params: JoinApplicationParams,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => withdrawJoin(tx, actor, key, clock.now()), { status: 200 });
    },
  });
};
