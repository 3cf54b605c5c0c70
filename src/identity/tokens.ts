import jwt from '@fastify/jwt';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../calendar.ts';
import type { Actor, PendingAction } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { Keys } from './keys.ts';

export const accessTokenSeconds = 15 * 60;

/** Makes and reads access tokens: JWTs after RFC 9068, ES256, of at most 15 minutes. */
export interface Tokens {
  sign(actor: Actor, seconds: number): string;
  /** @throws Refusal `unauthenticated` | `token-expired` | `kiosk-session-ended` (of a household’s) */
  verify(token: string): Actor;
}

interface Claims {
  sub: string;
  sid: string;
  kind: Actor['kind'];
  client: string;
  grants: Actor['grants'];
  kiosk?: string;
  household?: string;
  level?: Actor['level'];
  store?: string;
  pending?: PendingAction;
  /** Of the key without which the token is worth nothing (RFC 7800, section 3.1; RFC 9449, section 6.1). */
  cnf?: { jkt: string };
  exp: number;
}

/** A household’s session ends with its token, and that is told as every other end of it is. */
function expired(kind: Actor['kind']): Refusal {
  return new Refusal(kind === 'household' ? 'kiosk-session-ended' : 'token-expired');
}

export async function openTokens(
  app: FastifyInstance,
  deps: { keys: Keys; clock: Clock; origin: string },
): Promise<Tokens> {
  const { keys, clock, origin } = deps;
  const first = keys.current();
  await app.register(jwt, {
    secret: { private: first.privatePem, public: first.publicPem },
    sign: { algorithm: 'ES256' },
    decode: { complete: true },
  });

  // One check of an ES256 signature costs as much as the rest of a short request, and a token comes hundreds of times.
  const verified = new Map<string, { actor: Actor; exp: number }>();
  const verifiedMax = 10_000;

  return {
    sign(actor, seconds) {
      const key = keys.current();
      const now = Math.floor(clock.now().epochMilliseconds / 1000);
      const claims: Claims & Record<string, unknown> = {
        iss: origin,
        aud: origin,
        sub: actor.id,
        sid: actor.sessionId,
        kind: actor.kind,
        client: actor.client,
        grants: actor.grants,
        ...(actor.kioskId !== null && { kiosk: actor.kioskId }),
        ...(actor.householdId !== null && { household: actor.householdId, level: actor.level }),
        ...(actor.storeId !== undefined && { store: actor.storeId }),
        ...(actor.pendingAction !== undefined && { pending: actor.pendingAction }),
        ...(actor.thumbprint !== undefined && { cnf: { jkt: actor.thumbprint } }),
        iat: now,
        exp: now + seconds,
      };
      return app.jwt.sign(claims, {
        key: key.privatePem,
        algorithm: 'ES256',
        kid: key.kid,
        header: { typ: 'at+jwt', alg: 'ES256' },
        noTimestamp: true,
      } as never);
    },

    verify(token) {
      const now = clock.now().epochMilliseconds / 1000;
      const known = verified.get(token);
      if (known !== undefined) {
        if (known.exp <= now) throw expired(known.actor.kind);
        return known.actor;
      }
      const { actor, exp } = check(token, now);
      if (verified.size >= verifiedMax) verified.clear();
      verified.set(token, { actor, exp });
      return actor;
    },
  };

  function check(token: string, now: number): { actor: Actor; exp: number } {
    let claims: Claims;
    try {
      // The key is one of ours, chosen by `kid`; whatever else the header says of keys is not looked at.
      const { header } = app.jwt.decode<{ header: { kid?: string } }>(token) ?? { header: {} };
      const key = typeof header.kid === 'string' ? keys.find(header.kid) : undefined;
      if (key === undefined) throw new Error('unknown key');
      claims = app.jwt.verify<Claims>(token, {
        key: key.publicPem,
        algorithms: ['ES256'],
        checkTyp: 'at+jwt',
        allowedIss: origin,
        allowedAud: origin,
        requiredClaims: ['iss', 'aud', 'sub', 'sid', 'kind', 'grants', 'exp'],
        ignoreExpiration: true,
        // We hold the payload alone: the header has been looked at.
        complete: false,
      } as never);
      if (!Number.isFinite(claims.exp)) throw new Error('no end');
    } catch {
      throw new Refusal('unauthenticated');
    }
    if (claims.exp <= now) throw expired(claims.kind);
    const actor: Actor = {
      kind: claims.kind,
      id: claims.sub,
      client: claims.client,
      sessionId: claims.sid,
      grants: claims.grants,
      kioskId: claims.kiosk ?? null,
      householdId: claims.household ?? null,
      level: claims.level ?? null,
      ...(claims.store !== undefined && { storeId: claims.store }),
      ...(claims.pending !== undefined && { pendingAction: claims.pending }),
      ...(claims.cnf !== undefined && { thumbprint: claims.cnf.jkt }),
    };
    return { actor, exp: claims.exp };
  }
}
