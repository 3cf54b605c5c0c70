import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Rejection } from '../store/shapes.ts';
import { draftStockDocument, postStockDocument, rejectStockDocument } from './documents.ts';
import { getStockDocument, listStockDocuments, listStockLevels } from './read.ts';
import {
  StockDocument,
  StockDocumentCreate,
  StockDocumentListQuery,
  StockDocumentPage,
  StockDocumentParams,
  StockLevelListQuery,
  StockLevelPage,
} from './schemas.ts';

const readers: Access = ['storekeeper', 'villageAdmin', 'clerk', 'supervisor', 'supervisionBoard', 'auditor'];
const deciders: Access = ['villageAdmin', 'supervisor'];

/** Goods that come in and go away by paper, and what lies on the shelves. */
export const stockRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock; mutate: Mutate }> = async (
  app,
  { database, clock, mutate },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-documents',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'stockDocumentList',
      tags: ['store'],
      summary: 'List stock documents',
      description: 'Returns stock receipts and write-offs, newest first.',
      params: VillageParams,
      querystring: StockDocumentListQuery,
      response: { 200: StockDocumentPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listStockDocuments(db, params.village, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stock-documents',
    config: { access: ['storekeeper'], idempotent: true, refusals: ['out-of-bounds'] },
    schema: {
      operationId: 'stockDocumentCreate',
      tags: ['store'],
      summary: 'Create a stock document',
      description: 'Creates a draft receipt or write-off. Stock does not change until a second person posts it.',
      params: VillageParams,
      body: StockDocumentCreate,
      response: { 201: StockDocument },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => draftStockDocument(tx, actor, request.params.village, request.body, clock.now()),
        {
          status: 201,
          location: made => `/v1/villages/${request.params.village}/stock-documents/${made.id}`,
        },
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-documents/:stockDocument',
    config: { access: readers },
    schema: {
      operationId: 'stockDocumentGet',
      tags: ['store'],
      summary: 'Retrieve a stock document',
      description: 'Returns the document with its lines, who drafted and decided it, and its transaction in the book.',
      params: StockDocumentParams,
      response: { 200: StockDocument },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getStockDocument(db, params.village, params.stockDocument)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stock-documents/:stockDocument/post',
    config: {
      access: deciders,
      idempotent: true,
      refusals: ['wrong-state', 'second-person-required', 'out-of-bounds', 'insufficient-stock'],
    },
    schema: {
      operationId: 'stockDocumentPost',
      tags: ['store'],
      summary: 'Post a stock document',
      description:
        'Moves the goods onto or off the shelf in one transaction. The caller must not have drafted the document.',
      params: StockDocumentParams,
      response: { 200: StockDocument },
    },
    handler: (request, reply) => {
      const { village, stockDocument } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => postStockDocument(tx, actor, { village, documentId: stockDocument }, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/stock-documents/:stockDocument/reject',
    config: { access: deciders, idempotent: true, refusals: ['wrong-state', 'second-person-required'] },
    schema: {
      operationId: 'stockDocumentReject',
      tags: ['store'],
      summary: 'Reject a stock document',
      description: 'The decision needs a reason and cannot be made by the drafter. The document’s content is kept.',
      params: StockDocumentParams,
      body: Rejection,
      response: { 200: StockDocument },
    },
    handler: (request, reply) => {
      const { village, stockDocument } = request.params;
      const key = { village, documentId: stockDocument };
      return mutate(
        request,
        reply,
        (tx, actor) => rejectStockDocument(tx, actor, key, request.body.note, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-levels',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'stockLevelList',
      tags: ['store'],
      summary: 'List stock levels',
      description: 'Returns a store’s available and reserved pieces, by SKU, as recorded in the book.',
      params: VillageParams,
      querystring: StockLevelListQuery,
      response: { 200: StockLevelPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listStockLevels(db, params.village, query)),
  });
};
