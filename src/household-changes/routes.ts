import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import type { RefusalCode } from '../refusals.ts';
import { approveChange, rejectChange, withdrawChange } from './decide.ts';
import { proposeChange } from './propose.ts';
import { getChange, getClosing, listChanges } from './read.ts';
import {
  HouseholdChange,
  HouseholdChangeCreate,
  HouseholdChangeListQuery,
  HouseholdChangePage,
  HouseholdChangeParams,
  HouseholdChangeReject,
} from './schemas.ts';

const readers: Access = ['clerk', 'villageAdmin', 'reviewer', 'supervisionBoard', 'supervisor', 'auditor', 'household'];
const keepers: Access = ['clerk', 'villageAdmin'];
const deciders: Access = ['villageAdmin', 'supervisor'];

const validationRefusals: RefusalCode[] = [
  'already-exists',
  'household-not-active',
  'household-has-balance',
  'member-elsewhere',
  'wrong-state',
  'split-unequal',
  'out-of-bounds',
  'too-late',
];

/** The life of a household: members move, households split, merge, move, end. Two people decide. */
export const householdChangeRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
}> = async (app, { database, clock, mutate }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/household-changes',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'householdChangeList',
      tags: ['households'],
      summary: 'List household changes',
      description:
        'Returns changes, pending and decided, newest first: the history of each household. A household sees only changes it is a party to.',
      params: VillageParams,
      querystring: HouseholdChangeListQuery,
      response: { 200: HouseholdChangePage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listChanges(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-changes',
    config: { access: keepers, idempotent: true, refusals: [...validationRefusals, 'number-far'] },
    schema: {
      operationId: 'householdChangeCreate',
      tags: ['households'],
      summary: 'Propose a household change',
      description:
        'Nothing changes until a second person approves. A household can have one open proposal at a time. A household that ends or splits must have no pending or held points. Points owed by a household that ends are carried over by the household that takes it over or waived, as `arrears` says; a split divides them. When a household moves to another village, its points leave this book in its closing transaction; the other village then refers to that transaction, once, with `moveIn`.',
      params: VillageParams,
      body: HouseholdChangeCreate,
      response: { 201: HouseholdChange },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      const { body } = request;
      // It stands in another book, which this village's database transaction does not see.
      const from = body.kind === 'moveIn' ? { village: body.fromVillage, number: body.transactionNumber } : undefined;
      const closing = from && (await database.inSnapshot(from.village, db => getClosing(db, from, village)));
      return mutate(request, reply, (tx, actor) => proposeChange(tx, actor, village, body, clock.now(), closing), {
        status: 201,
        location: made => `/v1/villages/${village}/household-changes/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/household-changes/:change',
    config: { access: readers },
    schema: {
      operationId: 'householdChangeGet',
      tags: ['households'],
      summary: 'Retrieve a household change',
      description: 'Returns what was agreed, who proposed it, its outcome, and its transaction in the book.',
      params: HouseholdChangeParams,
      response: { 200: HouseholdChange },
    },
    handler: request => {
      const { village, change } = request.params;
      return database.inSnapshot(village, db => getChange(db, actorOf(request), village, change));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-changes/:change/approve',
    config: {
      access: deciders,
      idempotent: true,
      refusals: [...validationRefusals, 'second-person-required', 'own-household'],
    },
    schema: {
      operationId: 'householdChangeApprove',
      tags: ['households'],
      summary: 'Approve a household change',
      description:
        'Carries out the change. The approver must not be the proposer and must not belong or be related to either household. The change is validated again against the current state; then members, heads and points move at once, and each point keeps its last day. A household that ends is closed and its cards are revoked, but its file and accounts are kept. Its base points end, and honour points that nobody takes over stay on its file.',
      params: HouseholdChangeParams,
      response: { 200: HouseholdChange },
    },
    handler: (request, reply) => {
      const { village, change: changeId } = request.params;
      return mutate(request, reply, (tx, actor) => approveChange(tx, actor, { village, changeId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-changes/:change/reject',
    config: {
      access: deciders,
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'own-household'],
    },
    schema: {
      operationId: 'householdChangeReject',
      tags: ['households'],
      summary: 'Reject a household change',
      description: 'Nothing changes. The decision needs a reason and cannot be made by the proposer.',
      params: HouseholdChangeParams,
      body: HouseholdChangeReject,
      response: { 200: HouseholdChange },
    },
    handler: (request, reply) => {
      const { village, change: changeId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => rejectChange(tx, actor, { village, changeId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-changes/:change/withdraw',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'householdChangeWithdraw',
      tags: ['households'],
      summary: 'Withdraw a household change',
      description: 'Withdraws a change that has not been decided. Another one may be proposed.',
      params: HouseholdChangeParams,
      response: { 200: HouseholdChange },
    },
    handler: (request, reply) => {
      const { village, change: changeId } = request.params;
      return mutate(request, reply, (tx, actor) => withdrawChange(tx, actor, { village, changeId }, clock.now()), {
        status: 200,
      });
    },
  });
};
