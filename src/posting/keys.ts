import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { sql } from 'drizzle-orm';
import type { FastifyRequest } from 'fastify';
import { iso } from '../calendar.ts';
import { atOnce, type Database, rowsOf, type Tx } from '../db/database.ts';
import { pgErrorOf } from '../db/line.ts';
import { none } from '../db/scope.ts';
import { type Actor, type AnyReply, type AnyRequest, actorOf } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';

/** An Idempotency-Key and whose it is. */
interface Key {
  /** Empty for operations that belong to no village. */
  village: string;
  client: string;
  key: string;
}

/** A call under a key, with a fingerprint of its content. */
export interface Call {
  request: AnyRequest;
  key: Key;
  fingerprint: Buffer;
}

/** How an operation that changes the world answers. */
export interface Answering<T> {
  status: 200 | 201 | 207;
  /** Path of what was made, for 201. */
  location?: (result: T) => string;
  /** The village whose rows it writes, where the path does not name it. */
  scope?: string;
  /** Members that are shown once and never kept: a replay has them `null`. */
  secrets?: readonly (keyof T & string)[];
}

/** The answer to a call, as it is kept. */
export interface Answer {
  status: number;
  location: string | null;
  body: string;
}

/** An answer that has been given before. */
export interface Replay extends Answer {
  fingerprint: Buffer;
}

/**
 * Reads the callers' sessions and grants again, in the database transaction of what they write: a dismissed clerk can change
 * nothing from that moment on. Returns each caller with their current grants, or why they are refused.
 */
export type Reauthorise = (tx: Tx, requests: AnyRequest[]) => Promise<(Actor | Refusal)[]>;

/**
 * The call that a request makes. Its fingerprint is the SHA-256 of caller, method, route, path and query values, and the body
 * in JCS form (RFC 8785), or its digest if it is a file. The caller is included because a kiosk's keys belong to the device,
 * and the bodies of its households do not say whose they are: the next household would get the previous one's redemption.
 * A PIN is left out: there are a million of them, and whoever reads the digest would soon have found the one that fits.
 * @throws Refusal `idempotency-key-required` | `validation-failed`
 */
export function callOf(request: AnyRequest): Call {
  const actor = actorOf(request);
  const { method, routeOptions, params, query, body = null } = request;
  if (routeOptions.config.idempotent !== true) throw new Error('the route does not declare config.idempotent');
  const content = Buffer.isBuffer(body)
    ? createHash('sha256').update(body).digest('hex')
    : 'pin' in Object(body)
      ? withoutPin(body as object)
      : body;
  const input = canonicalize([[actor.kind, actor.id], method, routeOptions.url, params, query, content])!;
  const { village = '' } = params as { village?: string };
  const key = { village, client: actor.client, key: keyOf(request, actor) };
  return { request, key, fingerprint: createHash('sha256').update(input).digest() };
}

function withoutPin({ pin: _pin, ...rest }: { pin?: unknown }): object {
  return rest;
}

/**
 * Decides which of these calls may take effect. Returns for each its caller, with the key locked until the database
 * transaction ends; or the answer the same call has been given; or a refusal: whatever `reauthorise` refuses,
 * `idempotency-key-reused` or `idempotency-in-progress`. With `wait`, it waits for a call that is still running, as long as
 * for any lock; otherwise not at all.
 */
export async function admit(
  tx: Tx,
  reauthorise: Reauthorise,
  calls: Call[],
  options: { wait: boolean },
): Promise<(Actor | Replay | Refusal)[]> {
  const [actors, keys] = await atOnce([
    reauthorise(
      tx,
      calls.map(call => call.request),
    ),
    lockKeys(
      tx,
      calls.map(call => call.key),
      options,
    ),
  ]);
  return calls.map(({ fingerprint }, index) => {
    const actor = actors[index]!;
    const kept = keys[index];
    if (actor instanceof Refusal || kept === undefined) return actor;
    if (kept instanceof Refusal || kept.fingerprint.equals(fingerprint)) return kept;
    return new Refusal('idempotency-key-reused');
  });
}

/**
 * Locks keys until the database transaction ends. Returns the answer kept under each; `idempotency-in-progress` if another
 * call has the key, which may be an earlier one of this list; or undefined if it is free and now ours.
 */
async function lockKeys(tx: Tx, keys: Key[], { wait }: { wait: boolean }): Promise<(Replay | Refusal | undefined)[]> {
  const names = keys.map(({ village, client, key }) => `${village} ${client} ${key}`);
  try {
    const rows = await rowsOf<{ [K in keyof Replay]: Replay[K] | null } & { locked: boolean }>(
      tx,
      sql`
      select locked, fingerprint, status, location, body
        from http.lock_keys(${sql.param(keys.map(key => key.village))}, ${sql.param(keys.map(key => key.client))},
                            ${sql.param(keys.map(key => key.key))}, ${wait})`,
    );
    return rows.map(({ locked, ...kept }, index) => {
      if (kept.fingerprint !== null) return kept as Replay;
      return locked && names.indexOf(names[index]!) === index ? undefined : inProgress();
    });
  } catch (error) {
    if (pgErrorOf(error)?.code === '55P03') throw inProgress();
    throw error;
  }
}

function inProgress(): Refusal {
  return new Refusal('idempotency-in-progress', { retryAfterSeconds: 1 });
}

/** The beginning of the statement that keeps answers; `values` or a query completes it. */
export const keepAnswers = sql`
  insert into http.idempotency (village, client, key, fingerprint, created_at, status, location, body)`;

/** The answer to a call, serialized by its response schema. */
export function answerOf<T extends object>(reply: AnyReply, answering: Answering<T>, result: T): Answer {
  reply.code(answering.status);
  return {
    status: answering.status,
    location: answering.location?.(result) ?? null,
    body: String(reply.serialize(result)),
  };
}

/** Sends an answer as it was kept. A Buffer goes out as it is: the replay is the first answer, byte for byte. */
export function send<T>(reply: AnyReply, answer: Answer | Replay): T {
  if ('fingerprint' in answer) reply.header('idempotency-replayed', 'true');
  if (answer.location !== null) reply.header('location', answer.location);
  return reply
    .code(answer.status)
    .type('application/json; charset=utf-8')
    .send(Buffer.from(answer.body)) as unknown as T;
}

/** What a client was answered under a key of its own. */
interface Outcome {
  status: number;
  location: string | null;
  body: unknown;
}

/**
 * The answer that was kept under a key, for a client who lost it. The key is locked to find out, for a call that is still
 * running cannot be seen.
 * @throws Refusal `not-found`: no such call has taken effect | `idempotency-in-progress`
 */
export async function getOutcome(tx: Tx, key: Key): Promise<Outcome> {
  const [kept] = await lockKeys(tx, [key], { wait: true });
  if (kept === undefined) throw new Refusal('not-found');
  if (kept instanceof Refusal) throw kept;
  return { status: kept.status, location: kept.location, body: JSON.parse(kept.body) };
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

/** The key, bare or as a quoted string of RFC 9651. */
function keyOf(request: FastifyRequest, actor: Actor): string {
  // A device asks after its keys by `GET /v1/kiosk/outcomes/{key}`, and a path parameter has 64 characters.
  const lengthMax = actor.kind === 'staff' ? 255 : 64;
  const header = request.headers['idempotency-key'];
  const key = typeof header === 'string' ? header.trim().replace(/^"(.*)"$/, '$1') : '';
  if (key === '') throw new Refusal('idempotency-key-required');
  if (key.length > lengthMax || !/^[\x20-\x7e]+$/.test(key)) {
    throw malformed('/headers/idempotency-key', 'pattern', {
      zh: `幂等键须为 1 至 ${lengthMax} 个可见的英文字符。`,
      en: `The key must have 1 to ${lengthMax} printable ASCII characters.`,
    });
  }
  return key;
}
