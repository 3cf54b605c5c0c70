import { createHash } from 'node:crypto';
import type { AnyReply, AnyRequest } from './route.ts';

/**
 * Sends what may be kept and asked for again: with an ETag over its bytes, and without them (304) to whoever has them
 * already. To the type system a handler answers `T`; what it hands to Fastify is the reply that was sent.
 */
export function sendFresh<T extends object>(request: AnyRequest, reply: AnyReply, answer: T): T {
  const body = String(reply.code(200).serialize(answer));
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  reply.header('etag', etag).header('cache-control', 'no-cache');
  const has = (request.headers['if-none-match'] ?? '').split(',').map((tag: string) => tag.trim().replace(/^W\//, ''));
  if (has.includes(etag) || has.includes('*')) return reply.code(304).send() as never;
  return reply.type('application/json; charset=utf-8').send(Buffer.from(body)) as never;
}
