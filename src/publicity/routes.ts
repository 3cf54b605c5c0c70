import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
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
      description: 'The newest first.',
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
        'Of all awards that stand on none yet, at most 1,000: those that wait for it first, then those that could be spent at once. It stands from tomorrow for the full days of the policy. Whoever publishes has neither entered nor decided any of its lines.',
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
      summary: 'A notice',
      description: 'With a page of its lines, by group and household, and what they come to.',
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
      summary: 'Take a line out of a notice',
      description:
        'By somebody else than entered it, with the reason, while its points wait: its award is taken back, and its caps and its occasion are free again. The line stays visible as cancelled.',
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
        'After its last day, what a job does by itself at midnight: points that nobody objects to become spendable, a hundred lines at once and the rest in the background. Closed already, nothing changes.',
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
