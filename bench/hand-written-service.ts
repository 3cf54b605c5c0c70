/**
 * What a user would put before the hand-written transactions: a route for each, its body validated by a schema; before
 * the one that keeps all promises, a signed token. Run by the bench.
 */
import { createHash } from 'node:crypto';
import jwt from '@fastify/jwt';
import Fastify from 'fastify';
import pg from 'pg';
import { creditByHand } from './hand-written.ts';
import { creditWholeByHand } from './hand-written-whole.ts';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const app = Fastify();
await app.register(jwt, { secret: process.env.TOKEN_SECRET!, verify: { cache: true } });

app.get('/ready', async () => 'ready');

app.post<{ Body: { issuer: number; household: number; points: number } }>(
  '/credits',
  {
    schema: {
      body: {
        type: 'object',
        required: ['issuer', 'household', 'points'],
        additionalProperties: false,
        properties: {
          issuer: { type: 'integer', minimum: 1 },
          household: { type: 'integer', minimum: 1 },
          points: { type: 'integer', minimum: 1, maximum: 1000 },
        },
      },
      response: { 201: { type: 'object', properties: { status: { type: 'string' } } } },
    },
  },
  async ({ body }, reply) => {
    const client = await pool.connect();
    try {
      await creditByHand(client, body.issuer, body.household, body.points);
    } finally {
      client.release();
    }
    return reply.code(201).send({ status: 'credited' });
  },
);

app.post<{ Params: { village: number }; Body: { household: number; quantity: number } }>(
  '/villages/:village/credits',
  {
    onRequest: request => request.jwtVerify(),
    schema: {
      params: { type: 'object', properties: { village: { type: 'integer', minimum: 1 } } },
      headers: {
        type: 'object',
        required: ['idempotency-key'],
        properties: { 'idempotency-key': { type: 'string', minLength: 1, maxLength: 255 } },
      },
      body: {
        type: 'object',
        required: ['household', 'quantity'],
        additionalProperties: false,
        properties: {
          household: { type: 'integer', minimum: 1 },
          quantity: { type: 'integer', minimum: 1, maximum: 1000 },
        },
      },
    },
  },
  async ({ params, body, headers, user }, reply) => {
    const client = await pool.connect();
    try {
      const first = await creditWholeByHand(client, {
        session: (user as { sid: string }).sid,
        key: headers['idempotency-key'] as string,
        fingerprint: createHash('sha256').update(JSON.stringify({ params, body })).digest('hex'),
        village: params.village,
        ...body,
      });
      return reply.code(201).type('application/json').send(first);
    } finally {
      client.release();
    }
  },
);

process.on('SIGTERM', () => process.exit(0));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
