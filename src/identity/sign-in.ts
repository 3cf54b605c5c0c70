import { and, eq, gt, isNull, lt, not, or, sql } from 'drizzle-orm';
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
/** At all addresses together that are new to a name: many of them must not add up to a search for its password. */
const triesElsewhereMax = 50;
const knownDays = 30;
/** Stands for all addresses that are new to a name, in the place of one. */
const elsewhere = '';

/** A name as it was typed, in lower case, and the address that it was typed at. */
interface From {
  login: string;
  address: string;
}

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
export async function signIn(
  deps: Deps,
  input: { login: string; password: string; address: string },
): Promise<SignedIn> {
  const { database, clock } = deps;
  const login = input.login.toLowerCase();
  const from = { login, address: input.address };
  await countTry(deps, from);

  const person = await database.inSnapshot(none, async db => {
    const [row] = await db.select().from(user).where(eq(user.login, login));
    return row;
  });
  const right = await verifySecret(input.password, person?.passwordHash);
  if (!right || person === undefined || person.state !== 'active') throw new Refusal('sign-in-failed');

  return database.inTransaction(none, async tx => {
    await forgetTries(tx, from, clock.now());
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
 * Counts a try at a name's password before the password is looked at: a thousand guesses at once are still five. Counted
 * by name and address, so that nobody can lock out who sits elsewhere; and once more for all addresses at which the name
 * has not succeeded lately, so that many addresses are no way around. Where its owner has signed in before, that second
 * count does not matter.
 * @throws Refusal `sign-in-locked` (facts: `until`)
 */
export async function countTry({ database, clock }: Pick<Deps, 'database' | 'clock'>, from: From): Promise<void> {
  const now = clock.now();
  await database.inTransaction(none, async tx => {
    const { known } = await count(tx, from, triesMax, now);
    if (!known) await count(tx, { ...from, address: elsewhere }, triesElsewhereMax, now);
  });
}

/** Answers whether the name has succeeded there lately. @throws Refusal `sign-in-locked` (facts: `until`) */
async function count(
  tx: Tx,
  { login, address }: From,
  max: number,
  now: Temporal.Instant,
): Promise<{ known: boolean }> {
  const [counted] = await rowsOf<{ known: boolean }>(
    tx,
    sql`
    insert into identity.sign_in as s (login, address, failed_attempts, tried_at) values (${login}, ${address}, 1, ${iso(now)})
    on conflict (login, address) do update
      set failed_attempts = case when s.locked_until is null then s.failed_attempts + 1 else 1 end,
          locked_until = case when s.locked_until is null and s.failed_attempts + 1 >= ${max}
                              then ${iso(now.add({ minutes: lockMinutes }))}::timestamptz end,
          tried_at = excluded.tried_at
    where s.locked_until is null or s.locked_until <= ${iso(now)}::timestamptz
    returning coalesce(s.succeeded_at > ${daysBefore(now, knownDays)}::timestamptz, false) as known`,
  );
  if (counted !== undefined) return counted;
  const [lock] = await tx
    .select()
    .from(attempts)
    .where(and(eq(attempts.login, login), eq(attempts.address, address)));
  throw new Refusal('sign-in-locked', { until: lock?.lockedUntil ?? null });
}

/**
 * A right password forgets the wrong ones there, and makes the address one that the name is known at. Of the tries at new
 * addresses it takes back its own alone: the others may be somebody else's.
 */
export async function forgetTries(tx: Tx, { login, address }: From, now: Temporal.Instant): Promise<void> {
  await tx.execute(sql`
    update identity.sign_in
       set failed_attempts = greatest(failed_attempts - 1, 0)
     where login = ${login} and address = ${elsewhere}
       and not exists (select from identity.sign_in here
                        where here.login = ${login} and here.address = ${address}
                          and here.succeeded_at > ${daysBefore(now, knownDays)}::timestamptz)`);
  await tx
    .update(attempts)
    .set({ failedAttempts: 0, lockedUntil: null, succeededAt: iso(now) })
    .where(and(eq(attempts.login, login), eq(attempts.address, address)));
}

/** Forgets tries of more than a day ago: anybody may type any name, and each makes a row. */
export async function forgetOldTries({ database, clock }: Pick<Deps, 'database' | 'clock'>): Promise<void> {
  const now = clock.now();
  const known = gt(attempts.succeededAt, daysBefore(now, knownDays));
  await database.inTransaction(none, async tx => {
    await tx
      .delete(attempts)
      .where(and(lt(attempts.triedAt, daysBefore(now, 1)), or(isNull(attempts.succeededAt), not(known))));
    await tx
      .update(attempts)
      .set({ failedAttempts: 0, lockedUntil: null })
      .where(lt(attempts.triedAt, daysBefore(now, 1)));
  });
}

function daysBefore(now: Temporal.Instant, days: number): string {
  return iso(now.subtract({ hours: 24 * days }));
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
