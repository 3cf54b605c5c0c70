import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { sendFresh } from '../http/fresh.ts';
import { addressOf } from '../http/limits.ts';
import { actorOf, deviceOf } from '../http/route.ts';
import type { Proofs } from '../identity/proofs.ts';
import { endSessions } from '../identity/sessions.ts';
import type { Tokens } from '../identity/tokens.ts';
import { getOutcome } from '../posting/keys.ts';
import { refuseOldClient } from './client-version.ts';
import { getKioskConfig } from './config.ts';
import { pollPairing, refreshDevice } from './device.ts';
import { heartbeatSeconds, takeHeartbeat } from './heartbeat.ts';
import { createPairing, pairingSeconds } from './pairing.ts';
import {
  HeartbeatCreate,
  HeartbeatTaken,
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
  proofs: Proofs;
  /** Oldest version of the app that may be used; null: any. */
  minClientVersion: string | null;
  pairingsPerHour: number;
}> = async (app, { database, clock, tokens, proofs, minClientVersion, pairingsPerHour }) => {
  app.route({
    method: 'POST',
    url: '/v1/kiosk/pairings',
    config: {
      access: 'public',
      idempotent: false,
      quota: 'signIn',
      proof: true,
      refusals: ['client-upgrade-required'],
    },
    schema: {
      operationId: 'kioskPairingCreate',
      tags: ['kiosks'],
      summary: 'Start pairing a device',
      description:
        'The device makes a P-256 key and proves with a `DPoP` header (RFC 9449) that it holds it; the key in the header is the one it is paired with. Returns a user code, which the device shows to a village administrator, and a device code, with which it polls for the result. The number of pairings per hour from one address is limited.',
      body: PairingCreate,
      response: { 201: PairingCreated },
    },
    handler: async (request, reply) => {
      const { appVersion, hardware } = request.body;
      refuseOldClient(appVersion, minClientVersion);
      const proof = await proofs.read(request);
      const device = { address: addressOf(request), proof, appVersion, ...hardware };
      const codes = await database.inTransaction(none, tx => createPairing(tx, device, pairingsPerHour, clock.now()));
      return reply.code(201).send({ ...codes, expiresInSeconds: pairingSeconds, intervalSeconds: 5 });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/pairings/poll',
    config: {
      access: 'public',
      idempotent: false,
      quota: 'token',
      proof: true,
      refusals: ['pairing-denied', 'not-found', 'expired', 'device-suspended'],
    },
    schema: {
      operationId: 'kioskPairingPoll',
      tags: ['kiosks'],
      summary: 'Poll a pairing',
      description:
        'Returns the tokens once the pairing is approved. If the response is lost, poll again: fresh tokens are issued and the earlier ones become invalid. After the device has used its tokens, the code is spent and polling returns `expired`.',
      body: PairingPoll,
      response: { 200: PairingPolled },
    },
    handler: async request => {
      const waiting = { kioskId: null, village: null, accessToken: null, refreshToken: null, expiresInSeconds: null };
      const asked = { deviceCode: request.body.deviceCode, proof: await proofs.read(request) };
      return { ...waiting, ...(await pollPairing({ database, tokens }, asked, clock.now())) };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/tokens',
    config: {
      access: 'public',
      idempotent: false,
      quota: 'token',
      proof: true,
      refusals: ['unauthenticated', 'token-expired', 'session-revoked', 'device-suspended'],
    },
    schema: {
      operationId: 'kioskTokenRefresh',
      tags: ['kiosks'],
      summary: 'Refresh the device’s tokens',
      description:
        'Returns a new access token and a new refresh token. The old refresh token stays valid until the new one is first used, so a lost response can be requested again. Using the old token after that shows that the device was copied: it is suspended. A suspended device can refresh its tokens, to hand in what it has done offline.',
      body: KioskTokenRefresh,
      response: { 200: KioskTokens },
    },
    handler: async request => {
      const asked = { refreshToken: request.body.refreshToken, proof: await proofs.read(request) };
      return refreshDevice({ database, tokens }, asked, clock.now());
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/config',
    config: { access: ['kiosk'] },
    schema: {
      operationId: 'kioskConfigGet',
      tags: ['kiosks'],
      summary: 'Retrieve the device configuration',
      description:
        'Returns the kiosk’s village and store, its settings, the exchange days and all texts on its screen. Send `If-None-Match` to learn whether anything has changed.',
      response: { 200: KioskConfig },
    },
    handler: async (request, reply) => {
      const device = deviceOf(request);
      const at = { now: clock.now(), minClientVersion };
      const config = await database.inSnapshot(device.village, db => getKioskConfig(db, device, at));
      return sendFresh(request, reply, config);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/heartbeats',
    config: { access: ['kiosk'], idempotent: false, whileSuspended: true },
    schema: {
      operationId: 'kioskHeartbeatCreate',
      tags: ['kiosks'],
      summary: 'Post a heartbeat',
      description:
        'Reports the queue, the clock, the printer, the storage and the version of the app, which the village sees in the list of kiosks. Also accepted from a suspended kiosk and from an app that is too old: send one after an update.',
      body: HeartbeatCreate,
      response: { 200: HeartbeatTaken },
    },
    handler: request => {
      const { village, kioskId } = deviceOf(request);
      const now = clock.now();
      return database.inTransaction(village, async tx => {
        const { state } = await takeHeartbeat(tx, { village, kioskId }, request.body, now);
        return { serverTime: iso(now), state, minClientVersion, heartbeatSeconds };
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/sessions',
    config: {
      access: ['kiosk'],
      idempotent: false,
      refusals: [
        'card-unknown',
        'card-revoked',
        'household-not-active',
        'pin-required',
        'pin-not-set',
        'pin-wrong',
        'pin-locked',
      ],
    },
    schema: {
      operationId: 'kioskSessionCreate',
      tags: ['kiosks'],
      summary: 'Start a household session',
      description:
        'Identifies the household by card, by card and PIN, or by household number and PIN. The session ends after three minutes without a request, after ten minutes in any case (one and five where elder mode is off), and when the next household starts one. Thirty unknown cards within an hour suspend the device.',
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
      summary: 'Retrieve the household session',
      description:
        'Returns the household at the kiosk, its points and the remaining time. The request extends the session.',
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
    config: { access: ['household'], cardSuffices: true },
    schema: {
      operationId: 'kioskSessionEnd',
      tags: ['kiosks'],
      summary: 'End the household session',
      description: 'Ends the session at once.',
      response: { 204: Type.Null({ description: 'The session has ended.' }) },
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
      summary: 'Retrieve the outcome of an earlier request',
      description:
        'Returns the response stored under one of this device’s idempotency keys, for a device that did not receive it. `not-found` means the request never took effect.',
      params: OutcomeParams,
      response: { 200: KioskOutcome },
    },
    handler: request => {
      const { village, kioskId } = deviceOf(request);
      const row = { village, client: kioskId, key: request.params.key };
      return database.inTransaction(village, tx => getOutcome(tx, row));
    },
  });
};
