import { setTimeout as wait } from 'node:timers/promises';
import { totpCode } from '../src/identity/second-factor.ts';
import type { Fixture } from './fixture.ts';
import { clockOfTree, type ProcessorClock } from './processor-time.ts';
import { password, totpSecret } from './town.ts';
import { type Answer, expectStatus, openWire, requestText, type Wire } from './wire.ts';

/** People who are signed in, each with a connection of their own. */
export interface Callers {
  /** Of the service that they call. */
  program: ProcessorClock;
  get(client: number, path: string): Promise<Answer>;
  /** With a fresh Idempotency-Key. */
  post(client: number, path: string, body: string): Promise<Answer>;
  /** Signs in again where a token has become old; sign-ins cost an argon2 each, so not in the midst of a measurement. */
  refresh(): Promise<void>;
  /** Sends a request on every connection: the service closes one that is idle for a minute. */
  keepOpen(): Promise<void>;
  token(client: number): string;
  close(): void;
}

/** A token lives for 15 minutes. */
const tokenMaxAgeMs = 8 * 60_000;

/** Opens a connection for each login, unless told those of the fixture’s clerks. */
export async function openCallers(fixture: Fixture, logins: string[] = fixture.staff.clerks): Promise<Callers> {
  const wires: Wire[] = [];
  const tokens: string[] = [];
  let signedInAt = Number.NEGATIVE_INFINITY;
  let key = 0;
  const run = crypto.randomUUID();
  for (const _ of logins) wires.push(await openWire(fixture.service.port));
  const authorization = (client: number) => `authorization: Bearer ${tokens[client]}`;
  const callers: Callers = {
    program: clockOfTree(fixture.service.pid),
    get: (client, path) => wires[client]!.ask(requestText('GET', path, [authorization(client)])),
    post(client, path, body) {
      key += 1;
      const headers = [authorization(client), `idempotency-key: ${run}-${key}`];
      return wires[client]!.ask(requestText('POST', path, headers, body));
    },
    async refresh() {
      if (performance.now() - signedInAt < tokenMaxAgeMs) return;
      for (const [client, login] of logins.entries()) tokens[client] = await signIn(wires[client]!, login);
      signedInAt = performance.now();
    },
    async keepOpen() {
      for (const wire of wires) await wire.ask(requestText('GET', '/healthz', []));
    },
    token: client => tokens[client]!,
    close() {
      for (const wire of wires) wire.close();
    },
  };
  await callers.refresh();
  return callers;
}

async function signIn(wire: Wire, login: string): Promise<string> {
  const ask = (code?: string) =>
    wire.ask(requestText('POST', '/v1/sessions', [], JSON.stringify({ login, password, code })));
  let answer = await ask();
  // A code counts once: whoever has just signed in with it waits for the next.
  for (let tries = 1; answer.status === 401 && tries <= 3; tries += 1) {
    if (tries > 1) await wait(30_000 - (Date.now() % 30_000));
    answer = await ask(totpCode(totpSecret, Temporal.Now.instant()));
  }
  expectStatus(answer, 201);
  return (JSON.parse(answer.body.toString('utf8')) as { accessToken: string }).accessToken;
}
