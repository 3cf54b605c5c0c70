import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { systemClock } from '../src/calendar.ts';
import { type Database, openDatabase, type Tx } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { prepareRoles } from '../src/db/roles.ts';
import { none } from '../src/db/scope.ts';
import { enrol } from '../src/households/enrol.ts';
import type { Actor } from '../src/http/route.ts';
import { createFirstAdmin } from '../src/identity/first-admin.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { createUser } from '../src/identity/users.ts';
import { adoptRuleBook } from '../src/rules/adopt.ts';
import { draftRuleBook } from '../src/rules/draft.ts';
import { createDivision, openVillage } from '../src/villages/open.ts';
import { defaultPolicy, setPolicy } from '../src/villages/policy.ts';

const password = 'for this measurement only';

/** Villages of one town with their households, a rule to award by, and the running service. */
export interface Fixture {
  origin: string;
  appUrl: string;
  ownerUrl: string;
  villages: { village: string; ruleId: string; households: string[]; token: string }[];
  stop(): Promise<void>;
}

/**
 * Starts an embedded PostgreSQL in a temporary folder, fills it, and starts the service on it as a process of its own:
 * the load is made elsewhere, so that neither waits for the other's event loop.
 */
export async function openFixture(size: { villages: number; households: number }): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-bench-'));
  const postgres = await startEmbedded({ folder: join(folder, 'postgres'), log: () => undefined });
  await onClient(postgres.url, client => client.query('create database bench'));
  const ownerUrl = named(postgres.url, 'bench');
  const appUrl = await prepareRoles(ownerUrl);
  await migrate(ownerUrl);
  const database = openDatabase(appUrl, { onError: () => undefined });
  const filled = await fill(database, size);
  await database.close();

  const service = await startService({ ownerUrl, folder });
  // One after another: fifty sign-ins at once are a flood, and treated as one.
  const villages: Fixture['villages'] = [];
  for (const { clerk, ...village } of filled) {
    villages.push({ ...village, token: await signIn(service.origin, clerk) });
  }
  return {
    origin: service.origin,
    appUrl,
    ownerUrl,
    villages,
    async stop() {
      await service.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function fill(database: Database, size: { villages: number; households: number }) {
  const now = systemClock.now();
  const hash = await hashSecret(password);
  const place = (
    code: string,
    level: 'province' | 'city' | 'county' | 'town' | 'village',
    parentCode: string | null,
  ) => ({
    code,
    level,
    parentCode,
    name: code,
    kind: level,
    provisional: true,
    households: null,
  });
  const { admin, supervisor } = await database.inTransaction(none, async tx => {
    const adminId = await createFirstAdmin(tx, { login: 'admin', name: 'admin', passwordHash: hash }, now);
    const admin = actorFor(adminId, 'platformAdmin', '');
    const grant = { role: 'supervisor' as const, prefix: '520281' };
    const supervisorId = (
      await createUser(tx, admin, { login: 'supervisor', name: 's', passwordHash: hash, grant }, now)
    ).id;
    await createDivision(tx, place('520000000000', 'province', null));
    await createDivision(tx, place('520200000000', 'city', '520000000000'));
    await createDivision(tx, place('520281000000', 'county', '520200000000'));
    await createDivision(tx, place('520281127000', 'town', '520281000000'));
    return { admin, supervisor: actorFor(supervisorId, 'supervisor', '520281') };
  });
  const villages = [];
  for (let n = 1; n <= size.villages; n += 1) {
    const village = `520281127${String(n).padStart(3, '0')}`;
    villages.push(
      await database.inTransaction(village, async tx => {
        await createDivision(tx, place(village, 'village', '520281127000'));
        await openVillage(tx, admin, { village, openedOn: '2026-01-01' }, now);
        return fillVillage(tx, { village, households: size.households, hash, admin, supervisor }, now);
      }),
    );
  }
  return villages;
}

async function fillVillage(
  tx: Tx,
  said: { village: string; households: number; hash: string; admin: Actor; supervisor: Actor },
  now: Temporal.Instant,
) {
  const { village, hash: passwordHash } = said;
  const appoint = async (appointer: Actor, role: 'villageAdmin' | 'clerk') => {
    const login = `${role.toLowerCase()}.${village}`;
    const user = await createUser(
      tx,
      appointer,
      { login, name: login, passwordHash, grant: { role, prefix: village } },
      now,
    );
    return actorFor(user.id, role, village);
  };
  const secretary = await appoint(said.admin, 'villageAdmin');
  const clerk = await appoint(secretary, 'clerk');
  const open = { directAwardPublicityDays: 0, householdDayMaxPoints: 100_000 };
  await setPolicy(tx, secretary, village, { ...defaultPolicy, ...open, validFrom: '2026-01-01' }, now);
  const rules = [
    {
      code: 'ENV01',
      category: '环境卫生',
      title: '清扫',
      titleEn: null,
      points: 1,
      direction: 'award' as const,
      unit: '次',
      // A cap that is judged every time and never reached.
      capTimes: 10_000,
      capPeriod: 'day' as const,
      capScope: 'household' as const,
      evidence: [],
      excludes: [],
      highestOnlyGroup: null,
      honour: true,
      publicity: 'required' as const,
    },
  ];
  const book = await draftRuleBook(tx, secretary, village, { title: 'bench', rules }, now);
  const resolution = { heldOn: '2026-01-01', present: 3, votesFor: 3, votesAgainst: 0, abstained: 0 };
  const key = { village, ruleBookId: book.id };
  const adopted = await adoptRuleBook(tx, said.supervisor, key, { inForceFrom: '2026-01-01', resolution }, now);
  const newcomers = Array.from({ length: said.households }, () => ({ grid: null, members: [{ name: '某人' }] }));
  const numbered = newcomers.map((one, n) => ({ ...one, number: `H${String(n + 1).padStart(5, '0')}` }));
  const households = await enrol(tx, clerk, village, numbered, now);
  return { village, ruleId: adopted.rules[0]!.id, households, clerk: `clerk.${village}` };
}

async function startService(where: { ownerUrl: string; folder: string }) {
  const port = await freePort();
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main], {
    stdio: 'ignore',
    env: {
      ...process.env,
      PORT: String(port),
      DATABASE_URL: where.ownerUrl,
      JIFEN_DATA_DIR: where.folder,
      JIFEN_SAMPLE: 'off',
      JIFEN_LOG_LEVEL: 'warn',
      JIFEN_REQUESTS_PER_MINUTE: '10000000',
    },
  });
  const origin = `http://127.0.0.1:${port}`;
  for (let left = 100; ; left -= 1) {
    const answer = await fetch(`${origin}/readyz`).catch(() => null);
    if (answer?.ok) break;
    if (left === 0) throw new Error('the service did not start');
    await wait(100);
  }
  return {
    origin,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function signIn(origin: string, login: string): Promise<string> {
  const answer = await fetch(`${origin}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ login, password }),
  });
  if (answer.status !== 201) throw new Error(`sign-in of ${login}: ${answer.status} ${await answer.text()}`);
  const { accessToken } = (await answer.json()) as { accessToken: string };
  return accessToken;
}

function actorFor(id: string, role: Actor['grants'][number][0], prefix: string): Actor {
  return {
    kind: 'staff',
    id,
    client: id,
    sessionId: id,
    grants: [[role, prefix]],
    kioskId: null,
    householdId: null,
    level: null,
  };
}

function named(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

export async function onClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
