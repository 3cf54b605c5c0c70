import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { columnsOf, formatOf, send } from './answer.ts';
import { makeReceipt, makeReturnReceipt } from './receipt.ts';
import { ReceiptQuery, RedemptionParams, ReturnParams, receiptContent } from './schemas.ts';

const staff: Access = ['storekeeper', 'clerk', 'villageAdmin', 'supervisor', 'supervisionBoard', 'auditor'];

/** Receipts of redemptions and of returns. */
export const receiptRoutes: FastifyPluginAsyncTypebox<{ database: Database }> = async (app, { database }) => {
  const response = { 200: { description: 'The receipt.', content: receiptContent } };

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/redemptions/:redemption/receipt',
    config: { access: ['household', ...staff], refusals: ['not-acceptable'] },
    schema: {
      operationId: 'redemptionReceiptGet',
      tags: ['store'],
      summary: 'Retrieve a receipt',
      description:
        'Returns the receipt of a redemption as it stands, in any state. By `Accept`: blocks for a printer or screen with a sentence to be read aloud, lines of text, or a PDF. A reprint has the same content.',
      params: RedemptionParams,
      querystring: ReceiptQuery,
      response,
    },
    handler: async (request, reply) => {
      const { village, redemption } = request.params;
      const format = formatOf(request.headers.accept);
      const printing = { columns: columnsOf(request.query), copy: false };
      const receipt = await database.inSnapshot(village, db =>
        makeReceipt(db, actorOf(request), village, redemption, printing),
      );
      return send(reply, format, receipt);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/returns/:return/receipt',
    config: { access: staff, refusals: ['not-acceptable'] },
    schema: {
      operationId: 'returnReceiptGet',
      tags: ['store'],
      summary: 'Retrieve a return’s receipt',
      description:
        'Returns the receipt of a return as it stands: what came back, the points given back, and the balance after them. Formats as for `redemptionReceiptGet`.',
      params: ReturnParams,
      querystring: ReceiptQuery,
      response,
    },
    handler: async (request, reply) => {
      const { village, return: returnId } = request.params;
      const format = formatOf(request.headers.accept);
      const printing = { columns: columnsOf(request.query), copy: false };
      const receipt = await database.inSnapshot(village, db =>
        makeReturnReceipt(db, actorOf(request), village, returnId, printing),
      );
      return send(reply, format, receipt);
    },
  });
};
