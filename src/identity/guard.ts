import { and, eq, gt, isNull, or, sql } from 'drizzle-orm';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Clock, iso } from '../calendar.ts';
import { type Database, type Db, rowsOf, type Tx } from '../db/database.ts';
import { type Access, type Actor, actorOf, holds, type Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { endOf, getLiveSession, type SessionEnd } from './sessions.ts';
import { grant, session, user } from './tables.ts';
import type { Tokens } from './tokens.ts';

/** Refuses a kiosk that may not be used. Kiosks stand above identity, so what they say comes in as a function. */
type RecogniseDevice = (
  tx: Tx,
  device: { village: string; kioskId: string; itself: boolean },
  now: Temporal.Instant,
) => Promise<void>;

/**
 * Judges every request before it is looked at: no or bad token 401, a village out of scope 404, a role without the
 * action 403. The path names the village and the grant decides; no right comes from a header or a body.
 */
export const guard = fp(
  async (
    app: FastifyInstance,
    deps: {
      database: Database;
      clock: Clock;
      tokens: Tokens;
      villageExists: (village: string) => Promise<boolean>;
      recogniseDevice: RecogniseDevice;
    },
  ) => {
    app.decorateRequest('actor', null);
    app.addHook('onRequest', async request => {
      const { access } = request.routeOptions.config;
      if (request.is404 || access === undefined || access === 'public') return;
      const actor = deps.tokens.verify(bearerOf(request));
      if (actor.kind !== 'staff') await admitFromDevice(deps, actor);
      request.actor = actor;
      await judge(actor, request, access, deps.villageExists);
    });
  },
);

function bearerOf(request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0 || token.length > 4096) {
    throw new Refusal('unauthenticated');
  }
  return token;
}

async function judge(
  actor: Actor,
  request: FastifyRequest,
  access: Exclude<Access, 'public'>,
  villageExists: (village: string) => Promise<boolean>,
): Promise<void> {
  const { village, household } = request.params as { village?: string; household?: string };
  if (village !== undefined) {
    if (!/^[0-9]{12}$/.test(village)) throw new Refusal('not-found');
    if (!actor.grants.some(([, prefix]) => village.startsWith(prefix))) throw new Refusal('not-found');
    if (!(await villageExists(village))) throw new Refusal('not-found');
  }
  if (access !== 'signedIn' && !mayCall(actor, village, access)) {
    throw new Refusal('forbidden', { requiredRoles: access });
  }
  // A household is told of another one's page what it would be told of none.
  if (household !== undefined && actor.kind === 'household' && household !== actor.householdId) {
    throw new Refusal('not-found');
  }
}

function mayCall(actor: Actor, village: string | undefined, access: readonly Role[]): boolean {
  return village === undefined ? actor.grants.some(([role]) => access.includes(role)) : holds(actor, village, access);
}

/**
 * Every request of a kiosk or of a household at one looks at its sign-in and at the device: a stolen tablet stops at
 * once. A household's sign-in lives for a minute at a time, and each request keeps it alive.
 */
async function admitFromDevice(
  deps: { database: Database; clock: Clock; recogniseDevice: RecogniseDevice },
  actor: Actor,
): Promise<void> {
  const now = deps.clock.now();
  const device = deviceOf(actor);
  await deps.database.inTransaction(device.village, async tx => {
    await getLiveSession(tx, actor.sessionId, now);
    await deps.recogniseDevice(tx, device, now);
    if (actor.kind !== 'household') return;
    await tx
      .update(session)
      .set({ usedAt: iso(now) })
      .where(eq(session.id, actor.sessionId));
  });
}

function deviceOf(actor: Actor): { village: string; kioskId: string; itself: boolean } {
  const village = actor.grants[0]?.[1];
  if (actor.kioskId === null || village === undefined) throw new Refusal('unauthenticated');
  return { village, kioskId: actor.kioskId, itself: actor.kind === 'kiosk' };
}

/**
 * Reads sign-in and grants, or the device, again in the database transaction of a write: a dismissed clerk can change
 * nothing from that moment on. Answers the caller with the grants that hold now.
 * @throws Refusal `session-revoked` | `kiosk-session-ended` | `forbidden` | `device-suspended`
 */
export function standing(deps: {
  clock: Clock;
  recogniseDevice: RecogniseDevice;
}): (tx: Tx, request: FastifyRequest) => Promise<Actor> {
  const { clock, recogniseDevice } = deps;
  return async (tx, request) => {
    const actor = actorOf(request);
    await getLiveSession(tx, actor.sessionId, clock.now());
    if (actor.kind !== 'staff') {
      await recogniseDevice(tx, deviceOf(actor), clock.now());
      return actor;
    }
    return withGrants(request, await grantsOf(tx, actor.id, clock.now()));
  };
}

/** The same for the calls of many, staff all of them, with one question; a refusal is an answer here. */
export function standingOfAll({
  clock,
}: {
  clock: Clock;
}): (tx: Tx, requests: FastifyRequest[]) => Promise<(Actor | Refusal)[]> {
  return async (tx, requests) => {
    const now = clock.now();
    const actors = requests.map(actorOf);
    const ids = (pick: (actor: Actor) => string) => sql.param([...new Set(actors.map(pick))]);
    const [row] = await rowsOf<{ sessions: ({ id: string } & SessionEnd)[]; grants: [string, Role, string][] }>(
      tx,
      sql`
      select (select coalesce(json_agg(json_build_object(
                       'id', id, 'kind', kind, 'usedAt', used_at, 'idleSeconds', idle_seconds, 'expiresAt', expires_at,
                       'endedAt', ended_at, 'endedReason', ended_reason)), '[]')
                from identity.session
               where id = any(${ids(actor => actor.sessionId)}::uuid[])) as sessions,
             (select coalesce(json_agg(json_build_array(g.user_id, g.role, g.prefix) order by g.role, g.prefix), '[]')
                from identity."grant" g
                join identity."user" u on u.id = g.user_id
               where g.user_id = any(${ids(actor => actor.id)}::uuid[]) and u.state = 'active' and g.ended_at is null
                 and (g.until is null or g.until > ${iso(now)})) as grants`,
    );
    const ends = new Map(row!.sessions.map(session => [session.id, endOf(session, now)]));
    const grants = Map.groupBy(row!.grants, ([userId]) => userId);
    return requests.map((request, index) => {
      const { id, sessionId } = actors[index]!;
      const end = ends.has(sessionId) ? ends.get(sessionId) : new Refusal('unauthenticated');
      if (end !== undefined) return end;
      try {
        return withGrants(
          request,
          (grants.get(id) ?? []).map(([, role, prefix]) => [role, prefix]),
        );
      } catch (error) {
        if (error instanceof Refusal) return error;
        throw error;
      }
    });
  };
}

/** The caller with the grants that hold now. @throws Refusal `session-revoked` | `forbidden` */
function withGrants(request: FastifyRequest, grants: [Role, string][]): Actor {
  if (grants.length === 0) throw new Refusal('session-revoked', { reason: 'grantEnded' });
  const { access } = request.routeOptions.config;
  const { village } = request.params as { village?: string };
  const actor = { ...actorOf(request), grants };
  if (Array.isArray(access) && !mayCall(actor, village, access)) {
    throw new Refusal('forbidden', { requiredRoles: access });
  }
  return actor;
}

/** Role and prefix of every grant that holds now; none for a disabled user. */
export async function grantsOf(db: Db, userId: string, now: Temporal.Instant): Promise<[Role, string][]> {
  const rows = await db
    .select({ role: grant.role, prefix: grant.prefix })
    .from(grant)
    .innerJoin(user, eq(user.id, grant.userId))
    .where(
      and(
        eq(grant.userId, userId),
        eq(user.state, 'active'),
        isNull(grant.endedAt),
        or(isNull(grant.until), gt(grant.until, iso(now))),
      ),
    )
    .orderBy(grant.role, grant.prefix);
  return rows.map(({ role, prefix }) => [role, prefix]);
}
