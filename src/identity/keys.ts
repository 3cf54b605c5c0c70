import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../calendar.ts';
import { dayOf } from '../calendar.ts';

interface SigningKey {
  kid: string;
  privatePem: string;
  publicPem: string;
  publicJwk: Record<string, string>;
  /** First day on which tokens are signed with it. */
  from: string;
}

export interface Keys {
  current(): SigningKey;
  find(kid: string): SigningKey | undefined;
  /** The current and the next key, so that a verifier has the next one before it is used. */
  published(): SigningKey[];
}

const daysInUse = 90;

/**
 * The ES256 keys that access tokens are signed with: one file each in `folder`, named by its first day and the
 * thumbprint (RFC 7638) that is its `kid`. Made when missing; a new one every 90 days, published 90 days ahead.
 */
export function openKeys(folder: string, clock: Clock): Keys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let keys = read(folder);
  let readAt = 0;
  const today = () => dayOf(clock.now()).toString();

  const prepare = () => {
    if (!keys.some(key => key.from <= today())) make(folder, today());
    keys = read(folder);
    const current = keys.findLast(key => key.from <= today())!;
    if (!keys.some(key => key.from > today())) {
      const next = Temporal.PlainDate.from(current.from).add({ days: daysInUse });
      make(
        folder,
        Temporal.PlainDate.compare(next, today()) > 0
          ? next.toString()
          : Temporal.PlainDate.from(today()).add({ days: 1 }).toString(),
      );
      keys = read(folder);
    }
  };
  prepare();

  return {
    current() {
      if (!keys.some(key => key.from > today())) prepare();
      return keys.findLast(key => key.from <= today())!;
    },
    find(kid) {
      // Another process may have made it since; whoever makes up names is not worth the disk's time.
      const now = clock.now().epochMilliseconds;
      if (!keys.some(key => key.kid === kid) && now - readAt >= 1_000) {
        keys = read(folder);
        readAt = now;
      }
      return keys.find(key => key.kid === kid);
    },
    published() {
      const current = keys.findLastIndex(key => key.from <= today());
      return keys.slice(Math.max(0, current - 1));
    },
  };
}

function make(folder: string, from: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeFileSync(join(folder, `access-${from}-${keyOf(pem, from).kid}.pem`), pem, { mode: 0o600, flag: 'wx' });
}

function read(folder: string): SigningKey[] {
  return readdirSync(folder)
    .map(name => /^access-(\d{4}-\d{2}-\d{2})-.+\.pem$/.exec(name))
    .filter(match => match !== null)
    .map(match => keyOf(readFileSync(join(folder, match[0]), 'utf8'), match[1]!))
    .sort((a, b) => a.from.localeCompare(b.from) || a.kid.localeCompare(b.kid));
}

function keyOf(privatePem: string, from: string): SigningKey {
  const publicKey = createPublicKey(createPrivateKey(privatePem));
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  // RFC 7638: the required members, in this order, without a space.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return {
    kid,
    privatePem,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicJwk: { kty: kty!, crv: crv!, x: x!, y: y!, use: 'sig', alg: 'ES256', kid },
    from,
  };
}
