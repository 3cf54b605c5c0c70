import { randomUUID } from 'node:crypto';
import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest, RawRequestDefaultExpression, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { type RefusalCode, refusals } from '../refusals.ts';

export const roles = [
  'platformAdmin',
  'supervisor',
  'villageAdmin',
  'clerk',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
  'kiosk',
  'household',
  'teamLeader',
  'merchant',
  'auditor',
] as const;

export type Role = (typeof roles)[number];

/**
 * Who may call an operation: everybody, whoever is signed in, or holders of one of these roles whose grant covers the
 * village in the path. `household` always means its own: the guard compares `{household}` in the path, the verb the rest.
 */
export type Access = 'public' | 'signedIn' | readonly Role[];

/** Whoever is calling, as the token says; every write reads sign-in and grants again. */
export interface Actor {
  kind: 'staff' | 'kiosk' | 'household';
  /** The user, the kiosk or the household: what the book keeps as its actor. */
  id: string;
  /** Whose idempotency keys these are: the user, or the device, so that a call outlives a household's session. */
  client: string;
  sessionId: string;
  /** Role and division-code prefix. */
  grants: readonly (readonly [Role, string])[];
  /** Set for kiosks and households at one. */
  kioskId: string | null;
  householdId: string | null;
  /** The store of the kiosk that a household stands at: there it redeems, and nowhere else. */
  storeId?: string;
  /** What a household has shown at the kiosk; null for everybody else. */
  level: 'card' | 'cardAndPin' | 'pin' | null;
  /** Of the key that a kiosk holds (RFC 7638): its token, and those of households at it, are worth nothing without. */
  thumbprint?: string;
  /** What a member of staff has to do first, and until then can do nothing else. */
  pendingAction?: PendingAction;
}

export type PendingAction = 'changePassword' | 'setUpSecondFactor';

/**
 * What calls are counted against. A caller who is signed in has `default` or `kiosk` for itself; the others are shared by
 * everybody behind an address, and each is apart, so that none uses up what another needs:
 * `public` what anybody may read, `signIn` passwords and new pairings, `token` exchanges of a refresh token or device
 * code, `probe` health checks, `other` tokens that do not verify, pages of the contract and paths that lead nowhere.
 */
export type Quota = 'default' | 'kiosk' | 'public' | 'signIn' | 'token' | 'probe' | 'other';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on public operations. */
    actor: Actor | null;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** Whether an Idempotency-Key is required; every POST says. */
    idempotent?: boolean;
    /** A change that a household may make with its card alone, without its PIN. */
    cardSuffices?: boolean;
    /** A public operation of devices, which prove their key with it. Others ask it of whoever is bound to a key. */
    proof?: boolean;
    /** Open to a device that is suspended or too old: what it has done before is taken down all the same. */
    whileSuspended?: boolean;
    /** Open to staff who still have to change a one-time password or to set up their second factor. */
    whilePending?: boolean;
    /**
     * What it answers has a version, which stands in `ETag`. A change of it names in `If-Match` the version that it changes.
     */
    versioned?: boolean;
    /** The quota that counts its calls, where the kind of caller does not say it. */
    quota?: Quota;
    /** Refusals of this operation's own, beside those that every operation of its kind has. */
    refusals?: readonly RefusalCode[];
  }
}

/** Requests and replies of every route: what their own schemas say of them does not matter here. */
// biome-ignore lint/suspicious/noExplicitAny: Fastify's eight type parameters are the route's affair
export type AnyRequest = FastifyRequest<any, any, any, any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyReply = FastifyReply<any, any, any, any, any, any, any, any>;

/** What a request is called in the log and in refusals: what its caller calls it, if that is plain; else an ID of ours. */
export function requestIdOf({ headers }: Pick<RawRequestDefaultExpression, 'headers'>): string {
  const asked = headers['x-request-id'];
  return typeof asked === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(asked) ? asked : randomUUID();
}

/** One line in the log for each request, without names, tokens or bodies. Its ID goes back to the caller, to ask about it. */
export const requestLine = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, actor } = request;
    const ms = Math.round(reply.elapsedTime);
    request.log.info({ method, route: routeOptions.url, status: reply.statusCode, ms, actor: actor?.id }, 'request');
  });
});

/** The caller of an operation that is not public. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === null) throw new Error('a public operation asked for its caller');
  return request.actor;
}

/** The kiosk that calls, or at which the calling household stands, and the one village it is bound to. */
export function deviceOf(request: FastifyRequest): { village: string; kioskId: string; thumbprint: string } {
  const { grants, kioskId, thumbprint } = actorOf(request);
  return { village: grants[0]![1], kioskId: kioskId!, thumbprint: thumbprint! };
}

/** True when the actor holds one of `wanted` over `village`; where there is none, over anything. */
export function holds(actor: Actor, village: string | undefined, wanted: readonly Role[]): boolean {
  return actor.grants.some(([role, prefix]) => wanted.includes(role) && (village?.startsWith(prefix) ?? true));
}

/**
 * Who sees names, phones and notes of a household whole: those who need them for the village's work, and the household
 * itself once it has proved itself by its PIN, for a card may have been found. Everybody else sees 张*三 and 138****1234
 * (`households/masking.ts`).
 */
export function seesWhole(actor: Actor, village: string, householdId: string): boolean {
  if (actor.kind === 'household') return actor.householdId === householdId && actor.level !== 'card';
  return holds(actor, village, ['villageAdmin', 'clerk']);
}

/**
 * Refuses to boot with a route that does not say who may call it, what it is called and what it answers. Registered
 * before every other plugin, so that none escapes.
 */
export const declaredRoutes = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', route => {
    // The contract's own pages are not part of the contract; nothing else may hide.
    if (route.schema?.hide === true && /^(\*|\/docs(\/.*)?|\/openapi\.json)$/.test(route.url)) return;
    const missing = undeclared(route);
    if (missing.length > 0) throw new Error(`${route.method} ${route.url} does not declare: ${missing.join(', ')}`);
  });
});

function undeclared(route: RouteOptions): string[] {
  const { schema, config } = route;
  const wanted: [string, boolean][] = [
    ['config.access', config?.access !== undefined],
    ['config.idempotent', route.method !== 'POST' || config?.idempotent !== undefined],
    ['schema.operationId', schema?.operationId !== undefined],
    ['schema.summary', schema?.summary !== undefined],
    ['schema.description', schema?.description !== undefined],
    ['exactly one of schema.tags', schema?.tags?.length === 1],
    ['schema.response', schema?.response !== undefined],
  ];
  return wanted.filter(([, there]) => !there).map(([name]) => name);
}

/** Whether an operation asks a household for its PIN: every one that changes something, but where it says otherwise. */
export function asksPin({ method, config }: { method: string | string[]; config?: RouteOptions['config'] }): boolean {
  const changes = config?.idempotent === true || ['PUT', 'PATCH', 'DELETE'].includes(String(method));
  return changes && config?.cardSuffices !== true;
}

const proofRefusals = ['device-proof-required', 'device-proof-expired'] as const;

/** Every code an operation may be refused with: its own, and those that its kind brings along. */
export function refusalsOf(route: RouteOptions): RefusalCode[] {
  const { config, schema, url } = route;
  const codes = new Set<RefusalCode>(['validation-failed', 'internal-error', 'unavailable', 'too-many-requests']);
  const add = (...more: RefusalCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (config?.access !== 'public') add('unauthenticated', 'token-expired', 'session-revoked');
  if (config?.access !== 'public' && config?.whilePending !== true) {
    add('password-change-required', 'second-factor-setup-required');
  }
  if (Array.isArray(config?.access)) add('forbidden');
  const callable = (role: Role) => config?.access === 'signedIn' || config?.access?.includes(role as never) === true;
  if (callable('household')) add('kiosk-session-ended');
  if (callable('household') && asksPin(route)) add('pin-required');
  if (callable('household') || callable('kiosk')) add('device-suspended', 'client-upgrade-required');
  if (callable('household') || callable('kiosk') || config?.proof === true) add(...proofRefusals);
  if (schema?.params) add('not-found');
  if (route.method !== 'GET') add('body-too-large', 'media-type-unsupported');
  if (schema?.body) add('request-timeout');
  if (config?.idempotent) add('idempotency-key-required', 'idempotency-in-progress', 'idempotency-key-reused');
  if (config?.versioned && route.method !== 'GET') add('version-required', 'version-stale');
  if (url.includes('?')) throw new Error(`query parameters belong in the schema: ${url}`);
  add(...(config?.refusals ?? []));
  return [...codes].sort((a, b) => refusals[a].status - refusals[b].status || a.localeCompare(b));
}
