import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
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
      description: 'Returns expiry runs, newest first. A household sees only announced runs.',
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
        'Calculates what each household would keep and lose: at year end, under the policy in force on the last day of the year; for dated points, by their last day. Nothing is posted. There is one run per year, and one per last day of dated points, unless the run is cancelled.',
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
      summary: 'Retrieve an expiry run',
      description: 'Returns the run’s totals, who decided what, and the progress of posting.',
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
        'Returns what each household keeps and loses and what has been taken, by household number. A household sees only its own line.',
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
        'Starts the notice period today. The run can be posted once the notice period and the last day have both passed.',
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
      summary: 'Approve an expiry run',
      description:
        'Approves a run that is due. The approver must not be the person who announced it. The run is then posted in the background, one transaction per household, against the points each household has at that time. Points pending public notice, held points and honour points are not affected.',
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
      description: 'Cancels a run that has not been approved. Another one may be previewed.',
      params: ExpiryRunParams,
      response: { 200: ExpiryRun },
    },
    handler: (request, reply) => {
      const { village, run: runId } = request.params;
      return mutate(request, reply, (tx, actor) => cancel(tx, actor, { village, runId }, clock.now()), { status: 200 });
    },
  });
};
