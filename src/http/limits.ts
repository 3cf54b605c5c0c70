import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../refusals.ts';

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
 * Counts every request of an address, before its token is looked at: forged tokens are refused by the hundred thousand
 * otherwise. Registered before the guard.
 */
export const addressLimit = fp(async (app: FastifyInstance, { quotas }: { quotas: Quotas }) => {
  const max = quotas.default * addressFactor;
  await app.register(rateLimit, { global: false });
  const check = app.createRateLimit({ max, timeWindow: 60_000, keyGenerator: request => `address:${request.ip}` });
  app.addHook('onRequest', async request => {
    const state = await check(request);
    if (!state.isAllowed && state.isExceeded) {
      throw new Refusal('too-many-requests', { retryAfterSeconds: state.ttlInSeconds, policy: 'address' });
    }
  });
});

/**
 * Counts requests in this process; what protects a secret is counted in the database. Answers say what is left, in the
 * structured form of draft-ietf-httpapi-ratelimit-headers; the plug-in's own headers follow an older draft.
 */
export const limits = fp(async (app: FastifyInstance, { quotas }: { quotas: Quotas }) => {
  const checks = Object.fromEntries(
    Object.entries(quotas).map(([name, max]) => [
      name,
      app.createRateLimit({
        max,
        timeWindow: 60_000,
        keyGenerator: request => `${name}:${request.actor?.sessionId ?? request.ip}`,
      }),
    ]),
  );

  // After the guard, which knows who is calling.
  app.addHook('onRequest', async (request, reply) => {
    // The route, not the address as it was written: %76 is a v too.
    if (!request.routeOptions.url?.startsWith('/v1/')) return;
    const kind = request.actor === null ? 'public' : request.actor.kind === 'kiosk' ? 'kiosk' : 'default';
    const policy = request.routeOptions.config.quota ?? kind;
    const state = await checks[policy]!(request);
    if (state.isAllowed) return;
    reply.header('ratelimit-policy', `"${policy}";q=${state.max};w=60`);
    reply.header('ratelimit', `"${policy}";r=${state.remaining};t=${state.ttlInSeconds}`);
    if (state.isExceeded) throw new Refusal('too-many-requests', { retryAfterSeconds: state.ttlInSeconds, policy });
  });
});
