import { createHash, createPrivateKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

/** The key of a device as JWKs, and its thumbprint (RFC 7638). In a browser it would not be extractable. */
export interface DeviceKey {
  privateKey: { kty: 'EC'; crv: 'P-256'; x: string; y: string; d: string };
  publicKey: { kty: 'EC'; crv: 'P-256'; x: string; y: string };
  thumbprint: string;
}

export function newDeviceKey(): DeviceKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return deviceKeyOf(privateKey.export({ format: 'jwk' }) as DeviceKey['privateKey']);
}

export function deviceKeyOf(privateKey: DeviceKey['privateKey']): DeviceKey {
  const { crv, kty, x, y } = privateKey;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return { privateKey, publicKey: { kty, crv, x, y }, thumbprint };
}

/** A compact JWS (RFC 7515) by the key, ES256. */
export function signedBy(key: DeviceKey, header: object, payload: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'ES256', ...header })}.${part(payload)}`;
  const privateKey = createPrivateKey({ key: key.privateKey, format: 'jwk' });
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A proof for one request that the sender holds the key (DPoP, RFC 9449, section 4.2). `at` in seconds since 1970. */
export function proofBy(
  key: DeviceKey,
  request: { method: string; url: string; token?: string | undefined; at: number },
  changed: Record<string, unknown> = {},
): string {
  const { method, url, token, at } = request;
  return signedBy(
    key,
    { typ: 'dpop+jwt', jwk: key.publicKey },
    {
      jti: randomUUID(),
      htm: method,
      htu: url,
      iat: Math.floor(at),
      ...(token !== undefined && { ath: createHash('sha256').update(token).digest('base64url') }),
      ...changed,
    },
  );
}
