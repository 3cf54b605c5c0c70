import { constants } from 'node:zlib';
import compress from '@fastify/compress';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** What signs somebody in. An answer that has it beside words of others is not compressed: its length would tell of both. */
const credentials = new Set(['accessToken', 'refreshToken', 'deviceCode', 'secret', 'recoveryCodes']);

/**
 * Compresses answers from 1 kB up, exports while they are read. Not those that come in parts (206), are compressed
 * already or hold credentials. Brotli keeps 256 kB in view in place of
 * its usual 4 MB: what exports take at once is bounded. An ETag stands for what was compressed, in whichever way.
 * Registered before the routes.
 */
export const compression = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', route => {
    if (holdsCredentials(route.schema?.response)) route.compress = false;
  });
  await app.register(compress, {
    // A compressed body may be far larger than its limit says; none is taken.
    globalDecompression: false,
    threshold: 1024,
    encodings: ['br', 'gzip'],
    customTypes: /^text\/(?!event-stream)|[/+]json(;|$)/,
    brotliOptions: {
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
    },
  });
});

/** Whether a field of the schema, however deep, is a credential. */
export function holdsCredentials(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { properties } = schema as { properties?: object };
  if (Object.keys(properties ?? {}).some(name => credentials.has(name))) return true;
  return Object.values(schema).some(holdsCredentials);
}
