import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { RefusalCode } from '../refusals.ts';
import { lodgeAppeal } from './appeal.ts';
import { hear } from './hear.ts';
import { object, withdraw } from './object.ts';
import { getAppeal, getObjection, listAppeals, listObjections } from './read-cases.ts';
import { rule } from './rule.ts';
import {
  Appeal,
  AppealCreate,
  AppealListQuery,
  AppealPage,
  AppealParams,
  CaseRuling,
  Objection,
  ObjectionCreate,
  ObjectionListQuery,
  ObjectionPage,
  ObjectionParams,
} from './schemas.ts';

const readers: Access = ['clerk', 'villageAdmin', 'reviewer', 'supervisionBoard', 'supervisor', 'auditor', 'household'];

/** Of whoever decides a case. */
const deciding: RefusalCode[] = ['wrong-state', 'second-person-required', 'own-household'];

/** What the appeal of a household is refused with whose award cannot be made again. */
const awarding: RefusalCode[] = [
  'household-not-active',
  'award-duplicate',
  'rule-not-in-force',
  'out-of-bounds',
  'rule-exclusive',
  'cap-reached',
  'budget-exhausted',
];

/** Objections to a line of a notice, and appeals against what was ruled on them. */
export const caseRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/objections',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'objectionList',
      tags: ['publicity'],
      summary: 'List objections',
      description: 'The newest first. A household sees its own, and those to its awards; nobody sees whose they are.',
      params: VillageParams,
      querystring: ObjectionListQuery,
      response: { 200: ObjectionPage },
    },
    handler: request => {
      const { village } = request.params;
      return database.inSnapshot(village, db => listObjections(db, actorOf(request), village, request.query));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/objections',
    config: {
      access: ['household', 'clerk', 'supervisionBoard'],
      idempotent: true,
      refusals: ['wrong-state', 'too-late', 'already-exists'],
    },
    schema: {
      operationId: 'objectionCreate',
      tags: ['publicity'],
      summary: 'Object to a line of a notice',
      description:
        'While the notice runs. Its award is paused until somebody has ruled, and no other line is. Any household of the village may, at a kiosk, or through a clerk or the supervision board; its name is told to nobody.',
      params: VillageParams,
      body: ObjectionCreate,
      response: { 201: Objection },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => object(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/objections/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/objections/:objection',
    config: { access: readers },
    schema: {
      operationId: 'objectionGet',
      tags: ['publicity'],
      summary: 'An objection',
      description: 'What it says, and what was ruled.',
      params: ObjectionParams,
      response: { 200: Objection },
    },
    handler: request => {
      const { village, objection } = request.params;
      return database.inSnapshot(village, db => getObjection(db, actorOf(request), village, objection));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/objections/:objection/withdraw',
    config: { access: ['household', 'clerk', 'supervisionBoard'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'objectionWithdraw',
      tags: ['publicity'],
      summary: 'Take an objection back',
      description: 'By whoever objected, or entered it. The award goes on.',
      params: ObjectionParams,
      response: { 200: Objection },
    },
    handler: (request, reply) => {
      const { village, objection: objectionId } = request.params;
      return mutate(request, reply, (tx, actor) => withdraw(tx, actor, { village, objectionId }, clock.now()), {
        status: 200,
      });
    },
  });

  const rulings = [
    {
      verb: 'dismiss',
      decision: 'dismissed',
      operationId: 'objectionDismiss',
      summary: 'Dismiss an objection',
      description: 'The award goes on: when its notice has ended meanwhile, its points can be spent from now.',
    },
    {
      verb: 'uphold',
      decision: 'upheld',
      operationId: 'objectionUphold',
      summary: 'Uphold an objection',
      description:
        'The award is taken back, its caps and its occasion are free again. Other open objections to it are upheld with it.',
    },
  ] as const;
  for (const { verb, decision, description, ...words } of rulings) {
    app.route({
      method: 'POST',
      url: `/v1/villages/:village/objections/:objection/${verb}`,
      config: { access: ['supervisionBoard'], idempotent: true, refusals: deciding },
      schema: {
        ...words,
        tags: ['publicity'],
        description: `${description} By somebody who lodged, entered, decided and published nothing of it, and is no kin.`,
        params: ObjectionParams,
        body: CaseRuling,
        response: { 200: Objection },
      },
      handler: (request, reply) => {
        const { village, objection: objectionId } = request.params;
        const said = { decision, ruling: request.body.ruling };
        return mutate(request, reply, (tx, actor) => rule(tx, actor, { village, objectionId }, said, clock.now()), {
          status: 200,
        });
      },
    });
  }

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/appeals',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'appealList',
      tags: ['publicity'],
      summary: 'List appeals',
      description: 'The newest first. A household sees its own, and those about its awards.',
      params: VillageParams,
      querystring: AppealListQuery,
      response: { 200: AppealPage },
    },
    handler: request => {
      const { village } = request.params;
      return database.inSnapshot(village, db => listAppeals(db, actorOf(request), village, request.query));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/appeals',
    config: {
      access: ['household', 'clerk', 'supervisionBoard'],
      idempotent: true,
      refusals: ['wrong-state', 'too-late', 'already-exists', 'already-reversed'],
    },
    schema: {
      operationId: 'appealCreate',
      tags: ['publicity'],
      summary: 'Appeal against a ruling',
      description:
        'Within 30 days, once: against an upheld objection by the household that lost its award, against a dismissed one by whoever objected; a clerk for either. An award that still waits is paused.',
      params: VillageParams,
      body: AppealCreate,
      response: { 201: Appeal },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => lodgeAppeal(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/appeals/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/appeals/:appeal',
    config: { access: readers },
    schema: {
      operationId: 'appealGet',
      tags: ['publicity'],
      summary: 'An appeal',
      description: 'What it says, and what was decided.',
      params: AppealParams,
      response: { 200: Appeal },
    },
    handler: request => {
      const { village, appeal } = request.params;
      return database.inSnapshot(village, db => getAppeal(db, actorOf(request), village, appeal));
    },
  });

  const hearings = [
    {
      verb: 'dismiss',
      decision: 'dismissed',
      operationId: 'appealDismiss',
      summary: 'Dismiss an appeal',
      description: 'The ruling stands; an award that waited for this goes on.',
      refusals: deciding,
    },
    {
      verb: 'uphold',
      decision: 'upheld',
      operationId: 'appealUphold',
      summary: 'Uphold an appeal',
      description:
        'The ruling is undone. An award that was taken back is made again under the same terms and stands on the next notice; one that stood is taken back, when its points can be spent by a reversal.',
      refusals: [...deciding, ...awarding, 'second-person-required', 'reversal-arrears', 'already-reversed'],
    },
  ] as const;
  for (const { verb, decision, description, refusals, ...words } of hearings) {
    app.route({
      method: 'POST',
      url: `/v1/villages/:village/appeals/:appeal/${verb}`,
      config: { access: ['supervisor'], idempotent: true, refusals },
      schema: {
        ...words,
        tags: ['publicity'],
        description: `${description} For good, by somebody who decided nothing in the case.`,
        params: AppealParams,
        body: CaseRuling,
        response: { 200: Appeal },
      },
      handler: (request, reply) => {
        const { village, appeal: appealId } = request.params;
        const said = { decision, ruling: request.body.ruling };
        return mutate(request, reply, (tx, actor) => hear(tx, actor, { village, appealId }, said, clock.now()), {
          status: 200,
        });
      },
    });
  }
};
