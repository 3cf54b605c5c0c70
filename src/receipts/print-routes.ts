import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { acknowledge } from '../printing/acknowledge.ts';
import { getPrintJob, listPrintJobs } from '../printing/read.ts';
import { columnsOf, formatOf, send } from './answer.ts';
import { queueReceipt } from './queue.ts';
import { makePrint } from './receipt.ts';
import {
  PrintJob,
  PrintJobCreate,
  PrintJobListQuery,
  PrintJobOutcome,
  PrintJobPage,
  PrintJobParams,
  ReceiptQuery,
  receiptContent,
} from './schemas.ts';

const counter: Access = ['storekeeper', 'clerk', 'villageAdmin'];
const printers: Access = ['kiosk', ...counter];

/** What is to be printed, and what the printers say. */
export const printRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/print-jobs',
    config: { access: printers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'printJobList',
      tags: ['store'],
      summary: 'List print jobs',
      description:
        'Returns print jobs, oldest first; a kiosk sees its own. Redemptions made, fulfilled or cancelled at a kiosk queue their receipt by themselves; the exchange does not wait for the paper.',
      params: VillageParams,
      querystring: PrintJobListQuery,
      response: { 200: PrintJobPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listPrintJobs(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/print-jobs',
    config: { access: ['household', ...counter], idempotent: true },
    schema: {
      operationId: 'printJobCreate',
      tags: ['store'],
      summary: 'Create a print job',
      description:
        'Queues a receipt, for the kiosk if a household in session asks, else for the counter of the store. If it was printed before, the paper is marked as a copy.',
      params: VillageParams,
      body: PrintJobCreate,
      response: { 201: PrintJob },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      return mutate(request, reply, (tx, actor) => queueReceipt(tx, actor, village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/print-jobs/${made.id}/receipt`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/print-jobs/:printJob/receipt',
    config: { access: printers, refusals: ['not-acceptable'] },
    schema: {
      operationId: 'printJobReceiptGet',
      tags: ['store'],
      summary: 'Retrieve what to print',
      description:
        'Returns the receipt as it stands, marked as a copy if it is one. A kiosk gets the pick-up code on the slips it prints. Formats as for `redemptionReceiptGet`.',
      params: PrintJobParams,
      querystring: ReceiptQuery,
      response: { 200: { description: 'The receipt.', content: receiptContent } },
    },
    handler: async (request, reply) => {
      const { village, printJob } = request.params;
      const format = formatOf(request.headers.accept);
      const receipt = await database.inSnapshot(village, async db => {
        const actor = actorOf(request);
        return makePrint(db, actor, village, await getPrintJob(db, actor, village, printJob), columnsOf(request.query));
      });
      return send(reply, format, receipt);
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/print-jobs/:printJob/outcome',
    config: { access: printers, refusals: ['wrong-state'] },
    schema: {
      operationId: 'printJobAcknowledge',
      tags: ['store'],
      summary: 'Settle a print job',
      description:
        'Records that the receipt was printed or failed. The same outcome again changes nothing; another one is refused. To try again after a failure, queue another print job.',
      params: PrintJobParams,
      body: PrintJobOutcome,
      response: { 200: PrintJob },
    },
    handler: request => {
      const { village, printJob } = request.params;
      const key = { village, printJobId: printJob };
      return write(request, (tx, actor) => acknowledge(tx, actor, key, request.body, clock.now()));
    },
  });
};
