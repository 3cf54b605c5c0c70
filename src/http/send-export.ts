import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import type { Database, Db } from '../db/database.ts';
import type { Language } from './problems.ts';

/** An export may take this long; the server’s ten seconds are for answers that come whole. */
export const exportTimeoutMs = 15 * 60_000;

export interface Export {
  body: Readable;
  contentType: string;
  fileName: string;
  language: Language;
}

// biome-ignore lint/suspicious/noExplicitAny: Fastify's type parameters are the route's affair
type AnyReply = FastifyReply<any, any, any, any, any, any, any, any>;

/**
 * Sends what `open` reads, while it is read, on one unchanging picture of the village. What `open` throws comes before
 * the first byte and is answered as ever. Afterwards the answer can only break off: when the client goes away Fastify
 * destroys the stream, and that gives the connection to the database back.
 */
export async function sendExport<T>(
  reply: AnyReply,
  database: Database,
  village: string,
  open: (db: Db) => Promise<Export>,
): Promise<T> {
  let underWay = false;
  try {
    await database.inExport(village, async db => {
      const { body, contentType, fileName, language } = await open(db);
      reply
        .type(contentType)
        .header('content-disposition', `attachment; filename="${fileName}"`)
        .header('content-language', language)
        .header('vary', 'Accept-Language');
      underWay = true;
      reply.send(body);
      await finished(body, { writable: false });
    });
  } catch (error) {
    // Fastify has cut the answer short and logged why.
    if (!underWay) throw error;
  }
  return reply as unknown as T;
}
