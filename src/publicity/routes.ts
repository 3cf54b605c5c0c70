import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { caseRoutes } from './case-routes.ts';
import { close } from './close.ts';
import { getNoticeWithLines } from './lines.ts';
import { publicNoticeRoutes } from './public-routes.ts';
import { publish } from './publish.ts';
import { listNotices } from './read.ts';
import {
  LinesQuery,
  Notice,
  NoticeCreate,
  NoticeListQuery,
  NoticePage,
  NoticeParams,
  NoticeStrike,
  NoticeWithLines,
} from './schemas.ts';
import { strike } from './strike.ts';

const readers: Access = ['clerk', 'villageAdmin', 'reviewer', 'supervisionBoard', 'supervisor', 'auditor'];

/** Notices: what a village sees before it counts, and how somebody says no. */
export const publicityRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  jobs: Jobs;
}> = async (app, deps) => {
  const { database, clock, mutate, jobs } = deps;
  await app.register(publicNoticeRoutes, { database });
  await app.register(caseRoutes, deps);

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/notices',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'noticeList',
      tags: ['publicity'],
      summary: 'List notices',
      description: 'Returns notices, newest first.',
      params: VillageParams,
      querystring: NoticeListQuery,
      response: { 200: NoticePage },
    },
    handler: request => {
      const { village } = request.params;
      return database.inSnapshot(village, db => listNotices(db, 'notices', village, request.query));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/notices',
    config: {
      access: ['clerk', 'villageAdmin'],
      idempotent: true,
      refusals: ['nothing-waits', 'second-person-required'],
    },
    schema: {
      operationId: 'noticeCreate',
      tags: ['publicity'],
      summary: 'Publish a notice',
      description:
        'Publishes up to 1,000 awards that have not been on a notice: awards waiting for one first, then awards that were spendable at once. The notice runs from tomorrow for the number of full days set by the policy. The publisher must not have recorded or decided any of its lines.',
      params: VillageParams,
      body: NoticeCreate,
      response: { 201: Notice },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => publish(tx, actor, village, request.body, clock.now(), jobs), {
        status: 201,
        location: made => `/v1/villages/${village}/notices/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/notices/:notice',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'noticeGet',
      tags: ['publicity'],
      summary: 'Retrieve a notice',
      description: 'Returns the notice with its totals and a page of its lines, by group and household.',
      params: NoticeParams,
      querystring: LinesQuery,
      response: { 200: NoticeWithLines },
    },
    handler: request => {
      const { village, notice } = request.params;
      return database.inSnapshot(village, db =>
        getNoticeWithLines(db, actorOf(request), village, notice, request.query),
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/notices/:notice/strike',
    config: {
      access: ['clerk', 'villageAdmin', 'supervisionBoard'],
      idempotent: true,
      refusals: ['second-person-required', 'own-household', 'wrong-state', 'objection-open', 'already-reversed'],
    },
    schema: {
      operationId: 'noticeStrike',
      tags: ['publicity'],
      summary: 'Strike a line from a notice',
      description:
        'Reverses an award that is still pending, with a reason, so that it can be recorded again correctly. The caller must not have recorded it. The award no longer counts towards caps or its occasion. The line stays visible as cancelled.',
      params: NoticeParams,
      body: NoticeStrike,
      response: { 200: Notice },
    },
    handler: (request, reply) => {
      const { village, notice: noticeId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => strike(tx, actor, { village, noticeId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/notices/:notice/close',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['publicity-running'] },
    schema: {
      operationId: 'noticeClose',
      tags: ['publicity'],
      summary: 'Close a notice',
      description:
        'Makes the points of a notice that has ended spendable, except for awards under objection: a hundred lines at once, the rest in the background. The service also does this by itself at midnight. Closing a closed notice has no effect.',
      params: NoticeParams,
      response: { 200: Notice },
    },
    handler: (request, reply) => {
      const { village, notice: noticeId } = request.params;
      return mutate(request, reply, (tx, actor) => close(tx, actor, { village, noticeId }, clock.now(), jobs), {
        status: 200,
      });
    },
  });
};
