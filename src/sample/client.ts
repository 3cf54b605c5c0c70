import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { totpCode } from '../identity/second-factor.ts';
import { type DeviceKey, proofBy } from './device-key.ts';
import type { SignIn } from './sign-ins.ts';

/** What a call was answered: JSON of whatever shape the contract gives it. */
interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the contract says what is in it, operation by operation
  body: any;
}

/** Calls the service as whoever holds the token. `key` is the Idempotency-Key of a POST; a fresh one when absent. */
export type Call = (method: string, path: string, body?: unknown, key?: string) => Promise<Reply>;

const triesMax = 30;

/**
 * A caller that keeps to the contract: asked to wait, it waits; left without an answer, it asks again with the same key,
 * which can do no harm. With the key of a device, each call proves that it holds it.
 */
export function callerOf(origin: string, token: () => Promise<string | null>, device?: DeviceKey): Call {
  return async (method, path, body, key = randomUUID()) => {
    for (let tries = 1; ; tries += 1) {
      const reply = await attempt(origin, { token: await token(), device }, { method, path, body, key }).catch(
        (error: Error) => error,
      );
      const pause = pauseAfter(reply);
      if (pause === null) return reply as Reply;
      if (tries === triesMax) throw new Error(`${method} ${path}: no answer after ${tries} tries (${describe(reply)})`);
      await wait(pause);
    }
  };
}

async function attempt(
  origin: string,
  { token, device }: { token: string | null; device: DeviceKey | undefined },
  call: { method: string; path: string; body: unknown; key: string },
): Promise<Reply & { retryAfterSeconds: number }> {
  const request = { method: call.method, url: `${origin}${call.path.split('?')[0]}`, token: token ?? undefined };
  const answer = await fetch(`${origin}${call.path}`, {
    method: call.method,
    headers: {
      'accept-language': 'en',
      ...(token !== null && { authorization: `${device === undefined ? 'Bearer' : 'DPoP'} ${token}` }),
      ...(device !== undefined && { dpop: proofBy(device, { ...request, at: Date.now() / 1000 }) }),
      ...(call.method === 'POST' && { 'idempotency-key': call.key }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text === '' ? null : JSON.parse(text),
    retryAfterSeconds: Number(answer.headers.get('retry-after') ?? 1),
  };
}

/** Milliseconds to wait before asking again; null when the answer stands. */
function pauseAfter(reply: (Reply & { retryAfterSeconds: number }) | Error): number | null {
  if (reply instanceof Error) return 500;
  const busy = reply.status === 429 || reply.status === 503 || reply.body?.code === 'idempotency-in-progress';
  return busy ? Math.min(reply.retryAfterSeconds, 60) * 1000 : null;
}

function describe(reply: Reply | Error): string {
  return reply instanceof Error ? reply.message : `${reply.status} ${reply.body?.code ?? ''}`;
}

/** The body of a response that had to succeed. @throws Error with the response otherwise */
export function expectOk(reply: Reply, what: string): Reply['body'] {
  if (reply.status < 300) return reply.body;
  throw new Error(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`);
}

/**
 * Signs a member of staff in. A verification code counts once: whoever signs in twice within half a minute waits for the
 * next. Answers what the service said.
 */
export async function signInAs(
  origin: string,
  login: string,
  { password, totpSecret }: SignIn,
): Promise<Reply['body']> {
  const anonymous = callerOf(origin, async () => null);
  for (let tries = 1; ; tries += 1) {
    const code = totpSecret === null ? {} : { code: totpCode(totpSecret, Temporal.Now.instant()) };
    const reply = await anonymous('POST', '/v1/sessions', { login, password, ...code });
    if (reply.body?.code !== 'second-factor-wrong' || tries === 3) return expectOk(reply, `sign-in of ${login}`);
    await wait(30_000 - (Date.now() % 30_000));
  }
}

/** Signs a member of staff in, once for all calls under way, and again before the token ends. */
export function staffCaller(origin: string, login: string, signIn: SignIn): Call {
  let token: Promise<string> | undefined;
  let until = 0;
  const signedIn = async () => {
    const body = await signInAs(origin, login, signIn);
    until = Date.now() + (body.accessExpiresInSeconds - 60) * 1000;
    return body.accessToken as string;
  };
  return callerOf(origin, () => {
    if (until < Date.now()) {
      until = Number.POSITIVE_INFINITY;
      token = signedIn();
    }
    return token!;
  });
}
