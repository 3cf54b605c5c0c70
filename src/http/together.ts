import { type SQL, sql } from 'drizzle-orm';
import type { FastifyRequest } from 'fastify';
import { type Clock, iso } from '../calendar.ts';
import { atOnce, type Database, type Hot, pgErrorOf, rowsOf, type Tx } from '../db/database.ts';
import { commonScope } from '../db/scope.ts';
import { openLanes } from '../ledger/lanes.ts';
import { Refusal } from '../refusals.ts';
import {
  type Answer,
  type AnyReply,
  type AnyRequest,
  type Kept,
  type KeyRow,
  keyRowOf,
  type Mutate,
  send,
} from './idempotency.ts';
import { type Actor, actorOf } from './route.ts';

/** One call's part of the work that many calls share. */
export interface Piece<Input> {
  actor: Actor;
  village: string;
  input: Input;
}

/** The work of many calls in one database transaction. Each is answered by itself: a refusal harms no other. */
export interface SharedWork<Input, Read, Result> {
  /** Reads what the work needs, while it is still being found out who may do what. */
  read(tx: Tx, pieces: Omit<Piece<Input>, 'actor'>[]): Promise<Read>;
  /** Posts. `rest` are the statements that write what then remains, beside the record of the answers. */
  post(tx: Tx, pieces: Piece<Input>[], read: Read): Promise<{ results: (Result | Refusal)[]; rest: SQL[] }>;
}

/** As `Mutate`, for an operation whose calls may share a database transaction. */
export type Together = <Input, Read, Result extends object>(
  work: SharedWork<Input, Read, Result>,
) => Shared<Input, Result>;

type Shared<Input, Result> = (
  request: AnyRequest,
  reply: AnyReply,
  input: Input,
  answer: Answer<Result>,
) => Promise<Result>;

/** Sixty-four calls hold the pens of their villages for some hundredths of a second. */
const lane = { lanes: 2, itemsMax: 64 };

/**
 * Calls of operations that do nothing but post go by lanes (`ledger/lanes.ts`): those that come while a database
 * transaction is under way share the next, with one look at their sign-ins and grants, one at their keys, one post, and
 * one record of their answers, which commits with their effects. If anything goes wrong for all, each is tried by itself.
 */
export function sharing(deps: {
  database: Database;
  clock: Clock;
  mutate: Mutate;
  standingOfAll: (tx: Tx, requests: FastifyRequest[]) => Promise<(Actor | Refusal)[]>;
}): Together {
  return together;

  function together<Input, Read, Result extends object>(work: SharedWork<Input, Read, Result>): Shared<Input, Result> {
    interface Call {
      request: AnyRequest;
      reply: AnyReply;
      input: Input;
      answer: Answer<Result>;
      row: KeyRow;
    }
    type Outcome = Kept | Refusal | 'alone';

    const enter = openLanes<Call, Outcome>(async calls => {
      try {
        return await deps.database.inHotTransaction(commonScope(calls.map(call => call.row.village)), tx =>
          all(tx, calls),
        );
      } catch (error) {
        // Of two calls with one key in two processes, the second finds the first one's record: by itself it waits for it.
        if (calls.length === 1 && pgErrorOf(error)?.constraint !== 'idempotency_pkey') throw error;
        // No connection was to be had: each by itself would wait for one as long again.
        if (error instanceof Refusal && error.code === 'unavailable') throw error;
        return calls.map(() => 'alone' as const);
      }
    }, lane);

    async function all(tx: Tx, calls: Call[]): Promise<Hot<Outcome[]>> {
      const outcomes: (Outcome | undefined)[] = calls.map(() => undefined);
      const [standings, kept, read] = await atOnce<[(Actor | Refusal)[], Map<string, Kept>, Read]>(tx, () => [
        deps.standingOfAll(
          tx,
          calls.map(call => call.request),
        ),
        keptUnder(
          tx,
          calls.map(call => call.row),
        ),
        work.read(
          tx,
          calls.map(({ row, input }) => ({ village: row.village, input })),
        ),
      ]);
      const taken = new Set<string>();
      const fresh: number[] = [];
      calls.forEach(({ row }, index) => {
        const name = nameOf(row);
        const standing = standings[index]!;
        const earlier = kept.get(name);
        if (standing instanceof Refusal) outcomes[index] = standing;
        else if (earlier !== undefined) outcomes[index] = replayOf(earlier, row);
        else if (taken.has(name)) outcomes[index] = 'alone';
        else {
          taken.add(name);
          fresh.push(index);
        }
      });
      if (fresh.length === 0) return { result: outcomes as Outcome[], last: [] };

      const { results, rest } = await work.post(
        tx,
        fresh.map(index => ({
          actor: standings[index] as Actor,
          village: calls[index]!.row.village,
          input: calls[index]!.input,
        })),
        read,
      );
      // Whoever is refused may have been refused by its own first call, which held the pen until now.
      const refused = fresh.filter((_, place) => results[place] instanceof Refusal).map(index => calls[index]!.row);
      const meanwhile = refused.length === 0 ? new Map<string, Kept>() : await keptUnder(tx, refused);
      const answered: { row: KeyRow; first: Kept }[] = [];
      fresh.forEach((index, place) => {
        const result = results[place]!;
        const { row, reply, answer } = calls[index]!;
        if (result instanceof Refusal) {
          const first = meanwhile.get(nameOf(row));
          outcomes[index] = first === undefined ? result : replayOf(first, row);
          return;
        }
        reply.code(answer.status);
        const first = {
          status: answer.status,
          location: answer.location?.(result) ?? null,
          body: String(reply.serialize(result)),
        };
        outcomes[index] = first;
        answered.push({ row, first });
      });
      return {
        result: outcomes as Outcome[],
        last: [...rest, ...keep(answered, iso(deps.clock.now()))],
      };
    }

    return async (request, reply, input, answer) => {
      const actor = actorOf(request);
      const alone = () =>
        deps.mutate<Result>(
          request,
          reply,
          async (tx, standing): Promise<Result> => {
            const { village } = request.params as { village: string };
            const piece = { actor: standing, village, input };
            const { results, rest } = await work.post(tx, [piece], await work.read(tx, [piece]));
            const [result] = results;
            if (result instanceof Refusal) throw result;
            for (const statement of rest) await tx.execute(statement);
            return result as Result;
          },
          answer,
        );
      // Devices and households are few and looked at in their own way.
      if (actor.kind !== 'staff') return alone();
      const row = keyRowOf(request);
      const outcome = await enter({ request, reply, input, answer, row });
      if (outcome === 'alone') return alone();
      if (outcome instanceof Refusal) throw outcome;
      return send<Result>(reply, outcome);
    };
  }
}

function nameOf({ village, client, key }: KeyRow): string {
  return `${village} ${client} ${key}`;
}

function replayOf(earlier: Kept, row: KeyRow): Kept | Refusal {
  return earlier.fingerprint!.equals(row.fingerprint) ? earlier : new Refusal('idempotency-key-reused');
}

/** What was answered under these keys, by name. */
async function keptUnder(tx: Tx, rows: KeyRow[]): Promise<Map<string, Kept>> {
  const kept = await rowsOf<Kept & KeyRow>(
    tx,
    sql`
    select i.village, i.client, i.key, i.fingerprint, i.status, i.location, i.body
      from unnest(${column(rows, 'village')}::text[], ${column(rows, 'client')}::uuid[], ${column(rows, 'key')}::text[])
             k (village, client, key)
     cross join lateral (
       select * from http.idempotency where village = k.village and client = k.client and key = k.key offset 0) i`,
  );
  return new Map(kept.map(row => [nameOf(row), row]));
}

/** Records what the calls were answered. If a key was taken meanwhile, another call has had its effect: nothing stays. */
function keep(answered: { row: KeyRow; first: Kept }[], now: string): SQL[] {
  if (answered.length === 0) return [];
  const ordered = answered.toSorted((a, b) => (nameOf(a.row) < nameOf(b.row) ? -1 : 1));
  const rows = ordered.map(({ row, first }) => ({ ...row, ...first, fingerprint: row.fingerprint }));
  return [
    sql`
    insert into http.idempotency (village, client, key, fingerprint, created_at, status, location, body)
    select k.village, k.client, k.key, k.fingerprint, ${now}, k.status, k.location, k.body
      from unnest(${column(rows, 'village')}::text[], ${column(rows, 'client')}::uuid[], ${column(rows, 'key')}::text[],
                  ${column(rows, 'fingerprint')}::bytea[], ${column(rows, 'status')}::int[],
                  ${column(rows, 'location')}::text[], ${column(rows, 'body')}::text[])
             k (village, client, key, fingerprint, status, location, body)`,
  ];
}

function column<T>(rows: T[], name: keyof T) {
  return sql.param(rows.map(row => row[name]));
}
