import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate, Write } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
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
      description: 'The newest first.',
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
      refusals: ['out-of-bounds', 'second-person-required', 'already-exists'],
    },
    schema: {
      operationId: 'evaluationRoundCreate',
      tags: ['evaluations'],
      summary: 'Plan an evaluation round',
      description:
        'Its month, its sheet, its judges, and what an average earns. Nothing can be scored before it is opened. Who plans it is not among its judges and does not close it.',
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
      summary: 'An evaluation round',
      description: 'How far each judge has come. Nobody’s figures: those stand on the judge’s own sheet.',
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
    config: { access: planners, idempotent: true, refusals: ['wrong-state', 'too-early'] },
    schema: {
      operationId: 'evaluationRoundOpen',
      tags: ['evaluations'],
      summary: 'Open an evaluation round',
      description: 'From now on its judges score the households that are active today, each judge alone.',
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
      summary: 'The judge’s own sheet',
      description:
        'All households of the round by group and number, with what this judge has given so far. Names are masked.',
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
      summary: 'Give scores',
      description:
        'Figures of the calling judge for up to 600 households, all or none. What the judge gave the same households before is replaced. A household where nobody was at home is marked, which is not zero. A list that names the judge’s own household or kin is refused as a whole, and says which.',
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
        'By somebody who neither planned nor judged it, when every sheet is complete. The totals are averaged and the grades awarded, all at once; the awards wait for the next notice. Two judges at least must have seen a household; what a judge gave own or kin does not count. A household that is refused its award keeps its grade and the reason.',
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
      description: 'Before it is closed. Nothing comes of its scores, and another one may be planned in its place.',
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
      description: 'By the number of the household; empty before the round is closed. A household sees its own.',
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
