import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { getOutcome } from '../http/idempotency.ts';
import { actorOf } from '../http/route.ts';
import { endSessions } from '../identity/sessions.ts';
import type { Tokens } from '../identity/tokens.ts';
import { getKioskConfig } from './config.ts';
import { pollPairing, refreshDevice } from './device.ts';
import { createPairing, pairingSeconds } from './pairing.ts';
import {
  KioskConfig,
  KioskOutcome,
  KioskSession,
  KioskSessionCreate,
  KioskSessionStarted,
  KioskTokenRefresh,
  KioskTokens,
  OutcomeParams,
  PairingCreate,
  PairingCreated,
  PairingPoll,
  PairingPolled,
} from './schemas.ts';
import { getHouseholdSession, startHouseholdSession } from './session.ts';

/** What a device does about itself, and how a household steps up to it. */
export const kioskDeviceRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  tokens: Tokens;
}> = async (app, { database, clock, tokens }) => {
  app.route({
    method: 'POST',
    url: '/v1/kiosk/pairings',
    config: { access: 'public', idempotent: false },
    schema: {
      operationId: 'kioskPairingCreate',
      tags: ['kiosks'],
      summary: 'Begin pairing a device',
      description:
        'The screen shows the user code to a village administrator, and the device polls with its own code. Ten an hour from one address.',
      body: PairingCreate,
      response: { 201: PairingCreated },
    },
    handler: async (request, reply) => {
      const { appVersion, hardware } = request.body;
      const said = { address: request.ip, appVersion, ...hardware };
      const codes = await database.inTransaction(none, tx => createPairing(tx, said, clock.now()));
      return reply.code(201).send({ ...codes, expiresInSeconds: pairingSeconds, intervalSeconds: 5 });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/pairings/poll',
    config: {
      access: 'public',
      idempotent: false,
      refusals: ['pairing-denied', 'not-found', 'expired', 'device-suspended'],
    },
    schema: {
      operationId: 'kioskPairingPoll',
      tags: ['kiosks'],
      summary: 'Ask whether the pairing is approved',
      description:
        'An approved answer that was lost may be asked for again: it comes with fresh tokens, and those before are void. Once the device has called with its tokens, the code is used up and answers `expired`.',
      body: PairingPoll,
      response: { 200: PairingPolled },
    },
    handler: async request => {
      const waiting = { kioskId: null, village: null, accessToken: null, refreshToken: null, expiresInSeconds: null };
      return { ...waiting, ...(await pollPairing({ database, tokens }, request.body.deviceCode, clock.now())) };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/tokens',
    config: {
      access: 'public',
      idempotent: false,
      refusals: ['unauthenticated', 'token-expired', 'session-revoked', 'device-suspended'],
    },
    schema: {
      operationId: 'kioskTokenRefresh',
      tags: ['kiosks'],
      summary: 'Rotate the device’s refresh token',
      description:
        'A refresh token stays good until its successor is first used, so a lost answer may be asked for again. Shown after that, it ends the sign-in of the device.',
      body: KioskTokenRefresh,
      response: { 200: KioskTokens },
    },
    handler: request => refreshDevice({ database, tokens }, request.body.refreshToken, clock.now()),
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/config',
    config: { access: ['kiosk'] },
    schema: {
      operationId: 'kioskConfigGet',
      tags: ['kiosks'],
      summary: 'What the device needs to know',
      description: 'Its village, its store, the days of exchange, and all words on its screen.',
      response: { 200: KioskConfig },
    },
    handler: request => {
      const device = deviceOf(request);
      return database.inSnapshot(device.village, db => getKioskConfig(db, device, clock.now()));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/sessions',
    config: {
      access: ['kiosk'],
      idempotent: false,
      refusals: ['card-unknown', 'card-revoked', 'household-not-active', 'pin-required', 'pin-wrong', 'pin-locked'],
    },
    schema: {
      operationId: 'kioskSessionCreate',
      tags: ['kiosks'],
      summary: 'Begin a household’s session',
      description:
        'By card, by card and PIN, or by number and PIN. It ends after a minute without a call, after five minutes in any case, and when the next household steps up. Thirty unknown cards within an hour suspend the device.',
      body: KioskSessionCreate,
      response: { 201: KioskSessionStarted },
    },
    handler: async (request, reply) => {
      const started = await startHouseholdSession({ database, tokens }, deviceOf(request), request.body, clock.now());
      return reply.code(201).header('location', '/v1/kiosk/sessions/current').send(started);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/sessions/current',
    config: { access: ['household'] },
    schema: {
      operationId: 'kioskSessionGet',
      tags: ['kiosks'],
      summary: 'The household’s session',
      description: 'Who stands at the kiosk, what it has, and how long the session may last. Asking keeps it alive.',
      response: { 200: KioskSession },
    },
    handler: request => {
      const { village } = deviceOf(request);
      return database.inSnapshot(village, db => getHouseholdSession(db, actorOf(request), village, clock.now()));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/kiosk/sessions/current',
    config: { access: ['household'] },
    schema: {
      operationId: 'kioskSessionEnd',
      tags: ['kiosks'],
      summary: 'Step away from the kiosk',
      description: 'Ends the session at once.',
      response: { 204: Type.Null({ description: 'Ended' }) },
    },
    handler: async (request, reply) => {
      const { sessionId } = actorOf(request);
      await database.inTransaction(none, tx => endSessions(tx, { id: sessionId }, 'signedOut', clock.now()));
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/outcomes/:key',
    config: { access: ['kiosk'], refusals: ['idempotency-in-progress'] },
    schema: {
      operationId: 'kioskOutcomeGet',
      tags: ['kiosks'],
      summary: 'The answer of an earlier call',
      description:
        'What was answered under an idempotency key of this device, for an answer that was lost. `not-found`: the call never took effect.',
      params: OutcomeParams,
      response: { 200: KioskOutcome },
    },
    handler: request => {
      const { village, kioskId } = deviceOf(request);
      const row = { village, client: kioskId, key: request.params.key };
      return database.inTransaction(village, tx => getOutcome(tx, row, clock.now()));
    },
  });
};

/** The kiosk that calls, or at which the calling household stands, and the one village it is bound to. */
function deviceOf(request: Parameters<typeof actorOf>[0]): { village: string; kioskId: string } {
  const { grants, kioskId } = actorOf(request);
  return { village: grants[0]![1], kioskId: kioskId! };
}
