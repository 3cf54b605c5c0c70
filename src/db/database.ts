import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SQL } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { Refusal } from '../refusals.ts';
import {
  answerMs,
  exportSilenceMs,
  isOutOfReach,
  isReadOnly,
  isSilent,
  lineSettings,
  pgErrorOf,
  silence,
} from './line.ts';
import { none, type Scope } from './scope.ts';

const dialect = new PgDialect({ casing: 'snake_case' });

declare const writes: unique symbol;

/** What reads: a snapshot, or a `Tx`. */
export type Db = NodePgDatabase<Record<string, never>> & { $client: pg.PoolClient };

/** What writes: a database transaction. A bare `Db` does not fit where a `Tx` is asked for. */
export type Tx = Db & { readonly [writes]: true };

export interface Database {
  /**
   * Runs `work` in one database transaction that sees and writes only rows of `scope`, and retries it up to three times
   * when PostgreSQL asks for it (40001, 40P01). Inside, nothing waits for anything but PostgreSQL.
   */
  inTransaction<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * The same for a hot path whose statements find every row by its key: each is planned once for a connection. With lists
   * as parameters PostgreSQL would plan it anew each time, which takes longer than all the rest. `work` returns the
   * statements that come last: they are sent in one packet with `commit`, as its first queries are with `begin`. Returns
   * the rows of each.
   */
  inPipelinedTransaction(scope: Scope, work: (tx: Tx) => Promise<SQL[]>): Promise<pg.QueryResultRow[][]>;
  /** Runs `work` on one unchanging picture of the rows of `scope`. */
  inSnapshot<T>(scope: Scope, work: (db: Db) => Promise<T>): Promise<T>;
  /**
   * As `inSnapshot`, on connections of its own and without time-outs: for exports that stream for minutes. Only a line on
   * which nothing moves any more is given up.
   */
  inExport<T>(scope: Scope, work: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const { builtins } = pg.types;

/** A bigint that JavaScript could not hold exactly is a bug, not a rounded number. */
pg.types.setTypeParser(builtins.INT8, text => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`integer out of range: ${text}`);
  return value;
});
pg.types.setTypeParser(builtins.DATE, text => text);

/** Texts beyond this many are sent unnamed: lists of every length make a new text each. */
const namesMax = 1_000;
const names = new Map<string, string>();

/**
 * A client that names every query with parameters after its text, so that PostgreSQL parses and plans it once for each
 * connection. The planning of one join under row-level security costs several times its execution: without this a credit
 * took four times as long.
 */
class PreparingClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg declares a dozen forms of this one method
  override query(config: any, values?: any, callback?: any): any {
    const isPlain =
      typeof config === 'object' && typeof config.text === 'string' && typeof config.submit !== 'function';
    const parameters = Array.isArray(values) ? values : config?.values;
    if (!isPlain || config.name !== undefined || !(parameters?.length > 0))
      return super.query(config, values, callback);
    return super.query({ ...config, name: names.get(config.text) ?? nameNew(config.text) }, values, callback);
  }
}

function nameNew(text: string): string | undefined {
  if (names.size >= namesMax) return undefined;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 40);
  names.set(text, name);
  return name;
}

/** Opens the pools on `url`, the connection string of the role `jifen_app`. */
export function openDatabase(
  url: string,
  options: {
    connections?: number;
    connectionWaitMs?: number;
    exportSilenceMs?: number;
    onError: (error: Error) => void;
  },
): Database {
  // Two seconds in which nobody gives a connection back are an answer of their own: the service is stuck, and says so.
  const open = (max: number, settings: PoolSettings) =>
    openPool(url, { max, waitMs: options.connectionWaitMs ?? 2_000, ...settings }, error => {
      // A connection that is still saying goodbye may hear that PostgreSQL stops.
      if (!closing) options.onError(error);
    });
  let closing = false;
  const pool = open(options.connections ?? 20, { pipeline: true });
  // An answer that streams cannot share its connection. It has no time limit here: node-postgres never takes back the timer
  // of a query that is read by a cursor. Its line has one instead.
  const silenceMs = options.exportSilenceMs ?? exportSilenceMs;
  const exportPool = open(4, { pipeline: false, query_timeout: 0, silenceMs });

  return {
    inTransaction: (scope, work) => onConnection(pool, `begin; ${scopeStatement(scope)}`, db => work(db as Tx)),
    inPipelinedTransaction: (scope, work) =>
      pipelined(
        pool,
        `begin; ${scopeStatement(scope)}; set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off`,
        db => work(db as Tx),
      ),
    inSnapshot: (scope, work) =>
      onConnection(pool, `begin isolation level repeatable read read only; ${scopeStatement(scope)}`, work),
    inExport: (scope, work) =>
      onConnection(
        exportPool,
        `begin isolation level repeatable read read only; ${scopeStatement(scope)};
         select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'transaction_timeout');
         set local idle_in_transaction_session_timeout = '60s'`,
        work,
        { failed: 'close' },
      ),
    async close() {
      closing = true;
      await Promise.all([endPool(pool), endPool(exportPool)]);
    },
  };
}

interface PoolSettings {
  pipeline: boolean;
  query_timeout?: number;
  /** After so long without a byte a connection is closed. */
  silenceMs?: number;
}

function openPool(
  connectionString: string,
  { max, waitMs, silenceMs = 0, ...settings }: PoolSettings & { max: number; waitMs: number },
  onError: (error: Error) => void,
): pg.Pool {
  const pool = new pg.Pool({
    Client: PreparingClient,
    ...lineSettings,
    // In a pipeline, what is asked before an earlier answer has come goes out behind it.
    ...settings,
    connectionString,
    max,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', onError);
  const state: PoolState = { releases: 0, open: new Set(), suspects: new WeakSet() };
  states.set(pool, state);
  pool.on('connect', client => {
    state.open.add(client);
    const { stream } = (client as unknown as OnSocket).connection;
    stream.setTimeout(silenceMs);
    // Where something waits that nobody has read, it is not PostgreSQL that is silent.
    stream.on('timeout', () => (stream.readableLength > 0 ? stream.setTimeout(silenceMs) : stream.destroy(silence())));
  });
  pool.on('remove', client => state.open.delete(client));
  pool.on('release', () => {
    state.releases += 1;
  });
  return pool;
}

interface PoolState {
  /** How often a connection was given back. */
  releases: number;
  /** Its connections, with those that are saying goodbye. */
  open: Set<pg.PoolClient>;
  /**
   * Connections that are not used again, because another one was silent, and each would be waited for just as long; or because
   * it only reads, and a new connection may find a PostgreSQL that writes.
   */
  suspects: WeakSet<pg.PoolClient>;
}

const states = new WeakMap<pg.Pool, PoolState>();

/** By then whoever is still asking something will not be answered in time. */
const goodbyeMs = 5_000;

/** Lets what is under way end, and hangs up where nobody answers. */
async function endPool(pool: pg.Pool): Promise<void> {
  const { open } = states.get(pool)!;
  // Not cleared: a goodbye is waited for by nobody, and yet its socket keeps the process.
  setTimeout(() => open.forEach(hangUp), goodbyeMs).unref();
  await pool.end();
}

/** What node-postgres does not show of a client. */
type OnSocket = { connection: { stream: Socket } };

/** Closes the socket, without the goodbye that a silent line would not answer. */
function hangUp(client: pg.PoolClient): void {
  (client as unknown as OnSocket).connection.stream.destroy();
}

/**
 * @param failed what becomes of the connection when `work` fails. One that broke off in the midst of a stream would never
 *   come to a `rollback`, which waits behind what nobody reads any more: it is closed.
 */
async function onConnection<T>(
  pool: pg.Pool,
  begin: string,
  work: (db: Db) => Promise<T>,
  { failed }: { failed: 'rollback' | 'close' } = { failed: 'rollback' },
): Promise<T> {
  return withClient(pool, failed, async (client, db) => {
    // At once, or not at all, whatever the work may take.
    await client.query({ text: begin, query_timeout: answerMs } as pg.QueryConfig);
    const result = await work(db);
    await client.query('commit');
    return result;
  });
}

/** The first queries go out behind `begin`, and `commit` behind the last: the fewest times that one waits for the other. */
async function pipelined(
  pool: pg.Pool,
  begin: string,
  work: (db: Db) => Promise<SQL[]>,
): Promise<pg.QueryResultRow[][]> {
  return withClient(pool, 'rollback', async (client, db) => {
    const { stream } = (client as unknown as OnSocket).connection;
    // In one packet with the first queries, which come within this turn.
    stream.cork();
    process.nextTick(() => stream.uncork());
    const begun = client.query(begin);
    begun.catch(() => undefined);
    const last = (await work(db)).map(statement => {
      const { sql: text, params: values } = dialect.sqlToQuery(statement);
      return { text, values };
    });
    await begun;
    let isWhole = true;
    const asked: Promise<pg.QueryResult>[] = [];
    stream.cork();
    for (const statement of [...last, { text: 'commit' }]) {
      // What the driver cannot put on the line it leaves out, and says so at once: PostgreSQL would commit the rest.
      if (!isWhole) break;
      const answer = Promise.withResolvers<pg.QueryResult>();
      client.query(statement, (error: Error | null, result: pg.QueryResult) => {
        if (error === null) return answer.resolve(result);
        isWhole = false;
        answer.reject(error);
      });
      asked.push(answer.promise);
    }
    stream.uncork();
    const answers = await Promise.all(asked);
    // PostgreSQL answers a commit of what has failed with a rollback, and no error.
    if (answers.pop()!.command !== 'COMMIT') throw new Error('PostgreSQL rolled back instead of committing');
    return answers.map(answer => answer.rows);
  });
}

/** Runs `work`, which is one database transaction, and retries it when PostgreSQL asks for that. */
async function withClient<T>(
  pool: pg.Pool,
  failed: 'rollback' | 'close',
  work: (client: pg.PoolClient, db: Db) => Promise<T>,
): Promise<T> {
  const { open, suspects } = states.get(pool)!;
  const client = await connect(pool);
  const db = drizzle(client, { casing: 'snake_case' }) as unknown as Db;
  let broken = false;
  // PostgreSQL may end a connection between two queries, and an error that nobody listens to ends the process.
  const lost = () => {
    broken = true;
  };
  client.on('error', lost);
  try {
    for (let retriesLeft = 3; ; retriesLeft -= 1) {
      try {
        return await work(client, db);
      } catch (error) {
        if (isSilent(error) || isReadOnly(error)) for (const one of open) suspects.add(one);
        // A rollback would be waited for just as long; and where PostgreSQL reads only, another may do better.
        if (failed === 'close' || isOutOfReach(error)) broken = true;
        else {
          await client.query('rollback').catch(() => {
            broken = true;
          });
        }
        if (broken || retriesLeft === 0 || !/^40(001|P01)$/.test(pgErrorOf(error)?.code ?? '')) throw error;
      }
    }
  } finally {
    client.off('error', lost);
    if (broken || suspects.has(client)) retire(client);
    else client.release();
  }
}

/** Takes a connection out of the pool, which gives its place away once it is closed. */
function retire(client: pg.PoolClient): void {
  hangUp(client);
  client.release(true);
}

/** By then a client has given up, or is about to. */
const patienceMs = 6_000;

/** Where others are served meanwhile, a connection is worth waiting for longer: a burst is over in a few seconds. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  const begun = performance.now();
  const state = states.get(pool)!;
  for (;;) {
    const before = state.releases;
    try {
      const client = await pool.connect();
      if (!state.suspects.has(client)) return client;
      retire(client);
    } catch (error) {
      const isStuck = state.releases === before;
      const isWait = (error as Error).message === 'timeout exceeded when trying to connect';
      if (isWait && !isStuck && performance.now() - begun < patienceMs) continue;
      throw Object.assign(new Refusal('unavailable', { retryAfterSeconds: 2 }), { cause: error });
    }
  }
}

/** One row of `rows`. Throws `not-found` when there is none. */
export function one<T>(rows: readonly T[]): T {
  const row = rows[0];
  if (row === undefined) throw new Refusal('not-found');
  return row;
}

/** Rows of a raw query, with the shape the caller's SQL gives them. */
export async function rowsOf<T>(db: Db, query: SQL): Promise<T[]> {
  const { rows } = await db.execute(query);
  return rows as T[];
}

/**
 * The results of queries that do not depend on each other: sent back to back, they take one round trip. If one fails,
 * PostgreSQL refuses those behind it too (25P02); what is thrown is the cause.
 */
export async function atOnce<T extends readonly unknown[]>(asked: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(asked);
  const failures = settled.flatMap(one => (one.status === 'rejected' ? [one.reason] : []));
  if (failures.length > 0) throw failures.find(error => pgErrorOf(error)?.code !== '25P02') ?? failures[0];
  return settled.map(one => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/**
 * `SET LOCAL` takes no parameters, so this one function checks the digits and alone writes the text. Never a plain `SET`:
 * a pooler would hand the scope to the next caller.
 */
function scopeStatement(scope: Scope): string {
  if (scope === none) return "set local jifen.scope = ''";
  if (!/^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$/.test(scope)) throw new Error(`not a scope: ${scope}`);
  return `set local jifen.scope = '${scope}'`;
}
