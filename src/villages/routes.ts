import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf, roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { Refusal } from '../refusals.ts';
import { createDivision, createGrid, openVillage } from './open.ts';
import { policyOn, setPolicy } from './policy.ts';
import { getDivision, getVillage, listDivisions, listGrids, listPolicies, listVillages } from './read.ts';
import {
  Division,
  DivisionCreate,
  DivisionListQuery,
  DivisionPage,
  DivisionParams,
  Grid,
  GridCreate,
  GridList,
  Policy,
  PolicyCreate,
  PolicyList,
  PolicyQuery,
  Village,
  VillageCreate,
  VillageListQuery,
  VillagePage,
} from './schemas.ts';

const everyRole: Access = roles;
const staff: Access = roles.filter(role => role !== 'kiosk' && role !== 'household');

/** Divisions, villages, grids, and what a village has decided about itself. */
export const villageRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/divisions',
    config: { access: staff, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'divisionList',
      tags: ['villages'],
      summary: 'List divisions',
      description: 'The divisions below `parent`, or the provinces, as far as they lie in or above the caller’s scope.',
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
      summary: 'Enter a division',
      description: 'Below a division that is there, with a code that begins as its parent’s does.',
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
      summary: 'A division',
      description: 'In or above the caller’s scope; others are not there.',
      params: DivisionParams,
      response: { 200: Division },
    },
    handler: request => {
      const { division } = request.params;
      const visible = actorOf(request).grants.some(
        ([, prefix]) => division.startsWith(prefix) || prefix.startsWith(division.replace(/0+$/, '')),
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
      summary: 'List the villages in scope',
      description: 'Villages that keep a book here, by code, as far as the caller’s grants reach.',
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
      description: 'Opens the book of a division of level village.',
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
      summary: 'A village',
      description: 'Its name, and the first day of its book.',
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
      summary: 'List groups and patrol areas',
      description: 'All of the village, by number.',
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
      summary: 'Add a group or patrol area',
      description: 'Households belong to one.',
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
    url: '/v1/villages/:village/policy',
    config: { access: staff.filter(role => role !== 'platformAdmin') },
    schema: {
      operationId: 'policyGet',
      tags: ['villages'],
      summary: 'The policy in force',
      description: 'What the village has decided, or the defaults, on a day.',
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
      summary: 'Every policy the village has set',
      description: 'The newest first; none was ever changed.',
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
      summary: 'Set a policy from a day on',
      description: 'Holds from its day until the next one’s. It never reaches back, and is never changed.',
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
