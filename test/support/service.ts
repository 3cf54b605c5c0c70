import { randomBytes, randomUUID, randomUUIDv7 } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { pino } from 'pino';
import type { Test } from 'tap';
import { build, queues } from '../../src/app.ts';
import { type Clock, dayOf, iso } from '../../src/calendar.ts';
import { type BookSigner, openBookSigner } from '../../src/checkpoints/signer.ts';
import { type Database, openDatabase, type Tx } from '../../src/db/database.ts';
import { type Jobs, openJobs } from '../../src/db/jobs.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { none } from '../../src/db/scope.ts';
import { enrol, type NewHousehold } from '../../src/households/enrol.ts';
import type { Quotas } from '../../src/http/limits.ts';
import type { Actor, Role } from '../../src/http/route.ts';
import { type Keys, openKeys } from '../../src/identity/keys.ts';
import { openSealer, type Sealer } from '../../src/identity/sealing.ts';
import { startSession } from '../../src/identity/sessions.ts';
import { grant, user } from '../../src/identity/tables.ts';
import { openTokens, type Tokens } from '../../src/identity/tokens.ts';
import { addKiosk } from '../../src/kiosks/kiosk.ts';
import { postOne } from '../../src/ledger/post.ts';
import { award } from '../../src/ledger/transactions.ts';
import { folderStore } from '../../src/photos/folder-store.ts';
import type { PhotoStore } from '../../src/photos/photo-store.ts';
import { type DeviceKey, newDeviceKey, proofBy } from '../../src/sample/device-key.ts';
import { store } from '../../src/store/tables.ts';
import type { Certificate } from '../../src/tls/certificate.ts';
import { createDivision, createGrid, openVillage } from '../../src/villages/open.ts';
import { setPolicy } from '../../src/villages/policy.ts';
import { defaultPolicy, type PolicySettings } from '../../src/villages/policy-settings.ts';
import { type Cluster, createDatabase, dropDatabase, openCluster } from './cluster.ts';

/** Three villages: ours, its neighbour in the same town, and one in another county. */
export const villages = { own: '520281127101', sibling: '520281127102', foreign: '520203101101' } as const;

export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape
  body: any;
  text: string;
  headers: Record<string, string | undefined>;
}

/** Calls the service as somebody. Every POST gets a fresh Idempotency-Key unless `headers` says otherwise. */
export interface Caller {
  (method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  actor: Actor;
  token: string;
}

/** A kiosk, or whoever stands at one: each call proves that the kiosk holds its key. */
export interface DeviceCaller extends Caller {
  key: DeviceKey;
}

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  set(instant: string): void;
  pass(duration: Temporal.DurationLike): void;
}

export function clockAt(instant: string): TestClock {
  let now = Temporal.Instant.from(instant);
  return {
    now: () => now,
    set: to => {
      now = Temporal.Instant.from(to);
    },
    pass: duration => {
      now = now.add(duration);
    },
  };
}

export interface Service {
  app: FastifyInstance;
  database: Database;
  jobs: Jobs;
  clock: TestClock;
  tokens: Tokens;
  /** The keys it signs with. */
  keys: Keys;
  /** Opens the secrets of second factors. */
  sealer: Sealer;
  signer: BookSigner;
  photos: PhotoStore;
  /** Where they lie, unless a test has brought its own. */
  photoFolder: string;
  /** Owner's and app's connection strings, for tests that look behind the service. */
  ownerUrl: string;
  appUrl: string;
  /** Somebody with one grant: of a village for village roles, of what holds it for the others. */
  as(role: Exclude<Role, 'kiosk' | 'household'>, village?: string): Promise<Caller>;
  /** A caller for an actor of any kind, with a live sign-in of its own. */
  callerFor(actor: Omit<Actor, 'sessionId'>, village: string | null): Promise<Caller>;
  /** The same for a kiosk with this key, or for a household at it. */
  deviceCallerFor(key: DeviceKey, actor: Omit<Actor, 'sessionId'>, village: string): Promise<DeviceCaller>;
  /** Headers of one call of the device that holds the key. */
  proving(key: DeviceKey, call: { method: string; url: string }, token?: string): Record<string, string>;
  /** Calls as the device that holds the key: with a proof, and with a token where there is one. */
  withKey(key: DeviceKey, token?: string): Service['anonymous'];
  /** A kiosk, paired for this test. */
  asKiosk(village?: string): Promise<DeviceCaller>;
  /** A household in session at a kiosk of its own. */
  asHousehold(householdId: string, village?: string, level?: Actor['level']): Promise<DeviceCaller>;
  /** A call without a token. */
  anonymous: (method: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;
  /** Enters a household through its verb, as nobody in particular. Answers its id. */
  household(fields?: Partial<NewHousehold>, village?: string): Promise<string>;
  /** Gives a household spendable points by a transaction in the book. */
  givePoints(householdId: string, points: number, village?: string): Promise<void>;
  inVillage<T>(village: string, work: (tx: Tx) => Promise<T>): Promise<T>;
}

/** The system itself, where a fixture needs an actor. */
export const nobody: Actor = {
  kind: 'staff',
  id: '00000000-0000-7000-8000-000000000001',
  client: '00000000-0000-7000-8000-000000000001',
  sessionId: '00000000-0000-7000-8000-000000000002',
  grants: [['platformAdmin', '']],
  kioskId: null,
  householdId: null,
  level: null,
};

/** The policy of test villages: as sample villages have it, open every day. */
export const testPolicy: PolicySettings = {
  ...defaultPolicy,
  directAwardPublicityDays: 0,
  directAwardMaxPoints: 30,
  backdateDays: 60,
  redemptionsPerDay: 3,
  basePoints: 10,
  exchangeDays: [1, 2, 3, 4, 5, 6, 7].map(weekday => ({ weekday, dayOfMonth: null, opens: '00:00', closes: '23:59' })),
};

/**
 * Opens the whole service on a database of its own, with three villages. Everything is closed and dropped when `t` ends.
 */
export async function openService(
  t: Test,
  options: {
    now?: string;
    policy?: Partial<PolicySettings>;
    worker?: boolean;
    quotas?: Quotas;
    /** Whose `X-Forwarded-For` is believed. */
    trustProxy?: false | number | string[];
    /** Whose pages may call it from a browser. */
    corsOrigins?: string[];
    /** It speaks HTTPS. */
    tls?: Certificate;
    /** Oldest version of the kiosks’ app that may be used. */
    minClientVersion?: string;
    pairingsPerHour?: number;
    /** Time in which a body has to arrive, beside what its size takes. */
    bodyBaseMs?: number;
    log?: (line: string) => void;
    /** Another PostgreSQL than that of the other tests, for those that do it harm. */
    cluster?: Cluster;
    /** Where its keys lie, for tests that start more processes of the same installation. Goes with the test. */
    keyFolder?: string;
    /** Another place for photos than a folder that goes with the test. */
    photos?: PhotoStore;
    connectionWaitMs?: number;
    /** Calls go over a socket, as those of users do, and not straight into the service. */
    line?: boolean;
  } = {},
): Promise<Service> {
  const cluster = options.cluster ?? (await openCluster());
  const ownerUrl = await createDatabase(cluster);
  const appUrl = await prepareRoles(ownerUrl);
  const folder = options.keyFolder ?? (await mkdtemp(join(tmpdir(), 'jifen-keys-')));
  const onError = (error: Error) => t.comment(`database: ${error.message}`);
  const database = openDatabase(appUrl, { onError, connectionWaitMs: options.connectionWaitMs ?? 30_000 });
  const jobs = await openJobs(appUrl, queues, { worker: options.worker ?? false, onError });
  const clock = clockAt(options.now ?? '2026-11-23T02:00:00Z');
  const keys = openKeys(folder, clock);
  const origin = 'https://jifen.example';
  const sealer = openSealer(folder);
  const signer = openBookSigner(folder, { origin, clock });
  const photoFolder = join(folder, 'photos');
  const photos = options.photos ?? folderStore(photoFolder);
  const app = await build({
    database,
    jobs,
    keys,
    sealer,
    signer,
    photos,
    clock,
    origin,
    version: '0.0.0',
    corsOrigins: options.corsOrigins ?? [],
    quotas: options.quotas ?? { default: 1_000_000, kiosk: 1_000_000, public: 1_000_000 },
    trustProxy: options.trustProxy ?? false,
    tls: options.tls ?? null,
    minClientVersion: options.minClientVersion ?? null,
    pairingsPerHour: options.pairingsPerHour ?? 10,
    bodyBaseMs: options.bodyBaseMs ?? 30_000,
    // A busy machine is no reason for a test to fail: what sheds load has tests of its own.
    eventLoopDelayMaxMs: 0,
    logger:
      options.log === undefined
        ? pino({ level: process.env.JIFEN_LOG_LEVEL ?? 'silent' })
        : pino({ level: 'trace' }, { write: options.log }),
  });
  await app.ready();
  const tokens = await openTokens(Fastify(), { keys, clock, origin });

  t.teardown(async () => {
    await app.close();
    await jobs.stop();
    await database.close();
    await rm(folder, { recursive: true, force: true });
    await dropDatabase(cluster.url, new URL(ownerUrl).pathname.slice(1));
  });

  await makeVillages(database, clock, { ...testPolicy, ...options.policy });
  const address = options.line === true ? await app.listen({ host: '127.0.0.1', port: 0 }) : undefined;

  const call = async (
    token: string | null,
    method: string,
    url: string,
    body?: unknown,
    headers = {},
  ): Promise<Reply> => {
    const fields: Record<string, string> = {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body !== undefined && { 'content-type': Buffer.isBuffer(body) ? 'image/jpeg' : 'application/json' }),
      ...headers,
    };
    const payload =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    if (address !== undefined) return overTheLine(`${address}${url}`, method, fields, payload);
    const answer = await app.inject({
      method: method as 'GET',
      url,
      headers: fields,
      ...(payload !== undefined && { payload }),
    });
    const isJson = /json\b/.test(String(answer.headers['content-type'] ?? ''));
    return {
      status: answer.statusCode,
      body: isJson && answer.payload !== '' ? JSON.parse(answer.payload) : null,
      text: answer.payload,
      headers: answer.headers as Record<string, string>,
    };
  };

  const proving: Service['proving'] = (key, { method, url }, token) => {
    const at = clock.now().epochMilliseconds / 1000;
    const dpop = proofBy(key, { method, url: `${origin}${url.split('?')[0]}`, token, at });
    return { ...(token !== undefined && { authorization: `DPoP ${token}` }), dpop };
  };

  const withKey: Service['withKey'] = (key, token) => (method, url, body, headers) =>
    call(null, method, url, body, { ...proving(key, { method, url }, token), ...headers });

  const signIn = async (who: Omit<Actor, 'sessionId'>, village: string | null) => {
    // Used last in two months’ time, and signed for as long: a test may move the clock without signing in again.
    const used = clock.now().add({ hours: 24 * 60 });
    const { session } = await database.inTransaction(none, tx =>
      startSession(tx, { kind: who.kind, subject: who.id, village, device: who.kioskId }, used),
    );
    const actor = { ...who, sessionId: session.id };
    return { actor, token: tokens.sign(actor, 86_400 * 60) };
  };

  const callerFor: Service['callerFor'] = async (who, village) => {
    const { actor, token } = await signIn(who, village);
    const caller: Service['anonymous'] = (method, url, body, headers) => call(token, method, url, body, headers);
    return Object.assign(caller, { actor, token });
  };

  const deviceCallerFor: Service['deviceCallerFor'] = async (key, who, village) => {
    const { actor, token } = await signIn({ ...who, thumbprint: key.thumbprint }, village);
    return Object.assign(withKey(key, token), { actor, token, key });
  };

  return {
    app,
    database,
    jobs,
    clock,
    tokens,
    keys,
    sealer,
    signer,
    photos,
    photoFolder,
    ownerUrl,
    appUrl,
    callerFor,
    deviceCallerFor,
    proving,
    withKey,
    anonymous: (method, url, body, headers) => call(null, method, url, body, headers),
    async as(role, village = villages.own) {
      const prefix = prefixOf(role, village);
      // The service itself makes no administrator.
      const by = role === 'platformAdmin' ? openDatabase(ownerUrl, { connections: 1, onError }) : database;
      const id = await by.inTransaction(none, tx => makeUser(tx, role, prefix, clock));
      if (by !== database) await by.close();
      return callerFor(
        { kind: 'staff', id, client: id, grants: [[role, prefix]], kioskId: null, householdId: null, level: null },
        null,
      );
    },
    async asHousehold(householdId, village = villages.own, level = 'cardAndPin') {
      const { kioskId, key } = await database.inTransaction(village, tx => makeKiosk(tx, village, clock));
      const household = { kind: 'household', id: householdId, grants: [['household', village]], householdId } as const;
      return deviceCallerFor(key, { ...household, client: kioskId, kioskId, level }, village);
    },
    async asKiosk(village = villages.own) {
      const { kioskId, key } = await database.inTransaction(village, tx => makeKiosk(tx, village, clock));
      const kiosk = { kind: 'kiosk', id: kioskId, grants: [['kiosk', village]], householdId: null } as const;
      return deviceCallerFor(key, { ...kiosk, client: kioskId, kioskId, level: null }, village);
    },
    async household(fields = {}, village = villages.own) {
      const newcomer = { grid: 1, members: [{ name: '张小三', phone: '13812341234' }], ...fields };
      const [id] = await database.inTransaction(village, tx => enrol(tx, nobody, village, [newcomer], clock.now()));
      return id!;
    },
    // Of a kind of its own: every `award` in the book has its record.
    async givePoints(householdId, points, village = villages.own) {
      const now = clock.now();
      const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
      const given = award(event, {
        awardId: randomUUIDv7(),
        householdId,
        points,
        honour: true,
        pending: false,
        expiresOn: null,
        limits: [],
        frozen: {},
      });
      await database.inTransaction(village, tx => postOne(tx, village, { ...given, kind: 'given' }));
    },
    inVillage: (village, work) => database.inTransaction(village, work),
  };
}

async function overTheLine(
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | Buffer | undefined,
): Promise<Reply> {
  const answer = await fetch(url, {
    method,
    headers,
    ...(body !== undefined && { body: new Uint8Array(Buffer.from(body)) }),
  });
  const text = await answer.text();
  const isJson = /json\b/.test(answer.headers.get('content-type') ?? '');
  return {
    status: answer.status,
    body: isJson && text !== '' ? JSON.parse(text) : null,
    text,
    headers: Object.fromEntries(answer.headers),
  };
}

/** What holds a village: nothing less than the whole for platformAdmin, the county for supervisor and auditor. */
export function prefixOf(role: Role, village: string): string {
  if (role === 'platformAdmin') return '';
  return role === 'supervisor' || role === 'auditor' ? village.slice(0, 6) : village;
}

async function makeUser(tx: Tx, role: Role, prefix: string, clock: Clock): Promise<string> {
  const id = randomUUIDv7();
  await tx.insert(user).values({
    id,
    login: `u${randomBytes(6).toString('hex')}`,
    name: `测试${role}`,
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    state: 'active',
    createdAt: iso(clock.now()),
  });
  await tx.insert(grant).values({
    id: randomUUIDv7(),
    userId: id,
    role,
    prefix,
    grantedBy: nobody.id,
    grantedAt: iso(clock.now()),
  });
  return id;
}

/** A device in one of the village's stores, which is opened for it when there is none. */
async function makeKiosk(tx: Tx, village: string, clock: Clock): Promise<{ kioskId: string; key: DeviceKey }> {
  const find = () =>
    tx.select({ id: store.id }).from(store).where(eq(store.village, village)).orderBy(store.id).limit(1);
  if ((await find()).length === 0) {
    const createdAt = iso(clock.now());
    const made = { village, id: randomUUIDv7(), name: '终端所在店', createdBy: nobody.id, createdAt };
    await tx.insert(store).values(made).onConflictDoNothing();
  }
  const [stands] = await find();
  const key = newDeviceKey();
  const { publicKey, thumbprint } = key;
  const device = { village, name: '测试终端', storeId: stands!.id, appVersion: '1.0.0', model: 'T10', serial: 'SN1' };
  const made = await addKiosk(tx, nobody, { ...device, publicKey, thumbprint }, clock.now());
  return { kioskId: made.id, key };
}

async function makeVillages(database: Database, clock: Clock, policy: PolicySettings): Promise<void> {
  const place = (
    code: string,
    level: 'province' | 'city' | 'county' | 'town' | 'village',
    parentCode: string | null,
    name: string,
    kind: string,
  ) => ({
    code,
    level,
    parentCode,
    name,
    kind,
    provisional: false,
    households: null,
  });
  await database.inTransaction(none, async tx => {
    await createDivision(tx, place('520000000000', 'province', null, '贵州省', '省'));
    await createDivision(tx, place('520200000000', 'city', '520000000000', '六盘水市', '市'));
    await createDivision(tx, place('520281000000', 'county', '520200000000', '盘州市', '县级市'));
    await createDivision(tx, place('520203000000', 'county', '520200000000', '六枝特区', '区'));
    await createDivision(tx, place('520281127000', 'town', '520281000000', '双凤镇', '镇'));
    await createDivision(tx, place('520203101000', 'town', '520203000000', '郎岱镇', '镇'));
    await createDivision(tx, place(villages.own, 'village', '520281127000', '封家湾社区', '社区'));
    await createDivision(tx, place(villages.sibling, 'village', '520281127000', '沙陀社区', '社区'));
    await createDivision(tx, place(villages.foreign, 'village', '520203101000', '岱港社区', '社区'));
    // Stands ready to be opened by the test of that operation.
    await createDivision(tx, place('520281127103', 'village', '520281127000', '待开社区', '社区'));
  });
  for (const village of Object.values(villages)) {
    await database.inTransaction(village, async tx => {
      await openVillage(tx, nobody, { village, openedOn: '2026-01-01' }, clock.now());
      await setPolicy(tx, nobody, village, { validFrom: '2026-01-01', ...policy }, clock.now());
      await createGrid(tx, village, { number: 1, name: '第一组' });
    });
  }
}

/** A client on the database as its owner, or as the service's role; ended with the test. */
export async function connect(t: Test, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}
