import { join } from 'node:path';
import pg from 'pg';
import type { Config } from '../config.ts';
import { type RunningPostgres, startEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';
import { prepareRoles } from './roles.ts';

/** The database of this installation, with its roles made and its migrations run. */
interface Postgres {
  /** Connection string of the owner's login, for what the service itself may not do. */
  ownerUrl: string;
  /** Connection string of `jifen_app`, whom the service works as. */
  appUrl: string;
  /** Names of the migrations that were run just now. */
  migrated: string[];
  /** Null for an external one. */
  embedded: RunningPostgres | null;
  /** Says why, once an embedded PostgreSQL is not ours to use any more. Never comes for an external one. */
  closed: Promise<string>;
  /** Ends an embedded PostgreSQL; an external one is left alone. */
  stop(): Promise<void>;
}

/**
 * Opens the PostgreSQL that the configuration names, or the embedded one in its data folder.
 * @throws Error, in words for the operator
 */
export async function openPostgres(config: Config, log: (line: string) => void): Promise<Postgres> {
  const server = config.databaseUrl === '' ? await startOwn(config, log) : await findExternal(config.databaseUrl);
  try {
    const appUrl = config.databaseAppUrl === '' ? await prepareRoles(server.ownerUrl) : config.databaseAppUrl;
    const migrated = await migrate(server.ownerUrl);
    return { ...server, appUrl, migrated };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

interface Server {
  ownerUrl: string;
  embedded: RunningPostgres | null;
  closed: Promise<string>;
  stop(): Promise<void>;
}

async function startOwn(config: Config, log: (line: string) => void): Promise<Server> {
  const embedded = await startEmbedded({ folder: join(config.dataDir, 'postgres'), bin: config.postgresBin, log });
  return { ownerUrl: embedded.url, embedded, closed: embedded.closed, stop: embedded.stop };
}

async function findExternal(ownerUrl: string): Promise<Server> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query('show server_version_num');
    const version = Math.floor(Number(rows[0].server_version_num) / 10_000);
    if (version < 15) throw new Error(`it is PostgreSQL ${version}, but 15 or newer is required`);
  } catch (cause) {
    // A refused connection to a name with several addresses has its words in the parts.
    const { message, errors } = cause as Error & { errors?: Error[] };
    throw new Error(`Cannot use DATABASE_URL: ${message || errors?.map(error => error.message).join('; ')}.`, {
      cause,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
  return { ownerUrl, embedded: null, closed: new Promise(() => undefined), stop: async () => undefined };
}
