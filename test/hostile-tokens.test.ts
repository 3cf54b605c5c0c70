import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import tap, { test } from 'tap';
import { declaredOperations, unclassified } from './support/declared.ts';
import { digestOf } from './support/digest.ts';
import { headersOf, prepare } from './support/hostile.ts';
import { isRefused } from './support/refusal.ts';
import { type Caller, connect, openService, type Service, villages } from './support/service.ts';
import { openWorld } from './support/world.ts';

/* Tokens that we did not make, or that have ended, at every operation that asks for one: 401, and nothing has changed. */

tap.setTimeout(900_000);

type Json = Record<string, unknown>;

const encoded = (part: Json | string) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

function parts(token: string): { header: Json; claims: Json; signature: string } {
  const [header, claims, signature] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: read(header!), claims: read(claims!), signature: signature! };
}

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strangeRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Signed as we would, by another's key. */
function signedByStranger(header: Json, claims: Json): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  const key = { key: stranger.privateKey, dsaEncoding: 'ieee-p1363' as const };
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

/** Every way in which a token of this caller can be false, by name. */
async function falseTokens(service: Service, caller: Caller): Promise<Map<string, string>> {
  const { header, claims, signature } = parts(caller.token);
  const { keys } = (await service.anonymous('GET', '/.well-known/jwks.json')).body;
  const published = keys.find((key: Json) => key.kid === header.kid);
  const text = `${encoded(header)}.${encoded(claims)}`;
  const hmac = (secret: string, alg: string) => {
    const signed = `${encoded({ ...header, alg })}.${encoded(claims)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const rsa = () => {
    const signed = `${encoded({ ...header, alg: 'RS256' })}.${encoded(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), strangeRsa.privateKey).toString('base64url')}`;
  };
  const publicPem = stranger.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const jwk = stranger.publicKey.export({ format: 'jwk' });
  const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
  return new Map([
    ['no algorithm', `${encoded({ ...header, alg: 'none' })}.${encoded(claims)}.`],
    ['no algorithm, our signature', `${encoded({ ...header, alg: 'None' })}.${encoded(claims)}.${signature}`],
    ['no signature', `${text}.`],
    ['two parts', text],
    ['another signature', `${text}.${flipped}`],
    ['a signature of zeros', `${text}.${Buffer.alloc(64).toString('base64url')}`],
    ['another key under our kid', signedByStranger(header, claims)],
    ['another key under its own kid', signedByStranger({ ...header, kid: 'stranger' }, claims)],
    ['another key and no kid', signedByStranger({ typ: 'at+jwt', alg: 'ES256' }, claims)],
    [
      'another key, brought along',
      signedByStranger({ ...header, jwk, jku: 'https://evil.example/keys', x5u: 'https://evil.example' }, claims),
    ],
    ['a path as kid', signedByStranger({ ...header, kid: '../../etc/passwd' }, claims)],
    ['a list as kid', signedByStranger({ ...header, kid: [header.kid] }, claims)],
    ['the public key as a secret', hmac(JSON.stringify(published), 'HS256')],
    ['a public key in PEM as a secret', hmac(publicPem, 'HS256')],
    ['an empty secret', hmac('', 'HS256')],
    ['another algorithm', rsa()],
    [
      'other claims under our signature',
      `${encoded(header)}.${encoded({
        ...claims,
        grants: [
          ['platformAdmin', ''],
          ['clerk', ''],
        ],
      })}.${signature}`,
    ],
    ['garbage', 'garbage'],
    ['dots', '..'],
    ['four parts', `${caller.token}.x`],
    ['no JSON', `${encoded('{')}.${encoded('{')}.${signature}`],
    ['null', `${encoded('null')}.${encoded('null')}.${signature}`],
    ['too long', `${encoded(header)}.${encoded({ ...claims, pad: 'x'.repeat(5_000) })}.${signature}`],
    ['expired', service.tokens.sign(caller.actor, 0)],
    ['expired long ago', service.tokens.sign(caller.actor, -86_400)],
  ]);
}

test('false tokens', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const owner = await connect(t, service.ownerUrl);
  const guarded = declaredOperations(service.app).filter(({ access }) => access !== 'public');
  t.ok(guarded.length > 60);
  const prepared = [];
  for (const operation of guarded) prepared.push(await prepare(world, operation));
  const untouched = await digestOf(owner);
  const faults: string[] = [];
  let sent = 0;
  for (const { operation, caller, call } of prepared) {
    const tokens = await falseTokens(service, caller!);
    const expired = caller!.actor.kind === 'household' ? 'kiosk-session-ended' : 'token-expired';
    for (const [name, token] of tokens) {
      const headers = headersOf(service, { operation, call, caller: { ...caller!, token } as Caller });
      const answer = await service.anonymous(call.method, call.url, call.body, headers);
      const fault = unclassified(operation, answer);
      sent += 1;
      if (fault !== null) faults.push(`${fault} to ${name}`);
      else if (answer.status !== 401) faults.push(`${operation.id} answered ${answer.status} to ${name}`);
      else if (answer.body.code !== (name.startsWith('expired') ? expired : 'unauthenticated'))
        faults.push(`${answer.body.code} to ${name}`);
      else if (!answer.headers['www-authenticate']?.startsWith('Bearer'))
        faults.push(`${operation.id} does not say how to sign in`);
    }
    for (const authorization of [
      '',
      'Bearer',
      `Basic ${caller!.token}`,
      caller!.token,
      `Bearer ${caller!.token} x`,
      `Bearer  ${caller!.token}`,
      ...(caller!.actor.kind === 'staff' ? [`DPoP ${caller!.token}`] : []),
    ]) {
      const answer = await service.anonymous(call.method, call.url, call.body, { authorization });
      if (answer.body?.code !== 'unauthenticated')
        faults.push(`${operation.id} answered ${answer.status} to ${authorization.slice(0, 10)}`);
    }
  }
  t.comment(`${sent} calls`);
  t.strictSame(faults, []);
  t.strictSame(await digestOf(owner), untouched, 'nothing has changed');
});

test('tokens of our key that were made for something else', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const { header, claims } = parts(clerk.token);
  const { privatePem } = service.keys.current();
  const made = (input: Json, head: Json = {}) => {
    const text = `${encoded({ ...header, ...head })}.${encoded({ ...claims, ...input })}`;
    const key = { key: privatePem, dsaEncoding: 'ieee-p1363' as const };
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  };
  const ask = (token: string, method = 'GET', url = '/v1/sessions/current', body?: unknown) =>
    service.anonymous(method, url, body, { authorization: `Bearer ${token}` });

  t.equal((await ask(made({}))).status, 200, 'made as we make them, it is ours');
  const others: [Json, Json?][] = [
    [{ iss: 'https://other.example' }],
    [{ aud: 'https://other.example' }],
    [{ iss: undefined }],
    [{ aud: undefined }],
    [{ sub: undefined }],
    [{ sid: undefined }],
    [{ kind: undefined }],
    [{ grants: undefined }],
    [{ exp: undefined }],
    [{ exp: 'never' }],
    [{ nbf: 4_102_444_800 }],
    [{}, { typ: 'JWT' }],
    [{}, { typ: undefined }],
    [{}, { typ: 'jifen-op+jws' }],
    [{}, { crit: ['exp'] }],
  ];
  for (const [said, head] of others) {
    const answer = await ask(made(said, head));
    isRefused(t, answer, '401 unauthenticated', {}, JSON.stringify([said, head]));
  }
  const neverSignedIn = made({ sid: '01a211c7-b0ee-760b-893b-7a5a27d65a79' });
  const grid = { number: 7, name: '第七组' };
  const write = await ask(neverSignedIn, 'POST', `/v1/villages/${villages.own}/grids`, grid);
  isRefused(t, write, '401 unauthenticated', {}, 'nothing is written without a sign-in');
});
