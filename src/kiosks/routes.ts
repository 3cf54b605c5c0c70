import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { approvePairing, denyPairing, getPairing } from './pairing.ts';
import { getKiosk, listKiosks } from './read.ts';
import { Kiosk, KioskListQuery, KioskPage, KioskParams, Pairing, PairingApprove, PairingParams } from './schemas.ts';
import { resumeKiosk, retireKiosk, suspendKiosk } from './suspend.ts';

const readers: Access = ['platformAdmin', 'supervisor', 'villageAdmin', 'clerk', 'storekeeper', 'auditor'];

/** The village's side of its devices. */
export const kioskRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosk-pairings/:userCode',
    config: { access: ['villageAdmin'], refusals: ['expired'] },
    schema: {
      operationId: 'kioskPairingGet',
      tags: ['kiosks'],
      summary: 'The device that shows a code',
      description: 'To compare with what stands before you. It belongs to no village until somebody approves it.',
      params: PairingParams,
      response: { 200: Pairing },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getPairing(db, params, clock.now())),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosk-pairings/:userCode/approve',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state', 'expired'] },
    schema: {
      operationId: 'kioskPairingApprove',
      tags: ['kiosks'],
      summary: 'Make the device a kiosk of the village',
      description:
        'At one of its stores, with the next code: K01, K02 and so on. The device fetches its tokens itself.',
      params: PairingParams,
      body: PairingApprove,
      response: { 201: Kiosk },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => approvePairing(tx, actor, request.params, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${made.village}/kiosks/${made.id}`,
      }),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosk-pairings/:userCode/deny',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state', 'expired'] },
    schema: {
      operationId: 'kioskPairingDeny',
      tags: ['kiosks'],
      summary: 'Send a device away',
      description: 'Its next poll is told so.',
      params: PairingParams,
      response: { 200: Pairing },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => denyPairing(tx, actor, request.params, clock.now()), { status: 200 }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosks',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'kioskList',
      tags: ['kiosks'],
      summary: 'List the village’s kiosks',
      description: 'By code, retired ones too.',
      params: VillageParams,
      querystring: KioskListQuery,
      response: { 200: KioskPage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listKiosks(db, params.village, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosks/:kiosk',
    config: { access: readers },
    schema: {
      operationId: 'kioskGet',
      tags: ['kiosks'],
      summary: 'A kiosk',
      description: 'Where it stands, whether it works, and when it was last seen.',
      params: KioskParams,
      response: { 200: Kiosk },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getKiosk(db, params.village, params.kiosk)),
  });

  for (const { operationId, verb, summary, description, change } of verbs) {
    app.route({
      method: 'POST',
      url: `/v1/villages/:village/kiosks/:kiosk/${verb}`,
      config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state'] },
      schema: { operationId, tags: ['kiosks'], summary, description, params: KioskParams, response: { 200: Kiosk } },
      handler: (request, reply) => {
        const { village, kiosk } = request.params;
        return mutate(request, reply, tx => change(tx, { village, kioskId: kiosk }, clock.now()), { status: 200 });
      },
    });
  }
};

const verbs = [
  {
    operationId: 'kioskSuspend',
    verb: 'suspend',
    summary: 'Stop a kiosk',
    description: 'Every call of the device, and of households at it, is refused from now on. Its sign-in stays.',
    change: suspendKiosk,
  },
  {
    operationId: 'kioskResume',
    verb: 'resume',
    summary: 'Let a kiosk work again',
    description: 'With the sign-in it has. Unknown cards that were counted are forgotten.',
    change: resumeKiosk,
  },
  {
    operationId: 'kioskRetire',
    verb: 'retire',
    summary: 'Retire a kiosk for good',
    description: 'Ends its sign-in and those of households at it. To be used again, the device is paired anew.',
    change: retireKiosk,
  },
] as const;
