import { sql } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { Actor, AnyReply, AnyRequest } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type Answering, admit, answerOf, callOf, keepAnswers, type Reauthorise, send } from './keys.ts';

/**
 * Runs the work of an operation once for each Idempotency-Key of its caller, in one database transaction with the record
 * of its answer, and sends the answer. To the type system a handler answers `T`, so that it is held to its schema; what
 * it hands to Fastify is the reply that was sent.
 */
export type Mutate = <T extends object>(
  request: AnyRequest,
  reply: AnyReply,
  work: (tx: Tx, actor: Actor) => Promise<T>,
  answering: Answering<T>,
) => Promise<T>;

/**
 * Runs the work of an operation that may be repeated by its nature (PUT, DELETE): the sign-in and grants are read again,
 * and no key is needed.
 */
export type Write = <T>(request: AnyRequest, work: (tx: Tx, actor: Actor) => Promise<T>) => Promise<T>;

export function mutations(deps: { database: Database; clock: Clock; reauthorise: Reauthorise }): {
  mutate: Mutate;
  write: Write;
} {
  const { database, clock, reauthorise } = deps;
  const scopeOf = (request: AnyRequest) => (request.params as { village?: string }).village ?? none;

  const write: Write = (request, work) =>
    database.inTransaction(scopeOf(request), async tx => {
      const [actor] = await reauthorise(tx, [request]);
      if (actor instanceof Refusal) throw actor;
      return work(tx, actor!);
    });

  const mutate: Mutate = async (request, reply, work, answering) => {
    const call = callOf(request);
    const answer = await database.inTransaction(answering.scope ?? scopeOf(request), async tx => {
      const [admitted] = await admit(tx, reauthorise, [call], { wait: true });
      if (admitted instanceof Refusal) throw admitted;
      if ('body' in admitted!) return admitted;
      const result = await work(tx, admitted!);
      const first = answerOf(reply, answering, result);
      const { status, location } = first;
      const { secrets } = answering;
      const body = secrets === undefined ? first.body : String(reply.serialize(without(result, secrets)));
      const { village, client, key } = call.key;
      await tx.execute(sql`
        ${keepAnswers}
        values (${village}, ${client}, ${key}, ${call.fingerprint}, ${iso(clock.now())}, ${status}, ${location}, ${body})`);
      return first;
    });
    return send(reply, answer);
  };

  return { mutate, write };
}

function without<T extends object>(result: T, secrets: readonly (keyof T & string)[]): T {
  return { ...result, ...Object.fromEntries(secrets.map(name => [name, null])) };
}
