import type { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { Refusal } from '../refusals.ts';
import { PreparingClient } from './preparing-client.ts';
import { type Scope, scopeStatement } from './scope.ts';

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
  // Two seconds without a free connection is an answer of its own: the service is busy, and says so.
  const open = (max: number) => openPool(url, { max, waitMs: options.connectionWaitMs ?? 2_000 }, options.onError);
  const pool = open(options.connections ?? 20);
  const exportPool = open(4);

  return {
    inTransaction: (scope, work) =>
      withRetries(() => onConnection(pool, `begin; ${scopeStatement(scope)}`, db => work(db as Tx))),
    inSnapshot: (scope, work) =>
      onConnection(pool, `begin isolation level repeatable read read only; ${scopeStatement(scope)}`, work),
    inExport: (scope, work) =>
      onConnection(
        exportPool,
        `begin isolation level repeatable read read only; ${scopeStatement(scope)};
         select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'transaction_timeout');
         set local idle_in_transaction_session_timeout = '60s'`,
        work,
        'close',
      ),
    async close() {
      await Promise.all([pool.end(), exportPool.end()]);
    },
  };
}

function openPool(
  connectionString: string,
  { max, waitMs }: { max: number; waitMs: number },
  onError: (error: Error) => void,
): pg.Pool {
  const pool = new pg.Pool({
    Client: PreparingClient,
    connectionString,
    max,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', onError);
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
  failed: 'rollback' | 'close' = 'rollback',
): Promise<T> {
  const client = await connect(pool);
  let broken: Error | boolean = false;
  try {
    await client.query(begin);
    const result = await work(drizzle(client, { casing: 'snake_case' }) as unknown as Db);
    await client.query('commit');
    return result;
  } catch (error) {
    if (failed === 'close') broken = true;
    else {
      await client.query('rollback').catch(cause => {
        broken = cause instanceof Error ? cause : true;
      });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw Object.assign(new Refusal('unavailable', { retryAfterSeconds: 2 }), { cause: error });
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
export async function rowsOf<T>(db: Db, query: ReturnType<typeof sql>): Promise<T[]> {
  const { rows } = await db.execute(query);
  return rows as T[];
}
