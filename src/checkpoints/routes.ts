import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TransactionParams } from '../book/shapes.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { getBook } from '../ledger/read.ts';
import { getConsistency, getInclusion } from './proofs.ts';
import { getLatest, listCheckpoints, verifierKeys } from './read.ts';
import {
  CheckpointListQuery,
  CheckpointPage,
  Consistency,
  ConsistencyQuery,
  KeysAnswer,
  NoteAnswer,
  ProofAnswer,
} from './schemas.ts';
import type { BookSigner } from './signer.ts';

/** Hashes and signatures name nobody: whoever has to do with the village may have them. */
const readers: Access = [
  'platformAdmin',
  'supervisor',
  'villageAdmin',
  'clerk',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
  'kiosk',
  'household',
  'auditor',
];

const plain = 'text/plain; charset=utf-8';

/** Signed heads of the book, and the proofs that they make possible. */
export const proofRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  signer: BookSigner;
}> = async (app, { database, signer }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book/checkpoints',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'checkpointList',
      tags: ['audit'],
      summary: 'List checkpoints',
      description: 'Returns checkpoints, newest first.',
      params: VillageParams,
      querystring: CheckpointListQuery,
      response: { 200: CheckpointPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listCheckpoints(db, params.village, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book/checkpoint',
    config: { access: readers },
    schema: {
      operationId: 'checkpointGet',
      tags: ['audit'],
      summary: 'Retrieve the latest checkpoint',
      description: 'Keep a copy: it lets you detect any later change to the transactions it covers.',
      params: VillageParams,
      response: { 200: NoteAnswer },
    },
    handler: async ({ params }, reply) => {
      const { note } = await database.inSnapshot(params.village, db => getLatest(db, params.village));
      return reply.type(plain).send(note);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book/consistency',
    config: { access: readers, refusals: ['out-of-bounds', 'book-unsound'] },
    schema: {
      operationId: 'consistencyGet',
      tags: ['audit'],
      summary: 'Prove that a checkpoint continues an earlier one',
      description: 'Returns the RFC 6962 consistency proof between the sizes of two checkpoints.',
      params: VillageParams,
      querystring: ConsistencyQuery,
      response: { 200: Consistency },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => getConsistency(db, params.village, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/transactions/:transaction/proof',
    config: { access: readers, refusals: ['proof-not-ready', 'book-unsound'] },
    schema: {
      operationId: 'transactionProofGet',
      tags: ['audit'],
      summary: 'Prove that a transaction is in the book',
      description:
        'Returns the RFC 6962 inclusion proof against the latest checkpoint, which can be verified offline. A household can prove transactions that touched its own accounts.',
      params: TransactionParams,
      response: { 200: ProofAnswer },
    },
    handler: async (request, reply) => {
      const { village, transaction } = request.params;
      const proof = await database.inSnapshot(village, db => getInclusion(db, actorOf(request), village, transaction));
      return reply.type(plain).send(proof);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/book/checkpoint',
    config: { access: 'public' },
    schema: {
      operationId: 'publicCheckpointGet',
      tags: ['audit'],
      summary: 'Retrieve the latest checkpoint without signing in',
      description: 'Anyone who keeps copies can detect changes to the book without being able to read it.',
      params: VillageParams,
      response: { 200: NoteAnswer },
    },
    handler: async ({ params }, reply) => {
      const { note } = await database.inSnapshot(params.village, db => getLatest(db, params.village));
      return reply.type(plain).send(note);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/book/keys',
    config: { access: 'public' },
    schema: {
      operationId: 'publicBookKeyList',
      tags: ['audit'],
      summary: 'Retrieve the keys that sign the book’s checkpoints',
      description:
        'Returns the keys in the format that signed-note tools read. Compare them with a copy obtained through another channel.',
      params: VillageParams,
      response: { 200: KeysAnswer },
    },
    handler: async ({ params }, reply) => {
      const keys = await database.inSnapshot(params.village, async db => {
        await getBook(db, params.village);
        return verifierKeys(db, signer, params.village);
      });
      return reply.type(plain).send(`${keys.join('\n')}\n`);
    },
  });
};
