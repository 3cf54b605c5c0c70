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
      summary: 'Simulate a rule book',
      description:
        'Applies a rule book to the awards made in a date range and returns what they would have earned, with caps checked as they are when posting. Events that were refused at the time were never recorded and are not part of the result. Changes nothing. Households are masked.',
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
