import { eq, lt, sql } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import { type Database, rowsOf, type Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { grantsOf } from './guard.ts';
import { verifySecret } from './passwords.ts';
import { lifetimes, rotate, type SessionRow, startSession } from './sessions.ts';
import { signIn as attempts, user } from './tables.ts';
import { accessTokenSeconds, type Tokens } from './tokens.ts';

const triesMax = 5;
const lockMinutes = 15;

interface SignedIn {
  accessToken: string;
  accessExpiresInSeconds: number;
  refreshToken: string;
  refreshExpiresInSeconds: number;
  user: { id: string; login: string; name: string };
  grants: { role: Role; prefix: string }[];
}

interface Deps {
  database: Database;
  clock: Clock;
  tokens: Tokens;
}

/**
 * Signs a person in by name and password.
 * @throws Refusal `sign-in-failed` | `sign-in-locked` (facts: `until`) | `unavailable`
 */
export async function signIn(deps: Deps, input: { login: string; password: string }): Promise<SignedIn> {
  const { database, clock } = deps;
  const login = input.login.toLowerCase();
  await countTry(deps, login);

  const person = await database.inSnapshot(none, async db => {
    const [row] = await db.select().from(user).where(eq(user.login, login));
    return row;
  });
  const right = await verifySecret(input.password, person?.passwordHash);
  if (!right || person === undefined || person.state !== 'active') throw new Refusal('sign-in-failed');

  return database.inTransaction(none, async tx => {
    await forgetTries(tx, login);
    const grants = await grantsOf(tx, person.id, clock.now());
    const started = await startSession(
      tx,
      { kind: 'staff', subject: person.id, village: null, device: null },
      clock.now(),
    );
    return signedIn(deps.tokens, person, grants, started);
  });
}

/**
 * Counts a try at a name's password before the password is looked at: a thousand guesses at once are still five.
 * @throws Refusal `sign-in-locked` (facts: `until`)
 */
export async function countTry({ database, clock }: Pick<Deps, 'database' | 'clock'>, login: string): Promise<void> {
  const now = iso(clock.now());
  await database.inTransaction(none, async tx => {
    const [counted] = await rowsOf(
      tx,
      sql`
      insert into identity.sign_in as s (login, failed_attempts, tried_at) values (${login}, 1, ${now})
      on conflict (login) do update
        set failed_attempts = case when s.locked_until is null then s.failed_attempts + 1 else 1 end,
            locked_until = case when s.locked_until is null and s.failed_attempts + 1 >= ${triesMax}
                                then ${iso(clock.now().add({ minutes: lockMinutes }))}::timestamptz end,
            tried_at = excluded.tried_at
      where s.locked_until is null or s.locked_until <= ${now}::timestamptz
      returning s.failed_attempts`,
    );
    if (counted !== undefined) return;
    const [lock] = await tx.select().from(attempts).where(eq(attempts.login, login));
    throw new Refusal('sign-in-locked', { until: lock?.lockedUntil ?? null });
  });
}

/** A right password forgets the wrong ones. */
export async function forgetTries(tx: Tx, login: string): Promise<void> {
  await tx.delete(attempts).where(eq(attempts.login, login));
}

/** Forgets tries of more than a day ago: anybody may type any name, and each makes a row. */
export async function forgetOldTries({ database, clock }: Pick<Deps, 'database' | 'clock'>): Promise<void> {
  const before = iso(clock.now().subtract({ hours: 24 }));
  await database.inTransaction(none, tx => tx.delete(attempts).where(lt(attempts.triedAt, before)));
}

/**
 * Exchanges a refresh token for a new pair.
 * @throws Refusal `unauthenticated` | `token-expired` | `session-revoked` (facts: `reason`)
 */
export async function refresh(deps: Deps, refreshToken: string): Promise<SignedIn> {
  const { database, clock } = deps;
  const outcome = await database.inTransaction(none, async tx => {
    const rotated = await rotate(tx, 'staff', refreshToken, clock.now());
    if ('reused' in rotated) return null;
    const [person] = await tx.select().from(user).where(eq(user.id, rotated.session.subject));
    const grants = await grantsOf(tx, rotated.session.subject, clock.now());
    if (person === undefined || person.state !== 'active') throw new Refusal('session-revoked', { reason: 'disabled' });
    return signedIn(deps.tokens, person, grants, rotated);
  });
  if (outcome === null) throw new Refusal('session-revoked', { reason: 'refreshReused' });
  return outcome;
}

function signedIn(
  tokens: Tokens,
  person: { id: string; login: string; name: string },
  grants: [Role, string][],
  started: { session: SessionRow; refreshToken: string },
): SignedIn {
  const accessToken = tokens.sign(
    {
      kind: 'staff',
      id: person.id,
      client: person.id,
      sessionId: started.session.id,
      grants,
      kioskId: null,
      householdId: null,
      level: null,
    },
    accessTokenSeconds,
  );
  return {
    accessToken,
    accessExpiresInSeconds: accessTokenSeconds,
    refreshToken: started.refreshToken,
    refreshExpiresInSeconds: lifetimes.staff.idleSeconds,
    user: { id: person.id, login: person.login, name: person.name },
    grants: grants.map(([role, prefix]) => ({ role, prefix })),
  };
}
