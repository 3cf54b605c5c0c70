import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../refusals.ts';
import type { Quota } from './route.ts';

/** Requests a minute, per user or household session, per kiosk, and per address of callers who are not signed in. */
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
      keyGenerator: request => request.actor?.sessionId ?? addressOf(request),
    });
  const checks = new Map(Object.entries(maxima).map(([name, max]) => [name, checkOf(max)]));

  app.addHook('onRequest', async (request, reply) => {
    const policy = quotaOf(request);
    const state = await checks.get(policy)!(request);
    if (state.isAllowed) return;
    reply.header('ratelimit-policy', `"${policy}";q=${state.max};w=60`);
    reply.header('ratelimit', `"${policy}";r=${state.remaining};t=${state.ttlInSeconds}`);
    if (state.isExceeded) throw new Refusal('too-many-requests', { retryAfterSeconds: state.ttlInSeconds, policy });
  });
});

function quotaOf({ actor, is404, routeOptions }: FastifyRequest): Quota {
  if (is404) return 'other';
  const { access, quota } = routeOptions.config;
  if (quota !== undefined) return quota;
  if (actor !== null) return actor.kind === 'kiosk' ? 'kiosk' : 'default';
  // The route, not the address as it was written: %76 is a v too.
  return access === 'public' && routeOptions.url?.startsWith('/v1/') ? 'public' : 'other';
}
