import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { adoptRuleBook, withdrawRuleBook } from './adopt.ts';
import { draftRuleBook } from './draft.ts';
import { getRuleBook, listRuleBooks } from './read.ts';
import { discardRuleBook, redraftRuleBook } from './redraft.ts';
import {
  RuleBook,
  RuleBookAdopt,
  RuleBookCreate,
  RuleBookListQuery,
  RuleBookPage,
  RuleBookParams,
  RuleBookUpdate,
} from './schemas.ts';

/** Drafts are for those who work on them and those who look over their shoulders; what is in force is for everybody. */
export const bookReaders: Access = [
  'villageAdmin',
  'clerk',
  'supervisor',
  'auditor',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
];

/** Rule books: what earns or costs points, drafted in the village, put in force from above. */
export const ruleRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rule-books',
    config: { access: bookReaders, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'ruleBookList',
      tags: ['rules'],
      summary: 'List rule books',
      description: 'Returns drafts and adopted rule books, newest first, without their rules.',
      params: VillageParams,
      querystring: RuleBookListQuery,
      response: { 200: RuleBookPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listRuleBooks(db, params.village, query, dayOf(clock.now()))),
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
      summary: 'Create a rule book',
      description:
        'Creates a draft, either with its own rules or as a copy of another rule book. Wording that fines people or cuts benefits is refused. A rule book may contain deductions, but they cannot be awarded yet.',
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
    config: { access: bookReaders },
    schema: {
      operationId: 'ruleBookGet',
      tags: ['rules'],
      summary: 'Retrieve a rule book',
      description: 'Returns the rule book with its rules, by code, and the resolution that adopted it.',
      params: RuleBookParams,
      response: { 200: RuleBook },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getRuleBook(db, params.village, params.ruleBook, dayOf(clock.now()))),
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/rule-books/:ruleBook',
    config: {
      access: ['villageAdmin', 'clerk'],
      refusals: ['wrong-state', 'rule-book-changed', 'already-exists', 'rule-wording-refused'],
    },
    schema: {
      operationId: 'ruleBookUpdate',
      tags: ['rules'],
      summary: 'Update a draft rule book',
      description:
        'Replaces the draft’s title and rules as a whole; the rules receive new IDs. Whoever updates a draft cannot adopt it.',
      params: RuleBookParams,
      body: RuleBookUpdate,
      response: { 200: RuleBook },
    },
    handler: request => {
      const { village, ruleBook } = request.params;
      return write(request, (tx, actor) =>
        redraftRuleBook(tx, actor, { village, ruleBookId: ruleBook }, request.body, clock.now()),
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/rule-books/:ruleBook/discard',
    config: { access: ['villageAdmin', 'clerk'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'ruleBookDiscard',
      tags: ['rules'],
      summary: 'Discard a draft rule book',
      description: 'The draft stays readable but can no longer be updated or adopted.',
      params: RuleBookParams,
      response: { 200: RuleBook },
    },
    handler: (request, reply) => {
      const { village, ruleBook } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => discardRuleBook(tx, actor, { village, ruleBookId: ruleBook }, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/rule-books/:ruleBook/adopt',
    config: {
      access: ['supervisor'],
      idempotent: true,
      refusals: [
        'second-person-required',
        'wrong-state',
        'rule-book-changed',
        'rule-wording-refused',
        'rule-book-unsound',
        'out-of-bounds',
      ],
    },
    schema: {
      operationId: 'ruleBookAdopt',
      tags: ['rules'],
      summary: 'Adopt a rule book',
      description:
        'Adopts a draft with the village assembly’s resolution. The caller must not have worked on the draft. A rule book with errors is refused. It is in force from its first day until that of the next rule book, and never changes.',
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
    method: 'POST',
    url: '/v1/villages/:village/rule-books/:ruleBook/withdraw',
    config: { access: ['supervisor'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'ruleBookWithdraw',
      tags: ['rules'],
      summary: 'Withdraw a rule book',
      description:
        'Withdraws an adopted rule book before its first day. The one before it stays in force, and another one can be adopted for the same day. Refused once the rule book is in force: adopt the next one instead.',
      params: RuleBookParams,
      response: { 200: RuleBook },
    },
    handler: (request, reply) => {
      const { village, ruleBook } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => withdrawRuleBook(tx, actor, { village, ruleBookId: ruleBook }, clock.now()),
        { status: 200 },
      );
    },
  });
};
