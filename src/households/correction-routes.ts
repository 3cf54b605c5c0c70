import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import type { Write } from '../posting/mutate.ts';
import { householdSubject, memberSubject, updateHousehold, updateMember } from './corrections.ts';
import { getHousehold, getMemberView } from './read.ts';
import { Household, HouseholdMember, HouseholdUpdate, MemberParams, MemberUpdate } from './schemas.ts';
import { HouseholdParams } from './shapes.ts';

const keepers: Access = ['clerk', 'villageAdmin'];

/** The household register put right: each change names the version it changes. */
export const registerCorrectionRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  write: Write;
}> = async (app, { database, clock, write }) => {
  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/households/:household',
    config: {
      access: keepers,
      versioned: true,
      refusals: ['own-household', 'household-not-active', 'already-exists', 'number-far'],
    },
    schema: {
      operationId: 'householdUpdate',
      tags: ['households'],
      summary: 'Correct a household',
      description:
        'Corrects the number, group or address (merge patch, RFC 7396). What changed, who changed it and when is kept, see `correctionList`. A new number has to be printed on the passbook. Nobody corrects their own household or that of relatives.',
      params: HouseholdParams,
      body: HouseholdUpdate,
      response: { 200: Household },
    },
    handler: (request, reply) => {
      const { village, household: householdId } = request.params;
      const { numberConfirmed, ...patch } = request.body;
      const asked = { patch, numberConfirmed, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        await updateHousehold(tx, actor.id, { village, householdId }, asked, clock.now());
        reply.header('etag', await etagOf(tx, householdSubject(village, householdId)));
        return getHousehold(tx, actor, village, householdId);
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/members/:member',
    config: { access: keepers, versioned: true },
    schema: {
      operationId: 'memberGet',
      tags: ['households'],
      summary: 'Retrieve a member of a household',
      description: 'Returns the member as the household does, with the version to correct.',
      params: MemberParams,
      response: { 200: HouseholdMember },
    },
    handler: (request, reply) => {
      const { village, member } = request.params;
      return database.inSnapshot(village, async db => {
        const found = await getMemberView(db, actorOf(request), village, member);
        reply.header('etag', await etagOf(db, memberSubject(village, member, found.householdId)));
        return found;
      });
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/members/:member',
    config: {
      access: keepers,
      versioned: true,
      refusals: ['own-household', 'household-not-active', 'member-elsewhere'],
    },
    schema: {
      operationId: 'memberUpdate',
      tags: ['households'],
      summary: 'Correct a member of a household',
      description:
        'Corrects the name, phone number or end of the ID number (merge patch, RFC 7396). What changed, who changed it and when is kept, see `correctionList`. Refused if the person would then be registered twice, as when a household is enrolled. Nobody corrects members of their own household or that of relatives.',
      params: MemberParams,
      body: MemberUpdate,
      response: { 200: HouseholdMember },
    },
    handler: (request, reply) => {
      const { village, member: memberId } = request.params;
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        await updateMember(tx, actor.id, { village, memberId }, asked, clock.now());
        const found = await getMemberView(tx, actor, village, memberId);
        reply.header('etag', await etagOf(tx, memberSubject(village, memberId, found.householdId)));
        return found;
      });
    },
  });
};
