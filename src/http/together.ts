import { randomInt } from 'node:crypto';
import { type SQL, sql } from 'drizzle-orm';
import type { FastifyRequest } from 'fastify';
import { type Clock, iso } from '../calendar.ts';
import { atOnce, type Database, type Hot, pgErrorOf, rowsOf, type Tx } from '../db/database.ts';
import { commonScope } from '../db/scope.ts';
import { openLanes } from '../ledger/lanes.ts';
import { postingBooks } from '../ledger/post.ts';
import type { Command } from '../ledger/transactions.ts';
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
interface Piece<Input> {
  actor: Actor;
  village: string;
  input: Input;
}

/** Work of calls that do nothing but post, one command each. */
interface SharedWork<Input, Read, Row extends object, Result> {
  /** Reads what all need, while it is still being found out who may do what. */
  read(tx: Tx, pieces: Omit<Piece<Input>, 'actor'>[]): Promise<Read>;
  /**
   * What a call posts, the row it writes and its answer, with `number` where the number of its transaction will stand.
   * @throws Refusal
   */
  draft(piece: Piece<Input>, read: Read, number: number): { command: Command; row: Row; result: Result };
  /** The statement that writes the rows, completed by `posted (place, number)`; what is not in there was not posted. */
  write(rows: (Row & { place: number })[]): SQL;
  /** The same for one call, which is told why it is refused. */
  alone(tx: Tx, piece: Piece<Input>): Promise<Result>;
}

/** As `Mutate`, for an operation whose calls may share a database transaction. */
export type Together = <Input, Read, Row extends object, Result extends object>(
  work: SharedWork<Input, Read, Row, Result>,
) => Shared<Input, Result>;

type Shared<Input, Result> = (
  request: AnyRequest,
  reply: AnyReply,
  input: Input,
  answer: Answer<Result>,
) => Promise<Result>;

/** Sixty-four calls hold the pens of their villages for some hundredths of a second. */
const lane = { lanes: 2, itemsMax: 64 };

/** Calls that are tried alone leave connections to others: a whole lane may be refused at once. */
const single = { lanes: 8, itemsMax: 1 };

/**
 * Stands in rows and answers for the number that PostgreSQL is about to give, and is replaced by it there, so that nobody
 * holds a pen while the service thinks. Nobody can know it: it never leaves this process but to be replaced.
 */
const numberToCome = -randomInt(2 ** 47, 2 ** 48 - 1);

/**
 * Calls of operations that do nothing but post go by lanes (`ledger/lanes.ts`): those that come while a database
 * transaction is under way share the next. One look at their sign-ins, their grants, their keys and what they are judged
 * by; then one statement, with the commit behind it, that posts, writes their rows, and keeps their answers. Whoever is
 * refused, and everybody if anything goes wrong for all, is tried again alone: it may have been refused by its own first
 * call, and what stands against it is said there.
 */
export function sharing(deps: {
  database: Database;
  clock: Clock;
  mutate: Mutate;
  standingOfAll: (tx: Tx, requests: FastifyRequest[]) => Promise<(Actor | Refusal)[]>;
}): Together {
  const tryAlone = openLanes<() => Promise<unknown>, unknown>(async ([run]) => [await run!()], single);
  return together;

  function together<Input, Read, Row extends object, Result extends object>(
    work: SharedWork<Input, Read, Row, Result>,
  ): Shared<Input, Result> {
    interface Call {
      request: AnyRequest;
      reply: AnyReply;
      input: Input;
      answer: Answer<Result>;
      row: KeyRow;
    }
    type Outcome = Kept | Refusal | 'alone';
    type Drafted = ReturnType<typeof work.draft> & { call: Call; index: number };

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
      const outcomes: Outcome[] = calls.map(() => 'alone');
      const drafts: Drafted[] = [];
      const taken = new Set<string>();
      calls.forEach((call, index) => {
        const { row, input } = call;
        const name = nameOf(row);
        const standing = standings[index]!;
        const earlier = kept.get(name);
        if (standing instanceof Refusal) outcomes[index] = standing;
        else if (earlier !== undefined) outcomes[index] = replayOf(earlier, row);
        else if (!taken.has(name)) {
          taken.add(name);
          const draft = unlessRefused(() =>
            work.draft({ actor: standing, village: row.village, input }, read, numberToCome),
          );
          if (draft !== undefined) drafts.push({ ...draft, call, index });
        }
      });
      if (drafts.length === 0) return { last: [], result: () => outcomes };

      const placed = [...Map.groupBy(drafts, draft => draft.call.row.village)];
      const lists = placed.map(([village, own]) => ({ village, commands: own.map(draft => draft.command) }));
      const inOrder = placed.flatMap(([, own]) => own);
      const answers = inOrder.map(answerOf);
      const statement = sql`
        with posted as materialized (${postingBooks(lists)}),
             written as (${work.write(inOrder.map(({ row }, index) => ({ ...row, place: index + 1 })))}),
             kept as (${keep(
               inOrder.map(({ call }, index) => ({ ...call.row, ...answers[index]!, place: index + 1 })),
               iso(deps.clock.now()),
             )})
        select place, number from posted`;
      return {
        last: [statement],
        result([posted]) {
          for (const { place, number } of posted as { place: number; number: number }[]) {
            const { body, ...rest } = answers[place - 1]!;
            outcomes[inOrder[place - 1]!.index] = { ...rest, body: body.replaceAll(`${numberToCome}`, `${number}`) };
          }
          return outcomes;
        },
      };
    }

    function answerOf({ call: { reply, answer }, result }: Drafted) {
      reply.code(answer.status);
      return {
        status: answer.status,
        location: answer.location?.(result) ?? null,
        body: String(reply.serialize(result)),
      };
    }

    return async (request, reply, input, answer) => {
      const { village } = request.params as { village: string };
      const alone = () =>
        deps.mutate<Result>(request, reply, (tx, actor) => work.alone(tx, { actor, village, input }), answer);
      // Devices and households are few and looked at in their own way.
      if (actorOf(request).kind !== 'staff') return alone();
      const outcome = await enter({ request, reply, input, answer, row: keyRowOf(request) });
      if (outcome === 'alone') return tryAlone(alone) as Promise<Result>;
      if (outcome instanceof Refusal) throw outcome;
      return send<Result>(reply, outcome);
    };
  }
}

function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
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

/**
 * Keeps what the calls of `posted` are answered. If a key was taken meanwhile, another call has had its effect: nothing
 * stays.
 */
function keep(rows: (KeyRow & Kept & { place: number })[], now: string): SQL {
  return sql`
    insert into http.idempotency (village, client, key, fingerprint, created_at, status, location, body)
    select k.village, k.client, k.key, k.fingerprint, ${now}, k.status, k.location,
           replace(k.body, ${`${numberToCome}`}, posted.number::text)
      from unnest(${column(rows, 'place')}::int[], ${column(rows, 'village')}::text[], ${column(rows, 'client')}::uuid[],
                  ${column(rows, 'key')}::text[], ${column(rows, 'fingerprint')}::bytea[], ${column(rows, 'status')}::int[],
                  ${column(rows, 'location')}::text[], ${column(rows, 'body')}::text[])
             k (place, village, client, key, fingerprint, status, location, body)
      join posted on posted.place = k.place`;
}

function column<T>(rows: T[], name: keyof T) {
  return sql.param(rows.map(row => row[name]));
}
