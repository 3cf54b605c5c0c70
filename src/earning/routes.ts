import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { languageOf, problemOf } from '../http/problems.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { inOrder, refOf, refusedLines } from '../http/sheets.ts';
import type { Batched } from '../posting/batch.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Refusal, type RefusalCode } from '../refusals.ts';
import { type AwardResult, singleAwards } from './award.ts';
import { awardSheet } from './award-sheet.ts';
import { getAward, listAwards } from './read.ts';
import { Award, AwardBatch, AwardBatchResult, AwardCreate, AwardListQuery, AwardPage, AwardParams } from './schemas.ts';

const awardReaders: Access = [
  'clerk',
  'villageAdmin',
  'reviewer',
  'supervisionBoard',
  'supervisor',
  'auditor',
  'household',
];

/** What one award can be refused with, by itself or in a sheet. */
const awardRefusals: RefusalCode[] = [
  'own-household',
  'household-not-active',
  'award-duplicate',
  'rule-not-in-force',
  'evidence-missing',
  'out-of-bounds',
  'business-date-refused',
  'rule-exclusive',
  'cap-reached',
  'budget-exhausted',
];

/** Points for households, by the clerk's hand or by the sheet, and how they are taken back. */
export const earningRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  batched: Batched;
  /** Root of problem addresses, for the problems inside a sheet's answer. */
  origin: string;
}> = async (app, { database, clock, mutate, batched, origin }) => {
  const awardOne = batched(singleAwards);

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/awards',
    config: { access: awardReaders, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'awardList',
      tags: ['awards'],
      summary: 'List awards',
      description: 'Returns awards in book order, newest first. A household sees only its own.',
      params: VillageParams,
      querystring: AwardListQuery,
      response: { 200: AwardPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listAwards(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/awards',
    config: { access: ['clerk'], idempotent: true, refusals: awardRefusals },
    schema: {
      operationId: 'awardCreate',
      tags: ['awards'],
      summary: 'Create an award',
      description:
        'Awards points to a household under a rule that was in force on the business date and accepts a count, a weight, a sign-in sheet or a roster as evidence; other rules require a claim. The caller may not award points to their own household or to declared relatives. Caps are checked when the award is posted. If the policy requires public notice, the points stay pending until the notice period ends; otherwise they can be spent at once.',
      params: VillageParams,
      body: AwardCreate,
      response: { 201: Award },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return awardOne(request, reply, request.body, {
        status: 201,
        location: made => `/v1/villages/${village}/awards/${made.id}`,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/awards/batch',
    config: { access: ['clerk'], idempotent: true, refusals: [...awardRefusals, 'batch-refused'] },
    bodyLimit: 4 * 1024 * 1024,
    attachValidation: true,
    schema: {
      operationId: 'awardBatch',
      tags: ['awards'],
      summary: 'Create awards in batch',
      description:
        'Validates items in order. With `perItem`, each item succeeds or fails on its own, even if it is malformed, repeats a key or contains NUL or incomplete characters; a body that is no JSON or malformed outside `items` is refused as a whole. With `atomic`, either all awards are made or none, and the response lists one problem per refused item.',
      params: VillageParams,
      body: AwardBatch,
      response: { 201: AwardBatchResult, 207: AwardBatchResult },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const refusals = refusedLines(request, { apart: request.body?.mode === 'perItem' });
      const { items, ...sheet } = request.body;
      const lines = items.filter((_, index) => !refusals.has(index));
      const malformed = new Map([...refusals].map(([index, refusal]) => [index, { refusal }]));
      const language = languageOf(request);
      const problem = (refusal: Refusal) =>
        problemOf(refusal, { origin, language, instance: request.url.split('?')[0]!, requestId: request.id });
      reply.header('content-language', language).header('vary', 'Accept-Language');
      return mutate(
        request,
        reply,
        async (tx, actor) => {
          const { batchId, results } = await awardSheet(tx, actor, village, { ...sheet, lines }, clock.now());
          const answers = inOrder<AwardResult>(results, malformed).map((result, index) => ({
            index,
            ref: refOf(items[index]),
            ...answerOf(result, problem),
          }));
          const refused = answers.filter(answer => answer.problem !== null);
          if (sheet.mode === 'atomic' && refused.length > 0) {
            throw new Refusal('batch-refused', {
              items: refused.map(({ index, ref, problem }) => ({ index, ref, problem })),
            });
          }
          return { batchId, succeeded: answers.length - refused.length, refused: refused.length, results: answers };
        },
        sheet.mode === 'atomic' ? { status: 201, location: () => `/v1/villages/${village}/awards` } : { status: 207 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/awards/:award',
    config: { access: awardReaders },
    schema: {
      operationId: 'awardGet',
      tags: ['awards'],
      summary: 'Retrieve an award',
      description: 'Returns the award as it was posted. Later rule books do not change it.',
      params: AwardParams,
      response: { 200: Award },
    },
    handler: request => {
      const { village, award } = request.params;
      return database.inSnapshot(village, db => getAward(db, actorOf(request), village, award));
    },
  });
};

/** What a line would have been answered alone. One that was undone is not shown: its sheet is refused as a whole. */
function answerOf(result: AwardResult, problemOfLine: (refusal: Refusal) => ReturnType<typeof problemOf>) {
  if (result === 'undone') return { status: 201, award: null, problem: null };
  if ('award' in result) return { status: 201, award: result.award, problem: null };
  const problem = problemOfLine(result.refusal);
  return { status: problem.status, award: null, problem };
}
