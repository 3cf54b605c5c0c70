import { createHash } from 'node:crypto';
import { lt, sql } from 'drizzle-orm';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTPayload, jwtVerify } from 'jose';
import { type Clock, iso } from '../calendar.ts';
import { type Database, rowsOf, type Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { AnyRequest } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { spentProof } from './tables.ts';

/** How far the clock of a proof may be from ours, either way. */
const proofSeconds = 60;

/** Public part of a P-256 key, as a JWK. */
export interface PublicKey {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
}

/** What a proof of possession says, once it has been found to be right. */
export interface Proof {
  publicKey: PublicKey;
  /** Of the key (RFC 7638). */
  thumbprint: string;
  jti: string;
  /** Nobody would take it after this. */
  expiresAt: Temporal.Instant;
}

/** Reads proofs that the sender of a request holds its key: DPoP, RFC 9449, section 4.3. */
export interface Proofs {
  /**
   * The proof that a request brings: for its method, its address, this moment and, where one is given, its access token
   * and the key that the token is bound to. Whoever calls it spends the proof, too.
   * @throws Refusal `device-proof-required` (facts: `reason`, `expected`) | `device-proof-expired` (facts: `serverTime`)
   */
  read(request: AnyRequest, bound?: { token: string; thumbprint: string }): Promise<Proof>;
}

export function openProofs({ clock, origin }: { clock: Clock; origin: string }): Proofs {
  return {
    async read(request, bound) {
      const { dpop } = request.headers;
      if (typeof dpop !== 'string' || dpop === '') throw refused('missing');
      const { payload, publicKey } = await open(dpop);
      const { htm, htu, iat, jti, ath } = payload;
      if (typeof jti !== 'string' || !/^[\x21-\x7e]{12,128}$/.test(jti)) throw refused('malformed');
      if (typeof htm !== 'string' || typeof htu !== 'string' || typeof iat !== 'number') throw refused('malformed');
      if (htm !== request.method) throw refused('method', request.method);
      const expected = addressesOf(request, origin);
      if (!expected.includes(withoutQuery(htu))) throw refused('url', expected[0]);
      const thumbprint = await calculateJwkThumbprint(publicKey);
      if (bound !== undefined && thumbprint !== bound.thumbprint) throw refused('key');
      if (bound !== undefined && ath !== createHash('sha256').update(bound.token).digest('base64url'))
        throw refused('token');
      const now = clock.now();
      if (!(Math.abs(now.epochMilliseconds / 1000 - iat) <= proofSeconds))
        throw new Refusal('device-proof-expired', { serverTime: iso(now) });
      // Part of a second that its clock has left out counts.
      const expiresAt = Temporal.Instant.fromEpochMilliseconds(Math.ceil((iat + proofSeconds + 1) * 1000));
      return { publicKey, thumbprint, jti, expiresAt };
    },
  };
}

/**
 * Remembers a proof until it expires, and forgets those of the same key that have: a proof that was taken down on the way is
 * of no use a second time, in whichever process. @throws Refusal `device-proof-required`
 */
export async function spendProof(tx: Tx, proof: Proof, now: Temporal.Instant): Promise<void> {
  const spent = await rowsOf(
    tx,
    sql`
    with forgotten as (
      delete from identity.spent_proof where thumbprint = ${proof.thumbprint} and expires_at < ${iso(now)})
    insert into identity.spent_proof (thumbprint, jti, expires_at)
    values (${proof.thumbprint}, ${proof.jti}, ${iso(proof.expiresAt)})
    on conflict do nothing
    returning jti`,
  );
  if (spent.length === 0) throw refused('replayed');
}

/** Forgets proofs that nobody would take any more, of devices that no longer call. */
export async function forgetSpentProofs({ database, clock }: { database: Database; clock: Clock }): Promise<void> {
  const now = iso(clock.now());
  await database.inTransaction(none, tx => tx.delete(spentProof).where(lt(spentProof.expiresAt, now)));
}

/** The key is the one in the header: whose it is, is for the caller to judge. */
async function open(dpop: string): Promise<{ payload: JWTPayload; publicKey: PublicKey }> {
  if (dpop.length > 4096) throw refused('malformed');
  try {
    const { payload, protectedHeader } = await jwtVerify(dpop, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      // The time is looked at when all the rest is right, for it alone is worth trying again.
      currentDate: new Date(0),
    });
    const { x, y } = protectedHeader.jwk as PublicKey;
    return { payload, publicKey: { kty: 'EC', crv: 'P-256', x, y } };
  } catch (error) {
    throw refused(error instanceof errors.JWSSignatureVerificationFailed ? 'signature' : 'malformed');
  }
}

/**
 * What a proof may name as the address: the configured origin, for what stands before the service says nothing reliable about
 * it. Or the machine itself, as it is called while somebody develops: no other machine can be called so from outside.
 */
function addressesOf(request: AnyRequest, origin: string): string[] {
  const path = request.url.split('?')[0]!;
  const { localPort, encrypted } = request.raw.socket as { localPort?: number; encrypted?: boolean };
  const scheme = encrypted === true ? 'https' : 'http';
  const own =
    localPort === undefined ? [] : ['localhost', '127.0.0.1', '[::1]'].map(host => `${scheme}://${host}:${localPort}`);
  return [origin, ...own].map(root => withoutQuery(`${root}${path}`));
}

function withoutQuery(address: string): string {
  if (!URL.canParse(address)) return '';
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname}`;
}

function refused(
  reason: 'missing' | 'malformed' | 'signature' | 'method' | 'url' | 'key' | 'token' | 'replayed',
  expected?: string,
) {
  return new Refusal('device-proof-required', { reason, ...(expected !== undefined && { expected }) });
}
