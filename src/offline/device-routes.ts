import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { languageOf, problemOf } from '../http/problems.ts';
import { deviceOf } from '../http/route.ts';
import type { Keys } from '../identity/keys.ts';
import { getKioskRow } from '../kiosks/read.ts';
import type { Mutate } from '../posting/mutate.ts';
import { renewAllowances, returnAllowance } from './allowances.ts';
import { readHead } from './chain.ts';
import { signAllowance } from './paper.ts';
import {
  AllowanceBatch,
  AllowanceBatchResult,
  AllowanceParams,
  AllowanceReturn,
  AllowanceReturned,
  OpHead,
  OpUpload,
  OpUploadResult,
} from './schemas.ts';
import { takeOps } from './take-ops.ts';

/** What a device does to work without a network, and when it is back. */
export const offlineDeviceRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  keys: Keys;
  origin: string;
}> = async (app, { database, clock, mutate, keys, origin }) => {
  app.route({
    method: 'POST',
    url: '/v1/kiosk/allowances',
    config: { access: ['kiosk'], idempotent: true, refusals: ['op-gap', 'feature-off'] },
    schema: {
      operationId: 'kioskAllowanceBatch',
      tags: ['kiosks'],
      summary: 'Create allowances for offline use',
      description:
        'Sets points of each household aside for this kiosk, up to the limit of the village’s policy; they can be spent nowhere else. What an earlier allowance of the household at this kiosk has left goes back first. A household without points, or that is not active, has a problem instead. Points that are not spent go back when the allowance is renewed or returned, or by themselves seven days after `notAfter`.',
      body: AllowanceBatch,
      response: { 207: AllowanceBatchResult },
    },
    handler: (request, reply) => {
      const key = deviceOf(request);
      const language = languageOf(request);
      const context = { origin, language, instance: request.url.split('?')[0]!, requestId: request.id };
      reply.header('content-language', language).header('vary', 'Accept-Language');
      return mutate(
        request,
        reply,
        async tx => {
          const granted = await renewAllowances(tx, key, request.body, clock.now());
          const results = granted.map(async one => {
            const { householdId } = one;
            if ('refusal' in one) return { householdId, allowance: null, problem: problemOf(one.refusal, context) };
            const { id: allowanceId, points, redemptions, notAfter } = one.allowance;
            const jws = await signAllowance(keys, origin, one.allowance);
            return { householdId, allowance: { allowanceId, points, redemptions, notAfter, jws }, problem: null };
          });
          return { results: await Promise.all(results) };
        },
        { status: 207, scope: key.village },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/allowances/:allowance/return',
    config: { access: ['kiosk'], idempotent: true, refusals: ['op-gap', 'wrong-state'] },
    schema: {
      operationId: 'kioskAllowanceReturn',
      tags: ['kiosks'],
      summary: 'Return an allowance',
      description: 'Gives back what the allowance has left, for example before the household spends online.',
      params: AllowanceParams,
      body: AllowanceReturn,
      response: { 200: AllowanceReturned },
    },
    handler: (request, reply) => {
      const key = deviceOf(request);
      const input = { headSeq: request.body.headSeq, allowanceId: request.params.allowance };
      return mutate(request, reply, tx => returnAllowance(tx, key, input, clock.now()), {
        status: 200,
        scope: key.village,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/kiosk/ops',
    bodyLimit: 2 * 1024 * 1024,
    config: { access: ['kiosk'], idempotent: false, whileSuspended: true, refusals: ['op-gap'] },
    schema: {
      operationId: 'kioskOpUpload',
      tags: ['kiosks'],
      summary: 'Upload offline operations',
      description:
        'Takes operations the device signed without a network, in any order and any number of times; each has a verdict, which never changes. Nothing is refused for its age, and a suspended device may still upload. Goods handed over beyond an allowance are the village’s loss, never the household’s. `op-gap` means that an earlier operation is missing: nothing was taken that follows it.',
      body: OpUpload,
      response: { 207: OpUploadResult },
    },
    handler: async (request, reply) => {
      const taken = await takeOps(database, deviceOf(request), request.body.ops, { importedBy: null }, clock.now());
      return reply.code(207).send(taken);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/kiosk/ops',
    config: { access: ['kiosk'], whileSuspended: true },
    schema: {
      operationId: 'kioskOpHeadGet',
      tags: ['kiosks'],
      summary: 'Retrieve the last operation taken',
      description: 'Returns how far this device’s operations have been taken.',
      response: { 200: OpHead },
    },
    handler: request => {
      const key = deviceOf(request);
      return database.inSnapshot(key.village, async db => {
        const { thumbprint } = await getKioskRow(db, key.village, key.kioskId);
        return readHead(db, key, thumbprint);
      });
    },
  });
};
