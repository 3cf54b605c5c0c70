import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../refusals.ts';
import { refusalOfPath } from './problems.ts';
import type { Quota } from './route.ts';

/** Requests a minute, per user, per kiosk, per households at a kiosk, and per address of callers who are not signed in. */
export interface Quotas {
  default: number;
  kiosk: number;
  public: number;
}

/** The quotas in their usual proportion: 600 a minute for a person, 300 for a kiosk, 60 for an address. */
export function quotasOf(requestsPerMinute: number): Quotas {
  return {
    default: requestsPerMinute,
    kiosk: Math.ceil(requestsPerMinute / 2),
    public: Math.ceil(requestsPerMinute / 10),
  };
}

/** An address gets room for everybody behind it: a village may share one. */
const addressFactor = 10;

/**
 * Where a request comes from, as limits count it, at most 64 characters: an IPv4 address, or the first 64 bits of an IPv6
 * address, since whoever has one has all that begin so. Some proxies write the client's port behind its address.
 */
export function addressOf(request: FastifyRequest): string {
  const ip = request.ip.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[([^\]]*)\](:\d+)?$/, '$1');
  return normalizeIP(ip).slice(0, 64);
}

/**
 * Counts every request once, by the caller if its token was verified, else by its address. In this process; what
 * protects a secret is counted in the database. Answers say what is left, in the structured form of
 * draft-ietf-httpapi-ratelimit-headers; the plug-in's own headers follow an older draft. Registered when it is known who
 * is calling, and before anything is looked up for them.
 */
export const limits = fp(async (app: FastifyInstance, { quotas }: { quotas: Quotas }) => {
  const maxima: Record<Quota, number> = {
    default: quotas.default,
    kiosk: quotas.kiosk,
    public: quotas.public,
    signIn: quotas.public,
    token: quotas.default,
    probe: quotas.default * addressFactor,
    other: quotas.default * addressFactor,
  };
  await app.register(rateLimit, { global: false });
  const checkOf = (max: number) =>
    app.createRateLimit({
      max,
      timeWindow: 60_000,
      // Those who stand at a kiosk one after the other share a quota: it would have a new one with each session.
      keyGenerator: request => request.actor?.kioskId ?? request.actor?.sessionId ?? addressOf(request),
    });
  const checks = new Map(Object.entries(maxima).map(([name, max]) => [name, checkOf(max)]));

  app.addHook('onRequest', async (request, reply) => {
    const { actor, is404, routeOptions } = request;
    const { access, quota } = routeOptions.config;
    // The route, not the address as it was written: %76 is a v too.
    const unnamed = access === 'public' && routeOptions.url?.startsWith('/v1/') ? 'public' : 'other';
    const named = actor?.kind === 'kiosk' ? 'kiosk' : 'default';
    const policy = is404 ? 'other' : (quota ?? (actor === null ? unnamed : named));
    const state = await checks.get(policy)!(request);
    if (state.isAllowed) return;
    reply.header('ratelimit-policy', `"${policy}";q=${state.max};w=60`);
    reply.header('ratelimit', `"${policy}";r=${state.remaining};t=${state.ttlInSeconds}`);
    if (state.isExceeded) throw new Refusal('too-many-requests', { retryAfterSeconds: state.ttlInSeconds, policy });
  });
});

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
    // Where nothing takes a body, none is read.
    if (request.is404) throw refusalOfPath(app, request);
    const { headers } = request;
    const limit = request.routeOptions.bodyLimit!;
    const bytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : limit;
    // One that announces too much is refused before it is read.
    if (bytes === 0 || bytes > limit) return;
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

/** Longest that any request may take to arrive, in milliseconds: the largest body's time, for headers and sockets. */
export function requestTimeoutOf(baseMs: number, bodyMaxBytes: number): number {
  return baseMs + Math.ceil((bodyMaxBytes / bytesPerSecond) * 1000);
}

/** A client waits for 15 seconds, and is told before. Reading the body does not count: a line in the hills is slow. */
const handlerMs = 10_000;

/**
 * Answers 503 when a handler takes too long; what it does goes on, so its outcome is unknown. Fastify's `handlerTimeout` does
 * that only where there is no body: it takes the end of the body for the end of the request, and stops its clock. A route
 * that sets its own means both.
 */
export const timeLimit = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', route => {
    if (route.schema?.body === undefined) route.handlerTimeout ??= handlerMs;
  });
  // What the guard took, before the body was read.
  const spent = new WeakMap<FastifyRequest, number>();
  app.addHook('preParsing', async (request, reply) => {
    spent.set(request, reply.elapsedTime);
  });
  app.addHook('preValidation', (request, reply, done) => {
    const limit = request.routeOptions.handlerTimeout || handlerMs;
    const timer = setTimeout(
      () => {
        if (!reply.sent) reply.send(new Refusal('unavailable', { retryAfterSeconds: 2 }));
      },
      Math.max(limit - spent.get(request)!, 0),
    );
    // An export's is a quarter of an hour, for which no process that has nothing else to do stays.
    timer.unref();
    reply.raw.once('close', () => clearTimeout(timer));
    done();
  });
});
