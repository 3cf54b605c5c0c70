/** What a user would put before the hand-written transaction: one route, its body judged by a schema. Run by the bench. */
import Fastify from 'fastify';
import pg from 'pg';
import { creditByHand } from './hand-written.ts';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const app = Fastify();

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

process.on('SIGTERM', () => process.exit(0));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
