import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { getCase, listCases, reportLoss, resolveCase } from './cases.ts';
import {
  Case,
  CaseListQuery,
  CaseOpen,
  CasePage,
  CaseParams,
  CaseResolve,
  OfflineKioskParams,
  OpUpload,
  OpUploadResult,
} from './schemas.ts';
import { takeOps } from './take-ops.ts';

const deciders: Access = ['villageAdmin', 'clerk', 'supervisionBoard'];
const readers: Access = ['platformAdmin', 'supervisor', 'villageAdmin', 'clerk', 'supervisionBoard', 'auditor'];

/** The village's side of what kiosks did without a network. */
export const offlineRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosks/:kiosk/ops/import',
    bodyLimit: 2 * 1024 * 1024,
    config: { access: ['villageAdmin', 'clerk'], idempotent: false, refusals: ['op-gap'] },
    schema: {
      operationId: 'kioskOpImport',
      tags: ['kiosks'],
      summary: 'Import offline operations',
      description:
        'Takes the queue of a device that cannot reach the network, carried by hand, with the same checks and verdicts as an upload. Also works for a device that is retired.',
      params: OfflineKioskParams,
      body: OpUpload,
      response: { 207: OpUploadResult },
    },
    handler: async (request, reply) => {
      const { village, kiosk: kioskId } = request.params;
      const importedBy = actorOf(request).id;
      const taken = await takeOps(database, { village, kioskId }, request.body.ops, { importedBy }, clock.now());
      return reply.code(207).send(taken);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosks/:kiosk/cases',
    config: { access: deciders, idempotent: true, refusals: ['wrong-state', 'already-exists', 'out-of-bounds'] },
    schema: {
      operationId: 'kioskCaseOpen',
      tags: ['kiosks'],
      summary: 'Declare a loss at a kiosk',
      description:
        'Reports a device as lost, to give back its allowances and retire it (`writtenOff`), or operations as lost, to go on after them at `continueAt` (`continued`). Takes effect when a second person resolves the case with the same decision.',
      params: OfflineKioskParams,
      body: CaseOpen,
      response: { 201: Case },
    },
    handler: (request, reply) => {
      const { village, kiosk: kioskId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => reportLoss(tx, actor, { village, kioskId }, request.body, clock.now()),
        { status: 201, location: made => `/v1/villages/${village}/kiosk-cases/${made.id}` },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosk-cases',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'kioskCaseList',
      tags: ['kiosks'],
      summary: 'List kiosk cases',
      description: 'Returns what two people have to look at of kiosks’ offline work, newest first.',
      params: VillageParams,
      querystring: CaseListQuery,
      response: { 200: CasePage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listCases(db, params.village, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosk-cases/:case',
    config: { access: readers },
    schema: {
      operationId: 'kioskCaseGet',
      tags: ['kiosks'],
      summary: 'Retrieve a kiosk case',
      description: 'Returns the case with the operation it is about, as the device signed it.',
      params: CaseParams,
      response: { 200: Case },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getCase(db, params.village, params.case)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosk-cases/:case/resolve',
    config: {
      access: deciders,
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'own-household', 'already-exists'],
    },
    schema: {
      operationId: 'kioskCaseResolve',
      tags: ['kiosks'],
      summary: 'Decide a kiosk case',
      description:
        'The first call proposes a decision. The same decision by a second person resolves the case and takes effect; another decision replaces the proposal.',
      params: CaseParams,
      body: CaseResolve,
      response: { 200: Case },
    },
    handler: (request, reply) => {
      const { village, case: caseId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => resolveCase(tx, actor, { village, caseId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });
};
