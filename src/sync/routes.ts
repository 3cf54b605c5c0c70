import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { sendFresh } from '../http/fresh.ts';
import { deviceOf } from '../http/route.ts';
import { takeChanges, takeSnapshot } from './changes.ts';
import { KioskChanges, KioskChangesQuery, KioskSnapshot } from './schemas.ts';

/** What a kiosk keeps of its village, to work without a network. */
export const syncRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'GET',
    url: '/v1/kiosk/snapshot',
    config: { access: ['kiosk'] },
    schema: {
      operationId: 'kioskSnapshotGet',
      tags: ['kiosks'],
      summary: 'Retrieve a snapshot of the village',
      description:
        'Returns everything the kiosk needs to work without a network, as of one moment, and a cursor for `kioskChangesGet`. Send `If-None-Match` to learn whether anything has changed. Card codes are hashed: the ID of a card is the unpadded base64url encoding of HMAC-SHA-256 with `cardSalt` as the key (its ASCII characters) and the SHA-256 digest of the code in capital letters as the message.',
      response: { 200: KioskSnapshot },
    },
    handler: async (request, reply) => {
      const key = deviceOf(request);
      const snapshot = await database.inTransaction(key.village, tx => takeSnapshot(tx, key, clock.now()));
      return sendFresh(request, reply, snapshot);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/changes',
    config: { access: ['kiosk'], refusals: ['cursor-expired'] },
    schema: {
      operationId: 'kioskChangesGet',
      tags: ['kiosks'],
      summary: 'List what has changed since a cursor',
      description:
        'Returns entries that are new or different, as they are now, and the IDs of entries that no longer exist. Apply the whole response and store its cursor in one step: replace the entry if its ID is known, and ignore IDs that are not. Applying a response twice changes nothing, and a lost response is requested again with the same cursor. After `cursor-expired`, take a new snapshot in place of what you have; operations that are not uploaded yet are kept.',
      querystring: KioskChangesQuery,
      response: { 200: KioskChanges },
    },
    handler: async request => {
      const key = deviceOf(request);
      return database.inTransaction(key.village, tx => takeChanges(tx, key, request.query.cursor, clock.now()));
    },
  });
};
