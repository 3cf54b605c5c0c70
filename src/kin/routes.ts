import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import type { Write } from '../posting/mutate.ts';
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
      summary: 'List a user’s own and related households',
      description: 'Users see their own declaration. Village administrators and supervisors also see those of others.',
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
      summary: 'Declare a user’s own and related households',
      description:
        'Declares the user’s own household and those of relatives. The user is barred from deciding on matters of these households. Users may add to their own declaration; removing an entry takes another person, a village administrator or a supervisor.',
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
