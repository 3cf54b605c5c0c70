import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { adoptRuleBook } from './adopt.ts';
import { draftRuleBook } from './draft.ts';
import { getRuleBook, listRuleBooks, rulesInForce } from './read.ts';
import {
  RuleBook,
  RuleBookAdopt,
  RuleBookCreate,
  RuleBookListQuery,
  RuleBookPage,
  RuleBookParams,
  RuleList,
  RuleListQuery,
} from './schemas.ts';

/** Drafts are for those who work on them and those who look over their shoulders; what is in force is for everybody. */
const readers: Access = [
  'villageAdmin',
  'clerk',
  'supervisor',
  'auditor',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
];

/** Rule books: what earns or costs points, drafted in the village, put in force from above. */
export const ruleRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rule-books',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'ruleBookList',
      tags: ['rules'],
      summary: 'List rule books',
      description: 'Drafts and adopted ones, the newest first, without their rules.',
      params: VillageParams,
      querystring: RuleBookListQuery,
      response: { 200: RuleBookPage },
    },
    handler: ({ params, query }) => database.inSnapshot(params.village, db => listRuleBooks(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/rule-books',
    config: {
      access: ['villageAdmin', 'clerk'],
      idempotent: true,
      refusals: ['already-exists', 'rule-wording-refused'],
    },
    schema: {
      operationId: 'ruleBookCreate',
      tags: ['rules'],
      summary: 'Draft a rule book',
      description:
        'A whole book with its rules. Wording that fines people or cuts benefits is refused. Deductions may stand in it; nothing awards them yet.',
      params: VillageParams,
      body: RuleBookCreate,
      response: { 201: RuleBook },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => draftRuleBook(tx, actor, request.params.village, request.body, clock.now()),
        {
          status: 201,
          location: made => `/v1/villages/${made.village}/rule-books/${made.id}`,
        },
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rule-books/:ruleBook',
    config: { access: readers },
    schema: {
      operationId: 'ruleBookGet',
      tags: ['rules'],
      summary: 'A rule book',
      description: 'With its rules, by code, and the resolution that put it in force.',
      params: RuleBookParams,
      response: { 200: RuleBook },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getRuleBook(db, params.village, params.ruleBook)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/rule-books/:ruleBook/adopt',
    config: {
      access: ['supervisor'],
      idempotent: true,
      refusals: ['second-person-required', 'wrong-state', 'out-of-bounds'],
    },
    schema: {
      operationId: 'ruleBookAdopt',
      tags: ['rules'],
      summary: 'Put a rule book in force',
      description:
        'By somebody else than drafted it, with the assembly’s resolution. It holds from its first day until the next book’s, and never changes again.',
      params: RuleBookParams,
      body: RuleBookAdopt,
      response: { 200: RuleBook },
    },
    handler: (request, reply) => {
      const { village, ruleBook } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => adoptRuleBook(tx, actor, { village, ruleBookId: ruleBook }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rules',
    config: { access: roles },
    schema: {
      operationId: 'ruleList',
      tags: ['rules'],
      summary: 'The rules in force',
      description: 'On a day, today unless told. Everybody in the village may know them.',
      params: VillageParams,
      querystring: RuleListQuery,
      response: { 200: RuleList },
    },
    handler: ({ params, query }) => {
      const day = query.on === undefined ? dayOf(clock.now()) : Temporal.PlainDate.from(query.on);
      return database.inSnapshot(params.village, db => rulesInForce(db, params.village, day));
    },
  });
};
