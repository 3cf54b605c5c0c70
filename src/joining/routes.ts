import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
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
      summary: 'List applications to join',
      description: 'The newest first. Masked, as households are, unless the caller needs names for the village’s work.',
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
        'At a kiosk, or through the clerk. Consent is needed, of a guardian for whoever is under 14. Who may be in the register already is pointed out, though not to a kiosk.',
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
      summary: 'An application to join',
      description: 'What it says, who may be in the register already, and what became of it.',
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
      refusals: ['wrong-state', 'second-person-required', 'own-household', 'member-elsewhere', 'already-exists'],
    },
    schema: {
      operationId: 'joinApplicationApprove',
      tags: ['households'],
      summary: 'Approve an application to join',
      description:
        'By somebody who neither entered it nor may be of the household or its kin. The household is entered and its accounts open, at zero; without a number it gets the next one. Somebody who is in the register already, with the same name and ID number, refuses it.',
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
      summary: 'Reject an application to join',
      description: 'By somebody who neither entered it nor may be of the household or its kin, with the reason.',
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
      summary: 'Return an application to join',
      description: 'With a question. It may be answered, or withdrawn.',
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
      summary: 'Answer the question of an application to join',
      description: 'What is corrected takes the place of what it said. Whoever answers does not decide on it.',
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
      summary: 'Withdraw an application to join',
      description: 'At the wish of those who applied, before it is decided.',
      params: JoinApplicationParams,
      response: { 200: JoinApplication },
    },
    handler: (request, reply) => {
      const key = { village: request.params.village, applicationId: request.params.application };
      return mutate(request, reply, (tx, actor) => withdrawJoin(tx, actor, key, clock.now()), { status: 200 });
    },
  });
};
