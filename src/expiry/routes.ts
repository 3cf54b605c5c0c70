import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { announce, cancel } from './announce.ts';
import { approve } from './approve.ts';
import { preview } from './preview.ts';
import { getRun, listLines, listRuns } from './read.ts';
import {
  ExpiryLineListQuery,
  ExpiryLinePage,
  ExpiryRun,
  ExpiryRunCreate,
  ExpiryRunListQuery,
  ExpiryRunPage,
  ExpiryRunParams,
} from './schemas.ts';

const readers: Access = ['clerk', 'villageAdmin', 'supervisionBoard', 'supervisor', 'auditor', 'household'];

/** How points end: by their date, or with the year. */
export const expiryRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  jobs: Jobs;
}> = async (app, { database, clock, mutate, jobs }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/expiry-runs',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'expiryRunList',
      tags: ['expiry'],
      summary: 'List expiry runs',
      description: 'The newest first. A household sees those that were announced.',
      params: VillageParams,
      querystring: ExpiryRunListQuery,
      response: { 200: ExpiryRunPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listRuns(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/expiry-runs',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: ['out-of-bounds', 'business-date-refused', 'feature-off', 'year-end-done', 'already-exists'],
    },
    schema: {
      operationId: 'expiryRunCreate',
      tags: ['expiry'],
      summary: 'Preview an expiry run',
      description:
        'What each household would keep and lose, by the policy of the year’s last day or by the date of its points. Nothing moves. One run for each year, and for each last day of lots, unless it was cancelled.',
      params: VillageParams,
      body: ExpiryRunCreate,
      response: { 201: ExpiryRun },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => preview(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/expiry-runs/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/expiry-runs/:run',
    config: { access: readers },
    schema: {
      operationId: 'expiryRunGet',
      tags: ['expiry'],
      summary: 'An expiry run',
      description: 'Its totals, who decided what, and how far the posting has come.',
      params: ExpiryRunParams,
      response: { 200: ExpiryRun },
    },
    handler: request => {
      const { village, run } = request.params;
      return database.inSnapshot(village, db => getRun(db, actorOf(request), village, run));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/expiry-runs/:run/lines',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'expiryLineList',
      tags: ['expiry'],
      summary: 'List the households of an expiry run',
      description:
        'What each keeps and loses, and what was taken, by the number of the household. A household sees its own line.',
      params: ExpiryRunParams,
      querystring: ExpiryLineListQuery,
      response: { 200: ExpiryLinePage },
    },
    handler: request => {
      const { village, run } = request.params;
      return database.inSnapshot(village, db => listLines(db, actorOf(request), village, run, request.query));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/expiry-runs/:run/announce',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'expiryRunAnnounce',
      tags: ['expiry'],
      summary: 'Announce an expiry run',
      description:
        'From today it is on the notice. It may be posted when the days of notice have passed and the last day has ended.',
      params: ExpiryRunParams,
      response: { 200: ExpiryRun },
    },
    handler: (request, reply) => {
      const { village, run: runId } = request.params;
      return mutate(request, reply, (tx, actor) => announce(tx, actor, { village, runId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/expiry-runs/:run/approve',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'too-early', 'year-end-stale', 'feature-off'],
    },
    schema: {
      operationId: 'expiryRunApprove',
      tags: ['expiry'],
      summary: 'Agree to an expiry run',
      description:
        'By somebody else than announced it, and not before it is due. It is posted in the background: one transaction for each household, of what the rule takes of what it then has. Points on the notice board or set aside, and honour, stay.',
      params: ExpiryRunParams,
      response: { 200: ExpiryRun },
    },
    handler: (request, reply) => {
      const { village, run: runId } = request.params;
      return mutate(request, reply, (tx, actor) => approve(tx, actor, { village, runId }, clock.now(), jobs), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/expiry-runs/:run/cancel',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'expiryRunCancel',
      tags: ['expiry'],
      summary: 'Cancel an expiry run',
      description: 'Before anybody has agreed to it. Another one may be previewed.',
      params: ExpiryRunParams,
      response: { 200: ExpiryRun },
    },
    handler: (request, reply) => {
      const { village, run: runId } = request.params;
      return mutate(request, reply, (tx, actor) => cancel(tx, actor, { village, runId }, clock.now()), { status: 200 });
    },
  });
};
