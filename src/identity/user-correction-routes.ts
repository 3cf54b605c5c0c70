import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { tagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { type Access, actorOf } from '../http/route.ts';
import type { Write } from '../posting/mutate.ts';
import { getReadable, userReaders } from './read.ts';
import { User, UserEventList, UserParams, UserUpdate } from './schemas.ts';
import { listUserEvents, userVersion } from './user-events.ts';
import { updateUser } from './users.ts';

const appointers: Access = ['platformAdmin', 'supervisor', 'villageAdmin'];

/** Accounts put right, and what was done to them. */
export const userCorrectionRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  write: Write;
}> = async (app, { database, clock, write }) => {
  app.route({
    method: 'PATCH',
    url: '/v1/users/:user',
    config: { access: appointers, versioned: true, refusals: ['second-person-required'] },
    schema: {
      operationId: 'userUpdate',
      tags: ['identity'],
      summary: 'Correct a user',
      description:
        'Corrects the display name (merge patch, RFC 7396). What it was before, who changed it and when is kept, see `userEventList`. Nobody corrects their own.',
      params: UserParams,
      body: UserUpdate,
      response: { 200: User },
    },
    handler: (request, reply) => {
      const { user } = request.params;
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        const updated = await updateUser(tx, actor, user, asked, clock.now());
        reply.header('etag', tagOf(await userVersion(tx, user)));
        return updated;
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/users/:user/events',
    config: { access: userReaders },
    schema: {
      operationId: 'userEventList',
      tags: ['identity'],
      summary: 'List what was done to a user',
      description:
        'Returns who has reset the password or second factor, disabled or enabled the user, or corrected the name, newest first, at most 50. Returns 404 unless the user holds a grant within the caller’s scope.',
      params: UserParams,
      response: { 200: UserEventList },
    },
    handler: request => {
      const { user } = request.params;
      return database.inSnapshot(none, async db => {
        await getReadable(db, actorOf(request), user, clock.now());
        return { data: await listUserEvents(db, user) };
      });
    },
  });
};
