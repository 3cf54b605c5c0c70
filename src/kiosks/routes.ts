import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { approvePairing, denyPairing, getPairing } from './pairing.ts';
import { getKiosk, listKiosks } from './read.ts';
import {
  Kiosk,
  KioskListQuery,
  KioskPage,
  KioskParams,
  KioskSettings,
  Pairing,
  PairingApprove,
  PairingParams,
} from './schemas.ts';
import { setKioskSettings } from './set-settings.ts';
import { resumeKiosk, retireKiosk, suspendKiosk } from './suspend.ts';

const readers: Access = ['platformAdmin', 'supervisor', 'villageAdmin', 'clerk', 'storekeeper', 'auditor'];

/** The village's side of its devices. */
export const kioskRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/kiosk-pairings/:userCode',
    config: { access: ['villageAdmin'], refusals: ['expired'] },
    schema: {
      operationId: 'kioskPairingGet',
      tags: ['kiosks'],
      summary: 'Retrieve a pairing',
      description:
        'Returns the device that shows the code, to compare with the one in front of you. The pairing belongs to no village until it is approved.',
      params: PairingParams,
      response: { 200: Pairing },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getPairing(db, params, clock.now())),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/kiosk-pairings/:userCode/approve',
    config: { access: ['villageAdmin'], idempotent: true, refusals: ['wrong-state', 'expired', 'already-exists'] },
    schema: {
      operationId: 'kioskPairingApprove',
      tags: ['kiosks'],
      summary: 'Approve a pairing',
      description:
        'Makes the device a kiosk at one of the village’s stores, under the next code: K01, K02 and so on. The device then fetches its tokens itself. A key that is already a kiosk’s is refused: retire that kiosk first.',
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
      summary: 'Deny a pairing',
      description: 'The device learns of it with its next poll.',
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
      summary: 'List kiosks',
      description: 'Returns kiosks by code, including retired ones.',
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
      summary: 'Retrieve a kiosk',
      description: 'Returns the kiosk’s location, state, settings, last contact and latest heartbeat.',
      params: KioskParams,
      response: { 200: Kiosk },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getKiosk(db, params.village, params.kiosk)),
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/kiosks/:kiosk/settings',
    config: { access: ['villageAdmin'] },
    schema: {
      operationId: 'kioskSettingsSet',
      tags: ['kiosks'],
      summary: 'Set a kiosk’s settings',
      description: 'Replaces the settings. The kiosk applies them when it next retrieves its configuration.',
      params: KioskParams,
      body: KioskSettings,
      response: { 200: Kiosk },
    },
    handler: request => {
      const { village, kiosk } = request.params;
      return write(request, tx => setKioskSettings(tx, { village, kioskId: kiosk }, request.body));
    },
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
    summary: 'Suspend a kiosk',
    description: 'Refuses every request of the device and of households using it from now on. Its pairing is kept.',
    change: suspendKiosk,
  },
  {
    operationId: 'kioskResume',
    verb: 'resume',
    summary: 'Resume a kiosk',
    description: 'The device works again with its existing pairing. The count of unknown cards is reset.',
    change: resumeKiosk,
  },
  {
    operationId: 'kioskRetire',
    verb: 'retire',
    summary: 'Retire a kiosk',
    description:
      'Ends the sessions of the device and of households using it, permanently. To use the device again, pair it anew.',
    change: retireKiosk,
  },
] as const;
