import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TransactionParams } from '../book/shapes.ts';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Mutate } from '../http/idempotency.ts';
import { type Access, actorOf } from '../http/route.ts';
import { exportTimeoutMs } from '../http/send-export.ts';
import { VillageParams } from '../http/shapes.ts';
import { getBook } from '../ledger/read.ts';
import { growTree, makeCheckpoint } from './make-checkpoint.ts';
import { getConsistency, getInclusion } from './proofs.ts';
import { getLatest, listCheckpoints, verifierKeys, viewOf } from './read.ts';
import {
  Checkpoint,
  CheckpointListQuery,
  CheckpointPage,
  Consistency,
  ConsistencyQuery,
  KeysAnswer,
  NoteAnswer,
  ProofAnswer,
} from './schemas.ts';
import type { BookSigner } from './signer.ts';

const makers: Access = ['villageAdmin', 'supervisionBoard', 'auditor'];

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
  clock: Clock;
  mutate: Mutate;
  signer: BookSigner;
}> = async (app, { database, clock, mutate, signer }) => {
  app.route({
    method: 'POST',
    url: '/v1/villages/:village/book/checkpoints',
    config: { access: makers, idempotent: true, refusals: ['book-unsound'] },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'checkpointCreate',
      tags: ['audit'],
      summary: 'Sign the head of the book',
      description:
        'Made by itself every evening on which the book grew. A book that has not grown answers its latest checkpoint; one that does not begin as that says is not signed.',
      params: VillageParams,
      response: { 200: Checkpoint },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      await growTree(database, village);
      return mutate(request, reply, async tx => viewOf(await makeCheckpoint(tx, signer, village, clock.now())), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book/checkpoints',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'checkpointList',
      tags: ['audit'],
      summary: 'List checkpoints',
      description: 'The newest first.',
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
      summary: 'The latest checkpoint',
      description: 'Keep it: with it, any later change of what it covers can be told.',
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
      summary: 'That a checkpoint continues an earlier one',
      description: 'The consistency proof of RFC 6962 between the sizes of two checkpoints.',
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
      summary: 'That a transaction is in the book',
      description:
        'The inclusion proof of RFC 6962 under the latest checkpoint, to be judged offline. A household has those of transactions that touched its own accounts.',
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
      summary: 'The latest checkpoint, for anybody',
      description: 'Whoever keeps copies watches over the book without reading it.',
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
      summary: 'The keys that sign the book’s checkpoints',
      description: 'In the form that tools for signed notes read. Compare them with a copy had from elsewhere.',
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
