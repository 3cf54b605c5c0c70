import type { FastifyInstance } from 'fastify';
import { type Clock, iso } from '../calendar.ts';
import { Refusal } from '../refusals.ts';
import type { Keys } from './keys.ts';

/**
 * Makes and reads links that open one thing for a short time to whoever holds them, as an `img` of a web page does that
 * can send no sign-in: JWTs of a type of their own, signed with the keys of access tokens. Neither opens what is the other's.
 */
export interface Links {
  /** @param subject what the link opens */
  sign(subject: string, seconds: number): string;
  /** What the link opens, and until when. @throws Refusal `not-found`: no link of ours | `expired` (facts: `expiredAt`) */
  verify(link: string): { subject: string; expiresAt: Temporal.Instant };
}

/** @param app on which `openTokens` has registered the JWT machinery */
export function openLinks(app: FastifyInstance, deps: { keys: Keys; clock: Clock; origin: string }): Links {
  const { keys, clock, origin } = deps;
  const typ = 'link+jwt';
  return {
    sign(subject, seconds) {
      const key = keys.current();
      const now = Math.floor(clock.now().epochMilliseconds / 1000);
      return app.jwt.sign({ iss: origin, aud: origin, sub: subject, exp: now + seconds }, {
        key: key.privatePem,
        algorithm: 'ES256',
        kid: key.kid,
        header: { typ, alg: 'ES256' },
        noTimestamp: true,
      } as never);
    },

    verify(link) {
      const { sub: subject, exp } = check(link);
      const expiresAt = Temporal.Instant.fromEpochMilliseconds(exp * 1000);
      if (Temporal.Instant.compare(expiresAt, clock.now()) <= 0) {
        throw new Refusal('expired', { expiredAt: iso(expiresAt) });
      }
      return { subject, expiresAt };
    },
  };

  function check(link: string): { sub: string; exp: number } {
    try {
      const { header } = app.jwt.decode<{ header: { kid?: string } }>(link) ?? { header: {} };
      const key = typeof header.kid === 'string' ? keys.find(header.kid) : undefined;
      if (key === undefined) throw new Error('unknown key');
      const claims = app.jwt.verify<{ sub: string; exp: number }>(link, {
        key: key.publicPem,
        algorithms: ['ES256'],
        checkTyp: typ,
        allowedIss: origin,
        allowedAud: origin,
        requiredClaims: ['iss', 'aud', 'sub', 'exp'],
        ignoreExpiration: true,
        complete: false,
      } as never);
      if (!Number.isSafeInteger(claims.exp)) throw new Error('no end');
      return claims;
    } catch {
      throw new Refusal('not-found');
    }
  }
}
