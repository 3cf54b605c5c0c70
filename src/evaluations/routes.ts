import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { closeRound } from './close.ts';
import { giveScores } from './give-scores.ts';
import { cancelRound, openRound } from './open.ts';
import { planRound } from './plan.ts';
import { getRound, listResults, listRounds, listSheet } from './read.ts';
import {
  ResultListQuery,
  ResultPage,
  Round,
  RoundCreate,
  RoundListQuery,
  RoundPage,
  RoundParams,
  RoundWithProgress,
  ScoresPut,
  ScoresWritten,
  SheetPage,
  SheetQuery,
} from './schemas.ts';

const planners: Access = ['clerk', 'villageAdmin'];
const staff = ['clerk', 'villageAdmin', 'reviewer', 'supervisionBoard', 'supervisor', 'auditor'] as const;

/** Judges walk the courtyards each month and score every household. */
export const evaluationRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/evaluation-rounds',
    config: { access: [...staff, 'household'], refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'evaluationRoundList',
      tags: ['evaluations'],
      summary: 'List evaluation rounds',
      description: 'Returns evaluation rounds, newest first.',
      params: VillageParams,
      querystring: RoundListQuery,
      response: { 200: RoundPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db => listRounds(db, request.params.village, request.query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/evaluation-rounds',
    config: {
      access: planners,
      idempotent: true,
      refusals: ['out-of-bounds', 'second-person-required', 'already-exists', 'rule-not-in-force'],
    },
    schema: {
      operationId: 'evaluationRoundCreate',
      tags: ['evaluations'],
      summary: 'Create an evaluation round',
      description:
        'Plans a round: its month, score sheet, judges, and the grades an average score earns. Scores can be saved once the round is open. Whoever creates the round may be neither one of its judges nor the one who closes it.',
      params: VillageParams,
      body: RoundCreate,
      response: { 201: Round },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => planRound(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/evaluation-rounds/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/evaluation-rounds/:round',
    config: { access: staff },
    schema: {
      operationId: 'evaluationRoundGet',
      tags: ['evaluations'],
      summary: 'Retrieve an evaluation round',
      description:
        'Returns the round with each judge’s progress. It does not include scores, which only the judge can see on the judge’s own score sheet.',
      params: RoundParams,
      response: { 200: RoundWithProgress },
    },
    handler: request => {
      const { village, round } = request.params;
      return database.inSnapshot(village, db => getRound(db, village, round));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/evaluation-rounds/:round/open',
    config: {
      access: planners,
      idempotent: true,
      refusals: ['wrong-state', 'too-early', 'rule-not-in-force', 'out-of-bounds'],
    },
    schema: {
      operationId: 'evaluationRoundOpen',
      tags: ['evaluations'],
      summary: 'Open an evaluation round',
      description:
        'Lets the judges score the households that are active today. Each judge scores independently. The rules of its grades must be in force then; a later rule book does not change what they earn.',
      params: RoundParams,
      response: { 200: Round },
    },
    handler: (request, reply) => {
      const { village, round: roundId } = request.params;
      return mutate(request, reply, (tx, actor) => openRound(tx, actor, { village, roundId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/evaluation-rounds/:round/sheet',
    config: { access: ['reviewer'], refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'evaluationSheetGet',
      tags: ['evaluations'],
      summary: 'Retrieve the caller’s score sheet',
      description:
        'Returns every household of the round, by group and number, with the scores the calling judge has saved so far. Names are masked.',
      params: RoundParams,
      querystring: SheetQuery,
      response: { 200: SheetPage },
    },
    handler: request => {
      const { village, round } = request.params;
      return database.inSnapshot(village, db => listSheet(db, actorOf(request), village, round, request.query));
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/evaluation-rounds/:round/scores',
    config: { access: ['reviewer'], refusals: ['wrong-state', 'own-household', 'out-of-bounds'] },
    schema: {
      operationId: 'evaluationScoresPut',
      tags: ['evaluations'],
      summary: 'Save scores',
      description:
        'Saves the calling judge’s scores for up to 600 households, all or none. Earlier scores of this judge for the same households are replaced. Mark a household as `notSeen` if nobody was at home; that is not a score of zero. A request that includes the judge’s own household or a relative’s is refused as a whole, and the response names the households.',
      params: RoundParams,
      body: ScoresPut,
      response: { 200: ScoresWritten },
    },
    handler: request => {
      const { village, round: roundId } = request.params;
      return write(request, (tx, actor) =>
        giveScores(tx, actor, { village, roundId }, request.body.entries, clock.now()),
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/evaluation-rounds/:round/close',
    config: {
      access: ['villageAdmin', 'supervisor'],
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'sheet-incomplete', 'own-household', 'rule-not-in-force'],
    },
    schema: {
      operationId: 'evaluationRoundClose',
      tags: ['evaluations'],
      summary: 'Close an evaluation round',
      description:
        'Averages the scores and awards the grades, all at once. Every score sheet must be complete, and the caller must be neither the round’s creator nor one of its judges. The awards wait for the next public notice. A household needs scores from at least two judges; scores for a judge’s own household or relatives do not count. A household whose award is refused keeps its grade and the reason.',
      params: RoundParams,
      response: { 200: Round },
    },
    handler: (request, reply) => {
      const { village, round: roundId } = request.params;
      return mutate(request, reply, (tx, actor) => closeRound(tx, actor, { village, roundId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/evaluation-rounds/:round/cancel',
    config: { access: planners, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'evaluationRoundCancel',
      tags: ['evaluations'],
      summary: 'Cancel an evaluation round',
      description:
        'Cancels a round that has not been closed. Its scores are not used, and another round may be created in its place.',
      params: RoundParams,
      response: { 200: Round },
    },
    handler: (request, reply) => {
      const { village, round: roundId } = request.params;
      return mutate(request, reply, (tx, actor) => cancelRound(tx, actor, { village, roundId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/evaluation-rounds/:round/results',
    config: { access: [...staff, 'household'], refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'evaluationResultList',
      tags: ['evaluations'],
      summary: 'List the results of an evaluation round',
      description:
        'Returns results by household number. Empty until the round is closed. A household sees only its own.',
      params: RoundParams,
      querystring: ResultListQuery,
      response: { 200: ResultPage },
    },
    handler: request => {
      const { village, round } = request.params;
      return database.inSnapshot(village, db => listResults(db, actorOf(request), village, round, request.query));
    },
  });
};
