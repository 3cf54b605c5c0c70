import { CompactSign, importPKCS8 } from 'jose';
import type { AllowanceRow } from '../allowances/read.ts';
import type { Keys } from '../identity/keys.ts';

/** An allowance as the device keeps it: a compact JWS that `/v1/jwks` verifies. The book is the truth. */
export async function signAllowance(keys: Keys, origin: string, row: AllowanceRow): Promise<string> {
  const { kid, privatePem } = keys.current();
  const { id: allowanceId, kioskId, householdId, points, redemptions, grantedAt, notAfter } = row;
  const claims = { iss: origin, aud: kioskId, allowanceId, householdId, points, redemptions, grantedAt, notAfter };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ES256', typ: 'jifen-allowance+jws', kid })
    .sign(await importPKCS8(privatePem, 'ES256'));
}
