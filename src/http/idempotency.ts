import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { sql } from 'drizzle-orm';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../calendar.ts';
import { iso } from '../calendar.ts';
import { type Database, pgErrorOf, rowsOf, type Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { Refusal } from '../refusals.ts';
import { type Actor, actorOf } from './route.ts';

/** How an operation that changes the world answers. */
export interface Answer<T> {
  status: 200 | 201 | 207;
  /** Path of what was made, for 201. */
  location?: (result: T) => string;
  /** The village whose rows it writes, where the path does not name it. */
  scope?: string;
  /** Members that are shown once and never kept: a replay has them `null`. */
  secrets?: readonly (keyof T & string)[];
}

/**
 * Runs the work of an operation once for each Idempotency-Key of its caller, in one database transaction with the record
 * of its answer, and sends the answer. To the type system a handler answers `T`, so that it is held to its schema; what
 * it hands to Fastify is the reply that was sent.
 */
export type Mutate = <T extends object>(
  request: AnyRequest,
  reply: AnyReply,
  work: (tx: Tx, actor: Actor) => Promise<T>,
  answer: Answer<T>,
) => Promise<T>;

/**
 * Runs the work of an operation that may be repeated by its nature (PUT, DELETE): the sign-in and grants are read again,
 * and no key is needed.
 */
export type Write = <T>(request: AnyRequest, work: (tx: Tx, actor: Actor) => Promise<T>) => Promise<T>;

/** Requests and replies of every route: what their own schemas say of them does not matter here. */
// biome-ignore lint/suspicious/noExplicitAny: Fastify's eight type parameters are the route's affair
export type AnyRequest = FastifyRequest<any, any, any, any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyReply = FastifyReply<any, any, any, any, any, any, any, any>;

export interface KeyRow {
  /** Empty for operations that belong to no village. */
  village: string;
  client: string;
  key: string;
  fingerprint: Buffer;
}

/** An answer that was kept; without a fingerprint, the one that is just being given. */
export interface Kept {
  fingerprint?: Buffer;
  status: number | null;
  location: string | null;
  body: string | null;
}

/**
 * @param standing refuses when the sign-in has ended or the grant is gone: read in the same database transaction, so
 *   that a dismissed clerk can change nothing from that moment
 */
export function mutations(deps: {
  database: Database;
  clock: Clock;
  standing: (tx: Tx, request: FastifyRequest) => Promise<Actor>;
}): { mutate: Mutate; write: Write } {
  const scopeOf = (request: AnyRequest) => (request.params as { village?: string }).village ?? none;

  const write: Write = (request, work) =>
    deps.database.inTransaction(scopeOf(request), async tx => {
      return work(tx, await deps.standing(tx, request));
    });

  const mutate = async <T extends object>(
    request: AnyRequest,
    reply: AnyReply,
    work: (tx: Tx, actor: Actor) => Promise<T>,
    answer: Answer<T>,
  ) => {
    const row = keyRowOf(request);
    const kept = await deps.database.inTransaction(answer.scope ?? scopeOf(request), async tx => {
      const standing = await deps.standing(tx, request);
      const earlier = await claim(tx, row, iso(deps.clock.now()));
      if (earlier !== undefined) return earlier;
      const result = await work(tx, standing);
      reply.code(answer.status);
      const first = {
        status: answer.status,
        location: answer.location?.(result) ?? null,
        body: String(reply.serialize(result)),
      };
      const stored =
        answer.secrets === undefined ? first.body : String(reply.serialize(without(result, answer.secrets)));
      await tx.execute(sql`
        update http.idempotency set status = ${first.status}, location = ${first.location}, body = ${stored}
         where village = ${row.village} and client = ${row.client} and key = ${row.key}`);
      return first;
    });

    return send<T>(reply, kept);
  };

  return { mutate, write };
}

/** The key of a call, and what the call says. @throws Refusal `idempotency-key-required` | `validation-failed` */
export function keyRowOf(request: AnyRequest): KeyRow {
  const actor = actorOf(request);
  if (request.routeOptions.config.idempotent !== true) throw new Error('the route does not declare config.idempotent');
  const village = (request.params as { village?: string }).village ?? '';
  return { village, client: actor.client, key: keyOf(request, actor), fingerprint: fingerprintOf(request, actor) };
}

/** Sends an answer as it was kept. A Buffer goes out as it is: the replay is the first answer, byte for byte. */
export function send<T>(reply: AnyReply, kept: Kept): T {
  if (kept.fingerprint !== undefined) reply.header('idempotency-replayed', 'true');
  if (kept.location !== null) reply.header('location', kept.location);
  return reply.code(kept.status!).type('application/json; charset=utf-8').send(Buffer.from(kept.body!)) as unknown as T;
}

/** What a client was answered under a key of its own. */
interface Outcome {
  status: number;
  location: string | null;
  body: unknown;
}

/**
 * The answer that was kept under a key, for a client who lost it. The key is taken to find out, for a call that is still
 * running cannot be seen; the refusal gives it back.
 * @throws Refusal `not-found`: no such call has taken effect | `idempotency-in-progress`
 */
export async function getOutcome(
  tx: Tx,
  row: { village: string; client: string; key: string },
  now: Temporal.Instant,
): Promise<Outcome> {
  const kept = await take(tx, { ...row, fingerprint: Buffer.alloc(0) }, iso(now));
  if (kept === undefined) throw new Refusal('not-found');
  return { status: kept.status!, location: kept.location, body: JSON.parse(kept.body!) };
}

const keptDays = 35;

/**
 * Forgets answers that are older than 35 days, one village at a time. What they did is guarded longer: a cause is unique
 * in its book for ever.
 */
export async function forgetAnswers(
  database: Database,
  villages: readonly string[],
  now: Temporal.Instant,
): Promise<void> {
  const before = iso(now.subtract({ hours: 24 * keptDays }));
  for (const village of ['', ...villages]) {
    await database.inTransaction(none, tx =>
      tx.execute(sql`delete from http.idempotency
           where village = ${village} and created_at > '-infinity' and created_at < ${before}`),
    );
  }
}

/** Takes the key, or answers what was kept under it for the same call. */
async function claim(tx: Tx, row: KeyRow, now: string): Promise<Kept | undefined> {
  const kept = await take(tx, row, now);
  if (kept !== undefined && !kept.fingerprint!.equals(row.fingerprint)) throw new Refusal('idempotency-key-reused');
  return kept;
}

/** Takes the key, or answers what was kept under it. Waits while the first call is still running. */
async function take(tx: Tx, row: KeyRow, now: string): Promise<Kept | undefined> {
  try {
    const taken = await rowsOf(
      tx,
      sql`
      insert into http.idempotency (village, client, key, fingerprint, created_at)
      values (${row.village}, ${row.client}, ${row.key}, ${row.fingerprint}, ${now})
      on conflict do nothing returning 1 as taken`,
    );
    if (taken.length === 1) return undefined;
  } catch (error) {
    if (pgErrorOf(error)?.code === '55P03') throw new Refusal('idempotency-in-progress', { retryAfterSeconds: 1 });
    throw error;
  }
  const [kept] = await rowsOf<Kept>(
    tx,
    sql`
    select fingerprint, status, location, body from http.idempotency
     where village = ${row.village} and client = ${row.client} and key = ${row.key}`,
  );
  if (kept === undefined) throw new Refusal('idempotency-in-progress', { retryAfterSeconds: 1 });
  return kept;
}

/** The key, bare or as a quoted string of RFC 9651. */
function keyOf(request: FastifyRequest, actor: Actor): string {
  // A device asks after its keys by `GET /v1/kiosk/outcomes/{key}`, and a path parameter has 64 characters.
  const lengthMax = actor.kind === 'staff' ? 255 : 64;
  const header = request.headers['idempotency-key'];
  const key = typeof header === 'string' ? header.trim().replace(/^"(.*)"$/, '$1') : '';
  if (key === '') throw new Refusal('idempotency-key-required');
  if (key.length > lengthMax || !/^[\x20-\x7e]+$/.test(key)) {
    throw new Refusal('validation-failed', {
      errors: [
        {
          pointer: '/headers/idempotency-key',
          code: 'pattern',
          detail: `must have 1 to ${lengthMax} printable ASCII characters`,
        },
      ],
    });
  }
  return key;
}

/**
 * SHA-256 over who calls, method, route, path and query values, and the body in its JCS form (RFC 8785). A kiosk's keys
 * are the device's, and its households' bodies do not say whose they are: without the caller, the next household would be
 * answered the last one's redemption. Of a body that is a file, its digest stands for it.
 */
/**
 * What a call says, digested. Without a PIN: there are a million of them, and whoever reads the digest would soon have
 * found the one that fits.
 */
function fingerprintOf(request: FastifyRequest, actor: Actor): Buffer {
  const who = [actor.kind, actor.id];
  const body = Buffer.isBuffer(request.body)
    ? createHash('sha256').update(request.body).digest('hex')
    : withoutPin(request.body);
  const said = [who, request.method, request.routeOptions.url, request.params, request.query, body ?? null];
  return createHash('sha256').update(canonicalize(said)!).digest();
}

function withoutPin(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('pin' in body)) return body;
  const { pin: _pin, ...said } = body;
  return said;
}

function without<T extends object>(result: T, secrets: readonly (keyof T & string)[]): T {
  return { ...result, ...Object.fromEntries(secrets.map(name => [name, null])) };
}
