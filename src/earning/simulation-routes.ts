import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { simulateRuleBook } from './simulation.ts';
import { Simulation, SimulationParams, SimulationRequest } from './simulation-schemas.ts';

/** What a rule book would do, told by what has been done. */
export const simulationRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/rule-books/:ruleBook/simulate',
    config: { access: ['villageAdmin', 'clerk', 'supervisor'], idempotent: false, refusals: ['out-of-bounds'] },
    schema: {
      operationId: 'ruleBookSimulate',
      tags: ['rules'],
      summary: 'Try a rule book',
      description:
        'On the awards that stand in a span: what they would have come to, with caps judged as the book judges them. What was refused then was never entered, and is not seen. Changes nothing; households are masked.',
      params: SimulationParams,
      body: SimulationRequest,
      response: { 200: Simulation },
    },
    handler: ({ params: { village, ruleBook }, body }) =>
      database.inSnapshot(village, db =>
        simulateRuleBook(db, { village, ruleBookId: ruleBook }, body, dayOf(clock.now())),
      ),
  });
};
