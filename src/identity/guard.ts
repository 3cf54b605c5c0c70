import { eq, sql } from 'drizzle-orm';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Clock, iso } from '../calendar.ts';
import { type Database, type Db, rowsOf, type Tx } from '../db/database.ts';
import { type Actor, type AnyRequest, actorOf, asksPin, holds, type PendingAction, type Role } from '../http/route.ts';
import type { Reauthorise } from '../posting/keys.ts';
import { Refusal, type RefusalCode, refusalIn } from '../refusals.ts';
import { type Proof, type Proofs, spendProof } from './proofs.ts';
import { endOf, getLiveSession, type SessionEnd } from './sessions.ts';
import { session } from './tables.ts';
import type { Tokens } from './tokens.ts';

/** Refuses a kiosk that may not be used. Kiosks stand above identity, so what they say comes in as a function. */
type RecogniseDevice = (tx: Tx, device: Device, now: Temporal.Instant) => Promise<void>;

interface Device {
  village: string;
  kioskId: string;
  /** Of the key that the caller’s token is bound to. */
  thumbprint: string;
  /** Whether the device calls, or a household at it. */
  itself: boolean;
  /** Whether the operation is open to a suspended device, too. */
  whileSuspended: boolean;
}

/**
 * Reads who is calling, so that calls are counted by it: whoever brings a verified token is not stopped by what others
 * do behind the same address. Refuses nothing itself; that is for the guard, after the count.
 */
export const identification = fp(async (app: FastifyInstance, { tokens }: { tokens: Tokens }) => {
  app.decorateRequest('actor', null);
  app.addHook('onRequest', async request => {
    const { access } = request.routeOptions.config;
    if (request.is404 || access === undefined || access === 'public') return;
    try {
      request.actor = tokens.verify(tokenOf(request).token);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  });
});

/**
 * Authorises every request before it is looked at: no or bad token 401, a village out of scope 404, a role without the
 * action 403. The path names the village and the grant decides; no right comes from a header or a body.
 */
export const guard = fp(
  async (
    app: FastifyInstance,
    deps: {
      database: Database;
      clock: Clock;
      tokens: Tokens;
      proofs: Proofs;
      villageExists: (village: string) => Promise<boolean>;
      recogniseDevice: RecogniseDevice;
    },
  ) => {
    // A village that was opened stays open, so a yes is remembered; a no is asked again.
    const villages = new Set<string>();
    app.addHook('onRequest', async request => {
      const { access } = request.routeOptions.config;
      if (request.is404 || access === undefined || access === 'public') return;
      // A token that was not read is read again, for the refusal that says why.
      const { scheme, token } = tokenOf(request);
      const actor = request.actor ?? deps.tokens.verify(token);
      if (actor.kind !== 'staff') await admitFromDevice(deps, request, { actor, scheme, token });
      // A token without a key is sent as such, or somebody believes it to be safer than it is.
      else if (scheme !== 'bearer') throw new Refusal('unauthenticated');
      request.actor = actor;
      // Looked at before anything else: whoever has this to do is told nothing but that.
      if (actor.pendingAction !== undefined && request.routeOptions.config.whilePending !== true) {
        throw new Refusal(pendingRefusals[actor.pendingAction]);
      }
      const { village, household } = request.params as { village?: string; household?: string };
      if (village !== undefined) {
        const inScope = /^[0-9]{12}$/.test(village) && actor.grants.some(([, prefix]) => village.startsWith(prefix));
        if (!inScope) throw new Refusal('not-found');
        if (!villages.has(village) && !(await deps.villageExists(village))) throw new Refusal('not-found');
        villages.add(village);
      }
      const admitted = ifAllowed(actor, request);
      if (admitted instanceof Refusal) throw admitted;
      if (actor.level === 'card' && asksPin(request.routeOptions)) throw new Refusal('pin-required');
      // A household is told of another one's page what it would be told of none.
      if (household !== undefined && actor.kind === 'household' && household !== actor.householdId) {
        throw new Refusal('not-found');
      }
    });
  },
);

/** The caller, if one of their roles may call this operation. */
function ifAllowed(actor: Actor, request: AnyRequest): Actor | Refusal {
  const { access } = request.routeOptions.config;
  const { village } = request.params as { village?: string };
  if (!Array.isArray(access) || holds(actor, village, access)) return actor;
  return new Refusal('forbidden', { requiredRoles: access });
}

function tokenOf(request: FastifyRequest): { scheme: 'bearer' | 'dpop'; token: string } {
  const [name, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  const scheme = name?.toLowerCase();
  if ((scheme !== 'bearer' && scheme !== 'dpop') || !token || rest.length > 0 || token.length > 4096) {
    throw new Refusal('unauthenticated');
  }
  return { scheme, token };
}

const pendingRefusals = {
  changePassword: 'password-change-required',
  setUpSecondFactor: 'second-factor-setup-required',
} as const satisfies Record<PendingAction, RefusalCode>;

/**
 * Every request of a kiosk or of a household at one proves that it comes from the device, and looks at its sign-in and at the
 * device: a stolen token opens nothing, and a stolen tablet stops at once. Each request keeps a household's sign-in alive.
 */
async function admitFromDevice(
  deps: { database: Database; clock: Clock; proofs: Proofs; recogniseDevice: RecogniseDevice },
  request: AnyRequest,
  caller: { actor: Actor; scheme: 'bearer' | 'dpop'; token: string },
): Promise<void> {
  const { actor, token } = caller;
  const device = deviceOf(actor, request);
  if (caller.scheme !== 'dpop') throw new Refusal('device-proof-required', { reason: 'missing' });
  const proof: Proof = await deps.proofs.read(request, { token, thumbprint: device.thumbprint });
  const now = deps.clock.now();
  await deps.database.inTransaction(device.village, async tx => {
    await spendProof(tx, proof, now);
    await getLiveSession(tx, actor.sessionId, now);
    await deps.recogniseDevice(tx, device, now);
    if (actor.kind !== 'household') return;
    await tx
      .update(session)
      .set({ usedAt: iso(now) })
      .where(eq(session.id, actor.sessionId));
  });
}

function deviceOf(actor: Actor, { routeOptions: { config } }: AnyRequest): Device {
  const village = actor.grants[0]?.[1];
  const { kioskId, thumbprint } = actor;
  if (kioskId === null || village === undefined || thumbprint === undefined) throw new Refusal('unauthenticated');
  return {
    village,
    kioskId,
    thumbprint,
    itself: actor.kind === 'kiosk',
    whileSuspended: config.whileSuspended === true,
  };
}

/**
 * Reads the callers' sessions and grants, or devices, again. Returns each caller with their current grants, or a refusal:
 * `session-revoked` | `token-expired` | `kiosk-session-ended` | `forbidden` | `device-suspended`.
 */
export function reauthorising({
  clock,
  recogniseDevice,
}: {
  clock: Clock;
  recogniseDevice: RecogniseDevice;
}): Reauthorise {
  return async (tx, requests) => {
    const now = clock.now();
    const actors = requests.map(actorOf);
    const ids = { sessions: actors.map(actor => actor.sessionId), users: actors.map(actor => actor.id) };
    const { sessions, grants } = await readSignIns(tx, ids, now);
    const answers: (Actor | Refusal)[] = [];
    for (const [index, actor] of actors.entries()) {
      const session = sessions.get(actor.sessionId);
      const ended = session === undefined ? new Refusal('unauthenticated') : endOf(session, now);
      // Whose first role is only proposed may already change the one-time password.
      const { whilePending } = requests[index]!.routeOptions.config;
      const held = grants.get(actor.id) ?? (whilePending === true ? [] : undefined);
      if (ended !== undefined) answers.push(ended);
      else if (actor.kind !== 'staff')
        answers.push(await recogniseDevice(tx, deviceOf(actor, requests[index]!), now).then(() => actor, refusalIn));
      else if (held === undefined) answers.push(new Refusal('session-revoked', { reason: 'grantEnded' }));
      else answers.push(ifAllowed({ ...actor, grants: held }, requests[index]!));
    }
    return answers;
  };
}

/** Role and prefix of every grant that holds now; none for a disabled user. */
export async function grantsOf(db: Db, userId: string, now: Temporal.Instant): Promise<[Role, string][]> {
  const { grants } = await readSignIns(db, { sessions: [], users: [userId] }, now);
  return grants.get(userId) ?? [];
}

/** Sessions, and the current grants of users, in one round trip. */
async function readSignIns(
  db: Db,
  ids: { sessions: string[]; users: string[] },
  now: Temporal.Instant,
): Promise<{ sessions: Map<string, SessionEnd>; grants: Map<string, [Role, string][]> }> {
  const [row] = await rowsOf<{ sessions: ({ id: string } & SessionEnd)[]; grants: [string, [Role, string][]][] }>(
    db,
    sql`
    select (select coalesce(json_agg(json_build_object(
                     'id', id, 'kind', kind, 'usedAt', used_at, 'idleSeconds', idle_seconds, 'expiresAt', expires_at,
                     'endedAt', ended_at, 'endedReason', ended_reason)), '[]')
              from identity.session
             where id = any(${sql.param([...new Set(ids.sessions)])}::uuid[])) as sessions,
           (select coalesce(json_agg(json_build_array(user_id, grants)), '[]')
              from (select g.user_id, json_agg(json_build_array(g.role, g.prefix) order by g.role, g.prefix) as grants
                      from identity."grant" g
                      join identity."user" u on u.id = g.user_id
                     where g.user_id = any(${sql.param([...new Set(ids.users)])}::uuid[]) and u.state = 'active'
                       and g.ended_at is null and not g.proposed and (g.until is null or g.until > ${iso(now)})
                     group by g.user_id) held) as grants`,
  );
  return { sessions: new Map(row!.sessions.map(one => [one.id, one])), grants: new Map(row!.grants) };
}
