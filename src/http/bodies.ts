import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../refusals.ts';
import { addressOf } from './limits.ts';

const kib = 1024;
const mib = 1024 * kib;

/** Bytes of bodies that are held at once: by one user or device, by one address that is not signed in, and by all. */
const budget = { caller: 24 * mib, address: 1 * mib, process: 128 * mib };

/** Bodies of up to this size never wait for those of others: large ones must not stop a sign-in. */
const smallBytes = 64 * kib;

/** Slower than this no upload is waited for: 512 kbit/s, beside the time that every body has. */
const bytesPerSecond = 64 * kib;

/** How large a body may be that its route says nothing about. */
function limitOf({ config, schema }: RouteOptions): number {
  if (schema?.body === undefined) return 1 * kib;
  const { access } = config ?? {};
  if (access === 'public') return 16 * kib;
  if (access === 'signedIn' || access?.includes('household') || access?.includes('kiosk')) return 64 * kib;
  return 1 * mib;
}

/**
 * Bodies: how large, how long they may take, and how much of them the process holds at once. A body counts with what it
 * announces, or with its route's limit if it announces nothing, from its beginning until its request is answered: what is
 * begun and not finished is held, too. `baseMs` is the time that every body has.
 */
export const bodies = fp(async (app: FastifyInstance, { baseMs }: { baseMs: number }) => {
  app.addHook('onRoute', route => {
    route.bodyLimit ??= limitOf(route);
  });

  const held = new Map<string, number>();
  let heldByAll = 0;
  const open = new WeakMap<FastifyRequest, { caller: string; bytes: number; timer: NodeJS.Timeout }>();

  app.addHook('preParsing', async (request, reply) => {
    const bytes = bytesOf(request);
    if (bytes === 0) return;
    const { actor } = request;
    const caller = actor?.client ?? addressOf(request);
    const heldByCaller = held.get(caller) ?? 0;
    if (heldByCaller + bytes > (actor === null ? budget.address : budget.caller))
      throw new Refusal('too-many-requests', { retryAfterSeconds: 5, policy: 'bodies' });
    if (bytes > smallBytes && heldByAll + bytes > budget.process)
      throw new Refusal('unavailable', { retryAfterSeconds: 5 });
    held.set(caller, heldByCaller + bytes);
    heldByAll += bytes;
    const timer = setTimeout(
      () => {
        if (request.raw.readableEnded) return;
        // What is still to come would be read to its end otherwise.
        reply.header('connection', 'close');
        // To whoever reads the body this is its end; to destroy it would take the line away before the answer.
        request.raw.emit('error', new Refusal('request-timeout'));
      },
      baseMs + (bytes / bytesPerSecond) * 1000,
    );
    open.set(request, { caller, bytes, timer });
  });

  // Not when the line is closed: whoever hangs up does not take back what its request still holds.
  app.addHook('onSend', async request => {
    const body = open.get(request);
    if (body === undefined) return;
    open.delete(request);
    clearTimeout(body.timer);
    heldByAll -= body.bytes;
    const left = held.get(body.caller)! - body.bytes;
    if (left === 0) held.delete(body.caller);
    else held.set(body.caller, left);
  });
});

/** What a request's body will take, 0 if it has none or one that is refused before it is read. */
function bytesOf({ headers, routeOptions }: FastifyRequest): number {
  const limit = routeOptions.bodyLimit!;
  if (headers['transfer-encoding'] !== undefined) return limit;
  const bytes = Number(headers['content-length'] ?? 0);
  return bytes <= limit ? bytes : 0;
}

/** Longest that any request may take to arrive, in milliseconds: the largest body's time, for headers and sockets. */
export function requestTimeoutOf(baseMs: number, bodyMaxBytes: number): number {
  return baseMs + Math.ceil((bodyMaxBytes / bytesPerSecond) * 1000);
}
