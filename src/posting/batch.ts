import { randomInt } from 'node:crypto';
import { type SQL, sql } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import { atOnce, type Database, rowsOf, type Tx } from '../db/database.ts';
import { isOutOfReach, pgErrorOf } from '../db/line.ts';
import type { Scope } from '../db/scope.ts';
import type { Actor, AnyReply, AnyRequest } from '../http/route.ts';
import { knownCode, postingBooks } from '../ledger/post.ts';
import type { Command } from '../ledger/transactions.ts';
import { type Facts, Refusal } from '../refusals.ts';
import {
  type Answer,
  type Answering,
  admit,
  answerOf,
  type Call,
  callOf,
  keepAnswers,
  type Reauthorise,
  type Replay,
  send,
} from './keys.ts';

/* Group commit: many calls in one database transaction. README.md has a drawing. */

/** What a call is about to post, together with others. */
export interface Draft<Row = object, Result extends object = object> {
  village: string;
  command: Command;
  /** Its row and its response, with `numberPlaceholder` in place of the transaction's number. */
  row: Row;
  result: Result;
}

/** An operation whose calls do nothing but post, one command each. The only one so far is in `earning/award.ts`. */
export interface PostingOperation<Line, Context, D extends Draft, Conflict> {
  /** Reads what the calls are validated against, while their callers are still being authorised. */
  readContext(tx: Tx, calls: { village: string; line: Line }[]): Promise<Context>;
  /** Validates a call. @throws Refusal */
  draft(call: { actor: Actor; village: string; line: Line }, context: Context, now: Temporal.Instant): D;
  /** The part of `postingStatement` that inserts the rows of drafts. */
  insert(rows: D['row'][]): SQL;
  /** A query for what may have caused a refusal of the ledger; undefined if `explain` needs none. */
  conflictsWith(draft: D, refusal: Refusal): SQL | undefined;
  /** Turns the ledger's refusal into one of the operation. */
  explain(draft: D, refusal: Refusal, conflicts: Conflict[]): Refusal;
}

/** Like `Mutate`, for an operation whose calls may share a database transaction. */
export type Batched = <Line, Context, D extends Draft, Conflict>(
  operation: PostingOperation<Line, Context, D, Conflict>,
) => Submit<Line, D['result']>;

type Submit<Line, Result> = (
  request: AnyRequest,
  reply: AnyReply,
  line: Line,
  answering: Answering<Result>,
) => Promise<Result>;

/** By then a caller has been told that the outcome is unknown, or is about to be. */
const waitMs = 8_000;

/** 64 calls keep the books of their villages locked for a few hundredths of a second. */
const lane = { lanes: 2, itemsMax: 64, waitMs };

/** Retried calls must leave connections to others: a whole batch may have to be retried at once. */
const single = { lanes: 8, itemsMax: 1, waitMs };

interface Deps {
  database: Database;
  clock: Clock;
  reauthorise: Reauthorise;
}

interface BatchCall<Line, Result extends object> extends Call {
  reply: AnyReply;
  line: Line;
  answering: Answering<Result>;
}

/** A call's answer, its refusal, or a function that looks up why the ledger has refused it; undefined: retry it. */
type Outcome = Answer | Replay | Refusal | (() => Promise<Refusal>) | undefined;

/**
 * Calls in one database transaction: the outcome of each, undefined until it is known; and those that go to the ledger,
 * ordered by village, which is the order of their places there.
 */
interface Batch<D> {
  outcomes: Outcome[];
  drafted: (Call & Answer & { draft: D; index: number })[];
}

/**
 * Calls that arrive while a database transaction is running share the next one: one round trip for their sessions, grants,
 * keys and what they are validated against; then one statement, followed by the commit, that posts, inserts their rows and
 * keeps their answers. A call is retried as a batch of one if another call has its key or the batch failed as a whole: it
 * then waits for the other call, and its key tells whether it has taken effect.
 */
export function batching(deps: Deps): Batched {
  const singly = openLanes<() => Promise<Outcome[]>, Outcome>(async ([run]) => run!(), single);
  return <Line, Context, D extends Draft, Conflict>(
    operation: PostingOperation<Line, Context, D, Conflict>,
  ): Submit<Line, D['result']> => {
    const batched = openLanes<BatchCall<Line, D['result']>, Outcome>(async calls => {
      try {
        const outcomes = await runBatch(deps, operation, calls, { wait: false });
        return outcomes.map(one =>
          one instanceof Refusal && one.code === 'idempotency-in-progress' ? undefined : one,
        );
      } catch (error) {
        if (calls.length === 1 && pgErrorOf(error)?.constraint !== 'idempotency_pkey') throw error;
        // There was no free connection, or no answer on it: each retry would wait just as long.
        if (isOutOfReach(error) || (error instanceof Refusal && error.code === 'unavailable')) throw error;
        return calls.map(() => undefined);
      }
    }, lane);
    return async (request, reply, line, answering) => {
      const call = { ...callOf(request), reply, line, answering };
      const outcome = (await batched(call)) ?? (await singly(() => runBatch(deps, operation, [call], { wait: true })));
      if (outcome === undefined) throw new Error('the ledger neither posted nor refused a command');
      if (outcome instanceof Refusal) throw outcome;
      if (typeof outcome === 'function') throw await outcome();
      return send(reply, outcome);
    };
  };
}

async function runBatch<Line, Context, D extends Draft, Conflict>(
  { database, clock, reauthorise }: Deps,
  operation: PostingOperation<Line, Context, D, Conflict>,
  calls: BatchCall<Line, D['result']>[],
  options: { wait: boolean },
): Promise<Outcome[]> {
  const now = clock.now();
  const scope = commonScope(calls.map(call => call.key.village));
  let batch: Batch<D> = { outcomes: [], drafted: [] };
  const [results = []] = await database.inPipelinedTransaction(scope, async tx => {
    const named = calls.map(({ key: { village }, line }) => ({ village, line }));
    const [admitted, context] = await atOnce([
      admit(tx, reauthorise, calls, options),
      operation.readContext(tx, named),
    ]);
    batch = draftBatch(operation, calls, admitted, context, now);
    if (batch.drafted.length === 0) return [];
    const rows = batch.drafted.map(({ draft }) => draft.row);
    const lists = [...Map.groupBy(batch.drafted, ({ draft }) => draft.village)].map(([village, own]) => ({
      village,
      commands: own.map(({ draft }) => draft.command),
    }));
    return [postingStatement(postingBooks(lists), operation.insert(rows), batch.drafted, now)];
  });
  for (const { place, body, code, facts } of results as PostedRow[]) {
    const { draft, index, status, location } = batch.drafted[place - 1]!;
    if (body !== null) batch.outcomes[index] = { status, location, body };
    if (code !== null) {
      const refusal = new Refusal(knownCode(code), facts!);
      batch.outcomes[index] = () => explain(database, operation, draft, refusal);
    }
  }
  return batch.outcomes;
}

/**
 * The ledger's refusal, as one of the operation. What a call conflicts with is looked up once the batch has been committed:
 * the others do not wait for it, and what has refused the call is committed too.
 */
async function explain<Line, Context, D extends Draft, Conflict>(
  database: Database,
  operation: PostingOperation<Line, Context, D, Conflict>,
  draft: D,
  refusal: Refusal,
): Promise<Refusal> {
  const question = operation.conflictsWith(draft, refusal);
  const conflicts =
    question === undefined ? [] : await database.inSnapshot(draft.village, db => rowsOf<Conflict>(db, question));
  return operation.explain(draft, refusal, conflicts);
}

/** Validates the calls that were admitted and prepares their answers. */
function draftBatch<Line, Context, D extends Draft, Conflict>(
  operation: PostingOperation<Line, Context, D, Conflict>,
  calls: BatchCall<Line, D['result']>[],
  admitted: (Actor | Replay | Refusal)[],
  context: Context,
  now: Temporal.Instant,
): Batch<D> {
  const drafted: Batch<D>['drafted'] = [];
  const outcomes = admitted.map((one, index) => {
    if (one instanceof Refusal || 'body' in one) return one;
    const call = calls[index]!;
    try {
      const draft = operation.draft({ actor: one, village: call.key.village, line: call.line }, context, now);
      drafted.push({ ...call, ...answerOf(call.reply, call.answering, draft.result), draft, index });
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  });
  return { outcomes, drafted: drafted.sort((a, b) => Number(a.key.village) - Number(b.key.village)) };
}

/*
 * A transaction's number is known only once PostgreSQL has posted it. By then its row and its answer must be ready, because
 * no book may stay locked while the service computes. They therefore contain a placeholder, which only the SQL of `numbered`
 * replaces. Invariant: nobody can guess the placeholder, so it occurs only where we have put it, and it leaves this process
 * only inside the statement that replaces it.
 */
export const numberPlaceholder = -randomInt(2 ** 47, 2 ** 48 - 1);

/** SQL for the text of `column` with the real number; for use in `postingStatement`, where `posted` has the number. */
export function numbered(column: string): string {
  return `replace(${column}, '${numberPlaceholder}', posted.number::text)`;
}

/** The result of a command: posted under a number, refused with a code, or neither: rolled back. */
export interface PostedRow {
  place: number;
  number: number | null;
  code: string | null;
  facts: Facts | null;
  /** The body of its answer, if one was kept. */
  body: string | null;
}

/**
 * One statement that posts commands, inserts what belongs to those that were posted, and keeps the answers of their calls.
 * `posting` is an expression of `ledger/post.ts`. `inserting` joins `posted (place, number)`, in which `place` counts the
 * commands from 1. Returns `PostedRow`s. If a key has been inserted meanwhile, another call has taken effect and this
 * statement fails.
 */
export function postingStatement(
  posting: SQL,
  inserting: SQL,
  answered: (Call & Answer)[],
  now: Temporal.Instant,
): SQL {
  // The planner expects `is not null` to be true of nearly all rows, and `status = 'posted'` of hardly any.
  return sql`
    with results as materialized (
           select posted.*, ${numberedBody} as body
             from (select place::integer, code, facts, village, client, key, fingerprint, status, location, template,
                          case outcome when 'posted' then number end as number
                     from rows from (jsonb_to_recordset(${posting})
                                       as (status text, number bigint, code text, facts jsonb),
                                     unnest(${sql.param(answered.map(one => one.key.village))}::text[]),
                                     unnest(${sql.param(answered.map(one => one.key.client))}::uuid[]),
                                     unnest(${sql.param(answered.map(one => one.key.key))}::text[]),
                                     unnest(${sql.param(answered.map(one => one.fingerprint))}::bytea[]),
                                     unnest(${sql.param(answered.map(one => one.status))}::smallint[]),
                                     unnest(${sql.param(answered.map(one => one.location))}::text[]),
                                     unnest(${sql.param(answered.map(one => one.body))}::text[]))
                            with ordinality r (outcome, number, code, facts, village, client, key, fingerprint, status,
                                               location, template, place)) posted),
         posted as (
           select place, number from results where number is not null),
         inserted as (${inserting}),
         kept as (
           ${keepAnswers}
           select village, client, key, fingerprint, ${iso(now)}, status, location, body
             from results
            where body is not null)
    select place, number, code, facts, body from results`;
}

const numberedBody = sql.raw(numbered('template'));

/** The narrowest scope that contains all of these villages. @throws Error if they do not even share a province */
function commonScope(villages: readonly string[]): Scope {
  const [first] = villages;
  const scope = [12, 9, 6, 4, 2]
    .map(digits => first!.slice(0, digits))
    .find(prefix => villages.every(village => village.startsWith(prefix)));
  if (scope === undefined) throw new Error('villages without a common scope');
  return scope;
}

/**
 * Group commit. `run` does the work of many callers in one database transaction; callers who arrive while one is running
 * wait, and all go with the next. There are no timers: a single caller goes at once, and the more callers there are, the more
 * share one commit. Another lane opens when as many callers are waiting as the longest run has: while PostgreSQL executes one
 * run, another is prepared or waits for the disk, and runs stay long, because preparing them is what costs most.
 *
 * Why: a credit on its own costs several round trips, a commit, and more time for preparation than for posting. Sixteen
 * clients that share these need less of the machine than sixteen direct calls of ledger.post (bench/README.md).
 *
 * @param run returns one outcome per item, in order; if it throws, all of its items fail with that error
 * @param lanes the most runs at once
 * @param itemsMax the most items per run: whatever shares a database transaction keeps its locks until the last is done
 * @param waitMs an item that has waited longer fails with `unavailable` when its turn comes: nobody waits for it any more,
 *   and after a silence of the database those that do would wait for all of these
 */
export function openLanes<Item, Outcome>(
  run: (items: Item[]) => Promise<Outcome[]>,
  { lanes, itemsMax, waitMs }: { lanes: number; itemsMax: number; waitMs: number },
): (item: Item) => Promise<Outcome> {
  const queue: (PromiseWithResolvers<Outcome> & { item: Item; since: number })[] = [];
  const underWay = new Set<typeof queue>();

  /** Starts what may start: the first run at once, another one if it is as long as the longest. */
  async function start(): Promise<void> {
    while (queue.length > 0 && performance.now() - queue[0]!.since > waitMs)
      queue.shift()!.reject(new Refusal('unavailable', { retryAfterSeconds: 2 }));
    const longest = Math.max(...[...underWay].map(waiting => waiting.length));
    if (queue.length === 0 || underWay.size === lanes || queue.length < longest) return;
    const waiting = queue.splice(0, itemsMax);
    underWay.add(waiting);
    void start();
    try {
      const outcomes = await run(waiting.map(one => one.item));
      for (const [index, one] of waiting.entries()) one.resolve(outcomes[index]!);
    } catch (error) {
      for (const one of waiting) one.reject(error);
    } finally {
      underWay.delete(waiting);
      void start();
    }
  }

  return item => {
    const waiting = { ...Promise.withResolvers<Outcome>(), item, since: performance.now() };
    queue.push(waiting);
    void start();
    return waiting.promise;
  };
}
