import { sql } from 'drizzle-orm';
import { openDatabase } from '../../src/db/database.ts';
import { none } from '../../src/db/scope.ts';
import type { Role } from '../../src/http/route.ts';
import { createFirstAdmin } from '../../src/identity/first-admin.ts';
import { hashSecret } from '../../src/identity/passwords.ts';
import { newTotpSecret, setSecondFactor, totpCode } from '../../src/identity/second-factor.ts';
import { createUser } from '../../src/identity/users.ts';
import { nobody, prefixOf, type Reply, type Service, villages } from './service.ts';

export const ownPassword = 'seven bags of rice';

/** Somebody who can sign in with `ownPassword`: nobody else knows it, and there is no second factor yet. */
export async function newStaff(
  service: Service,
  login: string,
  role: Role,
  village: string = villages.own,
): Promise<string> {
  const passwordHash = await hashSecret(ownPassword);
  if (role === 'platformAdmin') {
    // As the operator's command does: the service's own login makes the first one alone.
    const database = openDatabase(service.ownerUrl, { connections: 1, onError: error => Promise.reject(error) });
    const person = { login, name: '王文书', passwordHash, oneTimeUntil: null };
    const id = await database.inTransaction(none, tx => createFirstAdmin(tx, person, service.clock.now()));
    await database.close();
    return id;
  }
  const grants = [
    ['platformAdmin', ''],
    ['supervisor', village.slice(0, 6)],
    ['villageAdmin', village],
  ] as const;
  const grant = { role, prefix: prefixOf(role, village) };
  const input = { login, name: '王文书', passwordHash, oneTimeUntil: null, grant };
  const made = await service.database.inTransaction(none, tx =>
    createUser(tx, { ...nobody, grants }, input, service.clock.now()),
  );
  return made.id;
}

/** Gives somebody a second factor. Answers its secret. */
export async function giveSecondFactor(service: Service, userId: string): Promise<string> {
  const secret = newTotpSecret();
  await service.database.inTransaction(none, tx =>
    setSecondFactor(tx, service.sealer, { id: userId, secret }, service.clock.now()),
  );
  return secret;
}

/** Signs in; with a secret, by a code that has not been used yet, for which the clock is moved on. */
export async function signIn(service: Service, login: string, password: string, secret?: string): Promise<Reply> {
  if (secret === undefined) return service.anonymous('POST', '/v1/sessions', { login, password });
  const code = nextCode(service, secret);
  return service.anonymous('POST', '/v1/sessions', { login, password, code });
}

/** A code of the next half minute, to which the clock is moved. */
export function nextCode(service: Service, secret: string): string {
  service.clock.pass({ seconds: 30 });
  return totpCode(secret, service.clock.now());
}

/** Calls the service with the access token of an answer to a sign-in. */
export function withTokenOf(service: Service, signed: Reply) {
  return (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) =>
    service.anonymous(method, url, body, { authorization: `Bearer ${signed.body.accessToken}`, ...headers });
}

/** What was written down about an account, in order. */
export async function eventsOf(service: Service, userId: string): Promise<string[]> {
  const { rows } = await service.database.inTransaction(none, tx =>
    tx.execute(sql`select kind from identity.user_event where user_id = ${userId} order by at, id`),
  );
  return rows.map(row => String(row.kind));
}
