import { createHmac } from 'node:crypto';
import pg from 'pg';

/**
 * Makes the two roles and lets the connecting role act as the owner. `jifen_owner` owns every table and runs migrations;
 * `jifen_app` is what the service logs in as. Idempotent, and safe when several processes start at once.
 *
 * @param ownerUrl a role that may create roles, or that is already a member of `jifen_owner`
 * @returns the connection string of `jifen_app`
 * @throws Error, in words for the operator, when `ownerUrl` has no password
 */
export async function prepareRoles(ownerUrl: string): Promise<string> {
  const appUrl = appUrlFor(ownerUrl);
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    // Held until the connection ends: whoever waited finds everything done. It is the lock of this database alone.
    await client.query('select pg_advisory_lock(7231, 1)');
    await createRole(client, 'jifen_owner', 'nologin');
    await createRole(client, 'jifen_app', 'login');
    await client.query('grant jifen_owner to current_user');
    const { rows } = await client.query('select current_database() as name');
    const database = client.escapeIdentifier(rows[0].name);
    await client.query(`grant create on database ${database} to jifen_owner`);
    await setPassword(client, new URL(appUrl));
    await setTimeouts(client, database);
  } finally {
    await client.end();
  }
  return appUrl;
}

/**
 * The service's own login is derived from the owner's, so that every process that is given the one string agrees on the
 * other, and nothing more has to be kept secret. A site whose administrator makes the roles sets DATABASE_APP_URL.
 */
function appUrlFor(ownerUrl: string): string {
  const url = new URL(ownerUrl);
  // Derived from nothing, it would be one that anybody can compute. A password from elsewhere (PGPASSWORD, .pgpass, a
  // query parameter) is none of this string's either.
  if (url.password === '')
    throw new Error(
      'DATABASE_URL has no password to derive that of jifen_app from. Set DATABASE_APP_URL to the connection string of jifen_app (README, "External PostgreSQL").',
    );
  url.username = 'jifen_app';
  url.password = createHmac('sha256', decodeURIComponent(new URL(ownerUrl).password))
    .update('jifen_app')
    .digest('hex');
  return url.href;
}

async function createRole(client: pg.Client, name: string, login: 'login' | 'nologin'): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
  if (rowCount !== 0) return;
  // Roles belong to the whole cluster, and a process that prepares another database of it may be making this one now.
  await client.query(`do $$ begin
    create role ${name} ${login} nosuperuser nocreatedb nocreaterole nobypassrls noinherit;
  exception when duplicate_object or unique_violation then null; end $$`);
}

/** Sets the derived password unless it holds already: rewriting it at every start would race with other processes. */
async function setPassword(client: pg.Client, appUrl: URL): Promise<void> {
  const probe = new pg.Client({ connectionString: appUrl.href });
  try {
    await probe.connect();
    return;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== '28P01') throw error;
  } finally {
    await probe.end().catch(() => undefined);
  }
  await client.query(`alter role jifen_app password ${client.escapeLiteral(appUrl.password)}`);
}

/**
 * Each rung of the ladder lies below the next: lock 2 s < statement 5 s < database transaction 8 s < handler 10 s. Set
 * for the role, so that no pooler loses them. Where the service has hung up and its word of that was lost, keep-alives end the
 * session within a minute: by default it would keep its place for two hours.
 */
async function setTimeouts(client: pg.Client, database: string): Promise<void> {
  const { rows } = await client.query('show server_version_num');
  const settings = [
    "lock_timeout = '2s'",
    "statement_timeout = '5s'",
    "idle_in_transaction_session_timeout = '5s'",
    "tcp_keepalives_idle = '30s'",
    "tcp_keepalives_interval = '10s'",
    "tcp_keepalives_count = '3'",
  ];
  if (Number(rows[0].server_version_num) >= 170000) settings.push("transaction_timeout = '8s'");
  const wanted = settings.map(setting => setting.replace(/ = '(.*)'/, '=$1')).sort();
  const { rows: set } = await client.query(
    `select setconfig from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
      join pg_database d on d.oid = s.setdatabase where r.rolname = 'jifen_app' and d.datname = current_database()`,
  );
  if (JSON.stringify([...(set[0]?.setconfig ?? [])].sort()) === JSON.stringify(wanted)) return;
  for (const setting of settings) await client.query(`alter role jifen_app in database ${database} set ${setting}`);
}
