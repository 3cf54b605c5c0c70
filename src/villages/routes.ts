import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { type Access, actorOf, roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { Refusal } from '../refusals.ts';
import { createDivision, createGrid, openVillage } from './open.ts';
import { policyOn, setPolicy } from './policy.ts';
import { getDivision, getGrid, getVillage, listDivisions, listGrids, listPolicies, listVillages } from './read.ts';
import {
  Division,
  DivisionCreate,
  DivisionListQuery,
  DivisionPage,
  DivisionParams,
  Grid,
  GridCreate,
  GridList,
  GridParams,
  GridUpdate,
  Policy,
  PolicyCreate,
  PolicyList,
  PolicyQuery,
  Village,
  VillageCreate,
  VillageListQuery,
  VillagePage,
} from './schemas.ts';
import { gridSubject, updateGrid } from './update-grid.ts';

const everyRole: Access = roles;
const staff: Access = roles.filter(role => role !== 'kiosk' && role !== 'household');

/** Divisions, villages, grids, and what a village has decided about itself. */
export const villageRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/divisions',
    config: { access: staff, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'divisionList',
      tags: ['villages'],
      summary: 'List divisions',
      description:
        'Returns the divisions below `parent`, or the provinces, that lie within or above the caller’s scope.',
      querystring: DivisionListQuery,
      response: { 200: DivisionPage },
    },
    handler: request => database.inSnapshot(none, db => listDivisions(db, actorOf(request), request.query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/divisions',
    config: { access: ['platformAdmin'], idempotent: true, refusals: ['already-exists', 'out-of-bounds', 'not-found'] },
    schema: {
      operationId: 'divisionCreate',
      tags: ['villages'],
      summary: 'Create a division',
      description: 'The parent must exist, and the code must start with the parent’s prefix.',
      body: DivisionCreate,
      response: { 201: Division },
    },
    handler: (request, reply) =>
      mutate(request, reply, tx => createDivision(tx, request.body), {
        status: 201,
        location: made => `/v1/divisions/${made.code}`,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/divisions/:division',
    config: { access: staff },
    schema: {
      operationId: 'divisionGet',
      tags: ['villages'],
      summary: 'Retrieve a division',
      description: 'Returns a division within or above the caller’s scope. Others return 404.',
      params: DivisionParams,
      response: { 200: Division },
    },
    handler: request => {
      const { division } = request.params;
      const visible = actorOf(request).grants.some(
        ([, prefix]) => division.startsWith(prefix) || prefix.startsWith(division.replace(/0{1,12}$/, '')),
      );
      if (!visible) throw new Refusal('not-found');
      return database.inSnapshot(none, db => getDivision(db, division));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages',
    config: { access: 'signedIn', refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'villageList',
      tags: ['villages'],
      summary: 'List villages',
      description: 'Returns villages that have a book on this service and lie within the caller’s scope, by code.',
      querystring: VillageListQuery,
      response: { 200: VillagePage },
    },
    handler: request => database.inSnapshot(none, db => listVillages(db, actorOf(request), request.query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages',
    config: {
      access: ['platformAdmin'],
      idempotent: true,
      refusals: ['already-exists', 'business-date-refused', 'not-found'],
    },
    schema: {
      operationId: 'villageCreate',
      tags: ['villages'],
      summary: 'Open a village',
      description: 'Opens the book of a village-level division.',
      body: VillageCreate,
      response: { 201: Village },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => openVillage(tx, actor, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${made.village}`,
        scope: request.body.village,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village',
    config: { access: everyRole },
    schema: {
      operationId: 'villageGet',
      tags: ['villages'],
      summary: 'Retrieve a village',
      description: 'Returns the village’s name and the first day of its book.',
      params: VillageParams,
      response: { 200: Village },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getVillage(db, params.village)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/grids',
    config: { access: staff.filter(role => role !== 'platformAdmin' && role !== 'merchant') },
    schema: {
      operationId: 'gridList',
      tags: ['villages'],
      summary: 'List groups and patrol grids',
      description: 'Returns all groups and patrol grids of the village, by number.',
      params: VillageParams,
      response: { 200: GridList },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, async db => ({ data: await listGrids(db, params.village) })),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/grids',
    config: { access: ['villageAdmin', 'clerk'], idempotent: true, refusals: ['already-exists'] },
    schema: {
      operationId: 'gridCreate',
      tags: ['villages'],
      summary: 'Create a group or patrol grid',
      description: 'A household can belong to one group or patrol grid.',
      params: VillageParams,
      body: GridCreate,
      response: { 201: Grid },
    },
    handler: (request, reply) =>
      mutate(request, reply, tx => createGrid(tx, request.params.village, request.body), {
        status: 201,
        location: () => `/v1/villages/${request.params.village}/grids`,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/grids/:grid',
    config: { access: staff.filter(role => role !== 'platformAdmin' && role !== 'merchant'), versioned: true },
    schema: {
      operationId: 'gridGet',
      tags: ['villages'],
      summary: 'Retrieve a group or patrol grid',
      description: 'Returns the group or patrol grid with this number.',
      params: GridParams,
      response: { 200: Grid },
    },
    handler: (request, reply) => {
      const { village, grid } = request.params;
      return database.inSnapshot(village, async db => {
        const found = await getGrid(db, village, grid);
        reply.header('etag', await etagOf(db, gridSubject(village, grid)));
        return found;
      });
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/grids/:grid',
    config: { access: ['villageAdmin', 'clerk'], versioned: true },
    schema: {
      operationId: 'gridUpdate',
      tags: ['villages'],
      summary: 'Correct a group or patrol grid',
      description:
        'Corrects the name (merge patch, RFC 7396). What changed, who changed it and when is kept, see `correctionList`.',
      params: GridParams,
      body: GridUpdate,
      response: { 200: Grid },
    },
    handler: (request, reply) => {
      const { village, grid: number } = request.params;
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        const updated = await updateGrid(tx, actor.id, { village, number }, asked, clock.now());
        reply.header('etag', await etagOf(tx, gridSubject(village, number)));
        return updated;
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/policy',
    config: { access: staff.filter(role => role !== 'platformAdmin') },
    schema: {
      operationId: 'policyGet',
      tags: ['villages'],
      summary: 'Retrieve the policy in force',
      description: 'Returns the settings the village has adopted, or the defaults, for a date.',
      params: VillageParams,
      querystring: PolicyQuery,
      response: { 200: Policy },
    },
    handler: ({ params, query }) => {
      const day = query.on === undefined ? dayOf(clock.now()) : Temporal.PlainDate.from(query.on);
      return database.inSnapshot(params.village, db => policyOn(db, params.village, day));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/policies',
    config: { access: staff.filter(role => role !== 'platformAdmin') },
    schema: {
      operationId: 'policyList',
      tags: ['villages'],
      summary: 'List all policies of a village',
      description: 'Returns policies, newest first. Policies never change.',
      params: VillageParams,
      response: { 200: PolicyList },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, async db => ({ data: await listPolicies(db, params.village) })),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/policies',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: ['already-exists', 'business-date-refused', 'out-of-bounds'],
    },
    schema: {
      operationId: 'policyCreate',
      tags: ['villages'],
      summary: 'Set a policy',
      description:
        'The policy is valid from its first day until that of the next one. It cannot start in the past and never changes.',
      params: VillageParams,
      body: PolicyCreate,
      response: { 201: Policy },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => setPolicy(tx, actor, request.params.village, request.body, clock.now()), {
        status: 201,
        location: () => `/v1/villages/${request.params.village}/policies`,
      }),
  });
};
