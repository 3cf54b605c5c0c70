import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Write } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { getKin } from './read.ts';
import { Kin, KinParams, KinSet } from './schemas.ts';
import { setKin } from './set-kin.ts';

const staff: Access = [
  'villageAdmin',
  'supervisor',
  'clerk',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
  'teamLeader',
  'auditor',
];

/** Which households somebody who works for the village must not decide on. */
export const kinRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; write: Write }> = async (
  app,
  { database, clock, write },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/users/:user/kin',
    config: { access: staff },
    schema: {
      operationId: 'userKinGet',
      tags: ['households'],
      summary: 'Households that a person keeps out of',
      description: 'Everybody sees their own; a village administrator and a supervisor see those of others.',
      params: KinParams,
      response: { 200: Kin },
    },
    handler: request => {
      const { village, user } = request.params;
      return database.inSnapshot(village, db => getKin(db, actorOf(request), { village, userId: user }, clock.now()));
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/users/:user/kin',
    config: { access: staff, refusals: ['second-person-required', 'already-exists'] },
    schema: {
      operationId: 'userKinSet',
      tags: ['households'],
      summary: 'Say which households a person keeps out of',
      description:
        'The own one, and those of kin: on these the person decides nothing. One adds to one’s own list; to strike something out takes somebody else, a village administrator or a supervisor.',
      params: KinParams,
      body: KinSet,
      response: { 200: Kin },
    },
    handler: request => {
      const { village, user } = request.params;
      return write(request, (tx, actor) =>
        setKin(tx, actor, { village, userId: user }, request.body.entries, clock.now()),
      );
    },
  });
};
