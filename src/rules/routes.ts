import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate, Write } from '../http/idempotency.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { adoptRuleBook } from './adopt.ts';
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
      description: 'Drafts and adopted ones, the newest first, without their rules.',
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
      summary: 'Draft a rule book',
      description:
        'A whole book with its rules, or a copy of another’s. Wording that fines people or cuts benefits is refused. Deductions may stand in it; nothing awards them yet.',
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
      summary: 'A rule book',
      description: 'With its rules, by code, and the resolution that put it in force.',
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
      summary: 'Revise a draft',
      description:
        'Title and rules as a whole, while it is a draft; its rules get new ids. Whoever revises it cannot adopt it.',
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
      summary: 'Give a draft up',
      description: 'It stays readable, and cannot be revised or adopted any more.',
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
      summary: 'Put a rule book in force',
      description:
        'By somebody who had no hand in the draft, with the assembly’s resolution. A book with errors is refused. It holds from its first day until the next book’s, and never changes again.',
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
};
