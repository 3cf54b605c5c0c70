import type { Writable } from 'node:stream';
import type { SQL } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { Refusal } from '../refusals.ts';
import { PreparingClient } from './preparing-client.ts';
import { type Scope, scopeStatement } from './scope.ts';

const dialect = new PgDialect({ casing: 'snake_case' });

declare const writes: unique symbol;

/** What reads: a snapshot, or a `Tx`. */
export type Db = NodePgDatabase<Record<string, never>> & { $client: pg.PoolClient };

/** What writes: a database transaction. A bare `Db` does not fit where a `Tx` is asked for. */
export type Tx = Db & { readonly [writes]: true };

/** The statements that write what a hot path does, and what it has come to once they have: by the rows of each. */
export interface Hot<T> {
  last: SQL[];
  result: (rows: pg.QueryResultRow[][]) => T;
}

export interface Database {
  /**
   * Runs `work` in one database transaction that sees and writes only rows of `scope`, and retries it up to three times
   * when PostgreSQL asks for it (40001, 40P01). Inside, nothing waits for anything but PostgreSQL.
   */
  inTransaction<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * The same for the few hot paths whose statements find every row by its key: each is planned once for a connection. With
   * lists as parameters PostgreSQL would plan it anew each time, which takes longer than all the rest. Its first queries
   * go out behind `begin`, and its last ones before `commit`, without waiting for answers.
   */
  inHotTransaction<T>(scope: Scope, work: (tx: Tx) => Promise<Hot<T>>): Promise<T>;
  /** Runs `work` on one unchanging picture of the rows of `scope`. */
  inSnapshot<T>(scope: Scope, work: (db: Db) => Promise<T>): Promise<T>;
  /** As `inSnapshot`, on connections of its own and without time-outs: for exports that stream for minutes. */
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

/** Opens the pools on `url`, the connection string of the role `jifen_app`. */
export function openDatabase(
  url: string,
  options: { connections?: number; connectionWaitMs?: number; onError: (error: Error) => void },
): Database {
  // Two seconds in which nobody gives a connection back are an answer of their own: the service is stuck, and says so.
  const open = (max: number, { pipeline }: { pipeline: boolean }) =>
    openPool(url, { max, waitMs: options.connectionWaitMs ?? 2_000, pipeline }, error => {
      // A connection that is still saying goodbye may hear that PostgreSQL stops.
      if (!closing) options.onError(error);
    });
  let closing = false;
  const pool = open(options.connections ?? 20, { pipeline: true });
  // An answer that streams cannot share its connection.
  const exportPool = open(4, { pipeline: false });

  return {
    inTransaction: (scope, work) =>
      withRetries(() => onConnection(pool, `begin; ${scopeStatement(scope)}`, db => work(db as Tx))),
    inHotTransaction: (scope, work) =>
      withRetries(() =>
        inOneBreath(
          pool,
          `begin; ${scopeStatement(scope)}; set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off`,
          db => work(db as Tx),
        ),
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
      await Promise.all([pool.end(), exportPool.end()]);
    },
  };
}

function openPool(
  connectionString: string,
  { max, waitMs, pipeline }: { max: number; waitMs: number; pipeline: boolean },
  onError: (error: Error) => void,
): pg.Pool {
  const pool = new pg.Pool({
    Client: PreparingClient,
    // What is asked before an earlier answer has come goes out behind it.
    pipeline,
    connectionString,
    max,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', onError);
  releases.set(pool, 0);
  pool.on('release', () => releases.set(pool, releases.get(pool)! + 1));
  return pool;
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
  return withClient(pool, failed, async client => {
    await client.query(begin);
    const result = await work(lensOn(client));
    await client.query('commit');
    return result;
  });
}

/** The first queries go out behind `begin`, and `commit` behind the last: the fewest times that one waits for the other. */
async function inOneBreath<T>(pool: pg.Pool, begin: string, work: (db: Db) => Promise<Hot<T>>): Promise<T> {
  return withClient(pool, 'rollback', async client => {
    const db = lensOn(client);
    const { stream } = connectionOf(db);
    // In one packet with the first queries, which come within this turn.
    stream.cork();
    process.nextTick(() => stream.uncork());
    const begun = client.query(begin);
    begun.catch(() => undefined);
    const { result, last } = await work(db);
    await begun;
    const statements = last.map(statement => {
      const { sql: text, params: values } = dialect.sqlToQuery(statement);
      return { text, values };
    });
    let isWhole = true;
    const ask = (statement: pg.QueryConfig) =>
      new Promise<pg.QueryResult>((resolve, reject) => {
        client.query(statement, (error: Error | null, answer: pg.QueryResult) => {
          if (error === null) return resolve(answer);
          isWhole = false;
          reject(error);
        });
      });
    stream.cork();
    const asked = statements.map(ask);
    // What the driver cannot put on the line it leaves out, and says so at once: PostgreSQL would commit the rest.
    if (isWhole) asked.push(ask({ text: 'commit' }));
    stream.uncork();
    const answers = await Promise.all(asked);
    // PostgreSQL answers a commit of what has failed with a rollback, and no error.
    if (answers.at(-1)!.command !== 'COMMIT') throw new Error('PostgreSQL rolled back instead of committing');
    return result(answers.map(answer => answer.rows));
  });
}

function lensOn(client: pg.PoolClient): Db {
  return drizzle(client, { casing: 'snake_case' }) as unknown as Db;
}

async function withClient<T>(
  pool: pg.Pool,
  failed: 'rollback' | 'close',
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  let broken: Error | boolean = false;
  // PostgreSQL may end a connection between two queries, and an error that nobody listens to ends the process.
  const lost = (error: Error) => {
    broken = error;
  };
  client.on('error', lost);
  try {
    return await work(client);
  } catch (error) {
    if (failed === 'close') broken = true;
    else {
      await client.query('rollback').catch(cause => {
        broken = cause instanceof Error ? cause : true;
      });
    }
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken);
  }
}

/** How often a connection was given back. */
const releases = new WeakMap<pg.Pool, number>();

/** By then a client has given up, or is about to. */
const patienceMs = 6_000;

/** Where others are served meanwhile, a connection is worth waiting for longer: a burst is over in a few seconds. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  const begun = performance.now();
  for (;;) {
    const before = releases.get(pool);
    try {
      return await pool.connect();
    } catch (error) {
      const isStuck = releases.get(pool) === before;
      const isWait = (error as Error).message === 'timeout exceeded when trying to connect';
      if (isWait && !isStuck && performance.now() - begun < patienceMs) continue;
      throw Object.assign(new Refusal('unavailable', { retryAfterSeconds: 2 }), { cause: error });
    }
  }
}

async function withRetries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 3; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      const code = pgErrorOf(error)?.code;
      if (left === 0 || (code !== '40001' && code !== '40P01')) throw error;
    }
  }
}

/** The PostgreSQL error in `error` or behind it: drizzle wraps what the driver throws. */
export function pgErrorOf(error: unknown): pg.DatabaseError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof pg.DatabaseError) return e;
  return undefined;
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
 * Asks several things at once: they go to PostgreSQL in one packet, one behind the other, and none waits for the answer
 * of the one before. For queries that do not need each other's answers.
 */
export async function atOnce<T extends readonly unknown[]>(
  db: Db,
  ask: () => { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const { stream } = connectionOf(db);
  stream.cork();
  // After the promises have come to the point of sending.
  process.nextTick(() => stream.uncork());
  return Promise.all(ask()) as unknown as Promise<T>;
}

function connectionOf(db: Db): { stream: Writable } {
  return (db.$client as unknown as { connection: { stream: Writable } }).connection;
}
