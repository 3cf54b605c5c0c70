import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
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
      description:
        'Returns objections, newest first. A household sees the ones it lodged and those against its own awards. Objectors are never disclosed.',
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
      refusals: ['wrong-state', 'too-late', 'already-exists', 'cap-reached'],
    },
    schema: {
      operationId: 'objectionCreate',
      tags: ['publicity'],
      summary: 'Object to a line of a notice',
      description:
        'Challenges one award while its notice is running. The award is paused until the objection is decided; other lines are not affected. Any household of the village may object, at a kiosk or through a clerk or the supervision board. Its identity is never disclosed. A household can have five open objections at a time.',
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
      summary: 'Retrieve an objection',
      description: 'Returns the objection and its ruling.',
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
      summary: 'Withdraw an objection',
      description: 'Whoever lodged or recorded the objection can withdraw it. The award resumes.',
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
      description: 'The award resumes. If its notice has ended in the meantime, its points become spendable now.',
    },
    {
      verb: 'uphold',
      decision: 'upheld',
      operationId: 'objectionUphold',
      summary: 'Uphold an objection',
      description:
        'The award is reversed and no longer counts towards caps or its occasion. Other open objections to it are upheld as well.',
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
        description: `${description} Whoever decides must not have lodged, recorded, decided or published any part of the case, nor be related to the household of the award. A relation to an objector is no bar, since a refusal would disclose who objected; the ruling can be appealed.`,
        params: ObjectionParams,
        body: CaseRuling,
        response: { 200: Objection },
      },
      handler: (request, reply) => {
        const { village, objection: objectionId } = request.params;
        const verdict = { decision, ruling: request.body.ruling };
        return mutate(request, reply, (tx, actor) => rule(tx, actor, { village, objectionId }, verdict, clock.now()), {
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
      description: 'Returns appeals, newest first. A household sees the ones it lodged and those about its awards.',
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
      summary: 'Appeal a ruling',
      description:
        'Each ruling can be appealed once, within 30 days: by the household that lost its award to an upheld objection, by the objector whose objection was dismissed, or by a clerk for either. An award that is still pending is paused.',
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
      summary: 'Retrieve an appeal',
      description: 'Returns the appeal and its decision.',
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
      description: 'The ruling stands. An award that was paused for the appeal resumes.',
      refusals: deciding,
    },
    {
      verb: 'uphold',
      decision: 'upheld',
      operationId: 'appealUphold',
      summary: 'Uphold an appeal',
      description:
        'The ruling is overturned. An award that was reversed is made again on the same terms and appears on the next notice. An award that stood is reversed, by a reversal transaction if its points are already spendable.',
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
        description: `${description} The decision is final. Whoever decides must not have made any earlier decision in the case, nor be related to the household of the award.`,
        params: AppealParams,
        body: CaseRuling,
        response: { 200: Appeal },
      },
      handler: (request, reply) => {
        const { village, appeal: appealId } = request.params;
        const verdict = { decision, ruling: request.body.ruling };
        return mutate(request, reply, (tx, actor) => hear(tx, actor, { village, appealId }, verdict, clock.now()), {
          status: 200,
        });
      },
    });
  }
};
