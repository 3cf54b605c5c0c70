// What a book is found to say, what is different in it, and which rules hold.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { sendFresh } from '../http/fresh.ts';
import { roles } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { policyOn } from '../villages/policy.ts';
import { getVillage } from '../villages/read.ts';
import { differencesOf } from './differences.ts';
import { findingsOf } from './findings.ts';
import { getRuleBook, rulesInForce } from './read.ts';
import { bookReaders } from './routes.ts';
import {
  RuleBookDiff,
  RuleBookDiffQuery,
  RuleBookFindings,
  RuleBookParams,
  RuleList,
  RuleListQuery,
} from './schemas.ts';

export const readingRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rule-books/:ruleBook/findings',
    config: { access: bookReaders },
    schema: {
      operationId: 'ruleBookFindingList',
      tags: ['rules'],
      summary: 'Check a rule book',
      description:
        'Returns findings. Errors prevent adoption: fines, cut benefits, rules that require no evidence, or that the budget of a year could never pay. Warnings do not: missing caps, photos as the only accepted evidence, vague wording and the like.',
      params: RuleBookParams,
      response: { 200: RuleBookFindings },
    },
    handler: ({ params: { village, ruleBook } }) =>
      database.inSnapshot(village, async db => {
        const today = dayOf(clock.now());
        const book = await getRuleBook(db, village, ruleBook, today);
        const data = findingsOf(book, await policyOn(db, village, today));
        const errors = data.filter(finding => finding.level === 'error').length;
        return { ruleBookId: book.id, revision: book.revision, errors, warnings: data.length - errors, data };
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rule-books/:ruleBook/diff',
    config: { access: bookReaders },
    schema: {
      operationId: 'ruleBookDiffGet',
      tags: ['rules'],
      summary: 'Compare two rule books',
      description:
        'Returns the differences from another rule book of the village, rule by rule, in sentences that can be read aloud.',
      params: RuleBookParams,
      querystring: RuleBookDiffQuery,
      response: { 200: RuleBookDiff },
    },
    handler: ({ params: { village, ruleBook }, query: { against } }) =>
      database.inSnapshot(village, async db => {
        const today = dayOf(clock.now());
        const before = await getRuleBook(db, village, against, today);
        const after = await getRuleBook(db, village, ruleBook, today);
        return { ruleBookId: after.id, againstId: before.id, data: differencesOf(before.rules, after.rules) };
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/rules',
    config: { access: roles },
    schema: {
      operationId: 'ruleList',
      tags: ['rules'],
      summary: 'List the rules in force',
      description: 'Returns the rules in force on a date, by default today.',
      params: VillageParams,
      querystring: RuleListQuery,
      response: { 200: RuleList },
    },
    handler: ({ params, query }) => {
      const day = query.on === undefined ? dayOf(clock.now()) : Temporal.PlainDate.from(query.on);
      return database.inSnapshot(params.village, db => rulesInForce(db, params.village, day));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/rules',
    config: { access: 'public' },
    schema: {
      operationId: 'publicRuleList',
      tags: ['rules'],
      summary: 'List the rules in force today without signing in',
      description: 'For the notice board and the village’s web page. Supports conditional requests with an ETag.',
      params: VillageParams,
      response: { 200: RuleList },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      const rules = await database.inSnapshot(village, async db => {
        await getVillage(db, village);
        return rulesInForce(db, village, dayOf(clock.now()));
      });
      return sendFresh(request, reply, rules);
    },
  });
};
