import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** What a page of another origin may send beside what every page may. */
const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'DPoP',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Prefer',
  'Range',
  'traceparent',
  'X-Request-Id',
];

/** What it may read of an answer, beside the few that every page may. */
const exposedHeaders = [
  'Allow',
  'Content-Disposition',
  'Content-Range',
  'Date',
  'DPoP-Nonce',
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/**
 * Pages of these origins may call everything, and read the headers that the contract tells of. A browser asks before each
 * address it has not asked about, and remembers the answer for a day, if it lets itself be told: Firefox keeps to that,
 * Chromium asks again after two hours, Safari after ten minutes. No cookie is ever taken, so none is allowed.
 */
export const crossOrigin = fp(async (app: FastifyInstance, { origins }: { origins: string[] }) => {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: origins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders,
    exposedHeaders,
    maxAge: 86_400,
  });
  // Whoever names what else an answer depends on does not know of origins: a cache must not give one page's to another.
  app.addHook('onSend', async (_request, reply) => {
    const names = [reply.getHeader('vary') ?? []].flat().join(', ');
    if (!/\borigin\b/i.test(names)) reply.header('vary', names === '' ? 'Origin' : `${names}, Origin`);
  });
});
