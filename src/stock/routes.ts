import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, dayOf } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { Rejection } from '../store/shapes.ts';
import { stockDocumentSubject, updateStockDocument } from './corrections.ts';
import { draftStockDocument, postStockDocument, rejectStockDocument } from './documents.ts';
import { getStockDocument, listStockDocuments, listStockLevels } from './read.ts';
import { listStockExpiries } from './read-expiries.ts';
import {
  StockDocument,
  StockDocumentCreate,
  StockDocumentListQuery,
  StockDocumentPage,
  StockDocumentParams,
  StockDocumentUpdate,
  StockExpiryListQuery,
  StockExpiryPage,
  StockLevelListQuery,
  StockLevelPage,
} from './schemas.ts';

const readers: Access = ['storekeeper', 'villageAdmin', 'clerk', 'supervisor', 'supervisionBoard', 'auditor'];
const deciders: Access = ['villageAdmin', 'supervisor'];

/** Goods that come in and go away by paper, and what lies on the shelves. */
export const stockRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-documents',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'stockDocumentList',
      tags: ['store'],
      summary: 'List stock documents',
      description: 'Returns stock documents of all types, newest first.',
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
    config: {
      access: ['storekeeper'],
      idempotent: true,
      refusals: ['out-of-bounds', 'already-exists', 'photo-reused'],
    },
    schema: {
      operationId: 'stockDocumentCreate',
      tags: ['store'],
      summary: 'Create a stock document',
      description:
        'Creates a draft of goods that come in, go elsewhere or are written off; `type` says which fields it has. Stock does not change until a second person posts it. A supplier’s invoice is accepted once.',
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
    config: { access: readers, versioned: true },
    schema: {
      operationId: 'stockDocumentGet',
      tags: ['store'],
      summary: 'Retrieve a stock document',
      description: 'Returns the document with its lines, who drafted and decided it, and its transaction in the book.',
      params: StockDocumentParams,
      response: { 200: StockDocument },
    },
    handler: ({ params: { village, stockDocument } }, reply) =>
      database.inSnapshot(village, async db => {
        const found = await getStockDocument(db, village, stockDocument);
        reply.header('etag', await etagOf(db, stockDocumentSubject({ village, documentId: stockDocument })));
        return found;
      }),
  });

  app.route({
    method: 'PATCH',
    url: '/v1/villages/:village/stock-documents/:stockDocument',
    config: {
      access: ['storekeeper', 'villageAdmin'],
      versioned: true,
      refusals: ['wrong-state', 'second-person-required'],
    },
    schema: {
      operationId: 'stockDocumentUpdate',
      tags: ['store'],
      summary: 'Correct a stock document',
      description:
        'Corrects where the goods come from, or why they are written off (merge patch, RFC 7396); after the document was posted, by somebody else than its drafter. What changed, who changed it and when is kept, see `correctionList`. Goods and quantities are not corrected: another document puts right what was posted.',
      params: StockDocumentParams,
      body: StockDocumentUpdate,
      response: { 200: StockDocument },
    },
    handler: (request, reply) => {
      const { village, stockDocument: documentId } = request.params;
      const key = { village, documentId };
      const asked = { patch: request.body, ifMatch: request.headers['if-match'] };
      return write(request, async (tx, actor) => {
        const corrected = await updateStockDocument(tx, actor, key, asked, clock.now());
        reply.header('etag', await etagOf(tx, stockDocumentSubject(key)));
        return corrected;
      });
    },
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
        'Moves the goods onto, off or between shelves in one transaction. The caller must not have drafted the document, nor counted the goods if it is about the difference of a count.',
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

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/stock-expiries',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'stockExpiryList',
      tags: ['store'],
      summary: 'List goods that expire',
      description:
        'Returns pieces left at a store that have expired or expire soon, soonest first. It is assumed that what came first went first: the pieces left are those of the latest stock documents that brought such goods to the store, and expire on the day on the document.',
      params: VillageParams,
      querystring: StockExpiryListQuery,
      response: { 200: StockExpiryPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listStockExpiries(db, params.village, query, dayOf(clock.now()))),
  });
};
