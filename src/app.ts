import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import underPressure from '@fastify/under-pressure';
import { sql } from 'drizzle-orm';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawRequestDefaultExpression,
} from 'fastify';
import type { Clock } from './calendar.ts';
import type { Database } from './db/database.ts';
import type { Jobs } from './db/jobs.ts';
import { none } from './db/scope.ts';
import { householdRoutes } from './households/routes.ts';
import { mutations } from './http/idempotency.ts';
import { limits, type Quotas } from './http/limits.ts';
import { openapi } from './http/openapi.ts';
import { problems } from './http/problems.ts';
import { declaredRoutes } from './http/route.ts';
import { serviceRoutes } from './http/service.ts';
import { validation } from './http/validation.ts';
import { guard, standing } from './identity/guard.ts';
import type { Keys } from './identity/keys.ts';
import { identityRoutes } from './identity/routes.ts';
import { openTokens } from './identity/tokens.ts';
import { villageExists } from './villages/read.ts';
import { villageRoutes } from './villages/routes.ts';

export interface Deps {
  database: Database;
  jobs: Jobs;
  keys: Keys;
  clock: Clock;
  /** Public origin: issuer of tokens, root of problem addresses. */
  origin: string;
  version: string;
  corsOrigins: string[];
  quotas: Quotas;
  trustProxy: boolean;
  logger: FastifyBaseLogger;
}

/** Every queue of jobs there is. */
export const queues: readonly string[] = [];

/** Builds the whole service, in the order in which a request meets it. */
export async function build(deps: Deps): Promise<FastifyInstance> {
  const { database, clock, origin } = deps;
  const app = Fastify({
    loggerInstance: deps.logger,
    trustProxy: deps.trustProxy,
    // One line a request, written by us without names, tokens or bodies.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    handlerTimeout: 10_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 64, ignoreTrailingSlash: false },
    genReqId: (request: RawRequestDefaultExpression) => {
      const asked = request.headers['x-request-id'];
      return typeof asked === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(asked) ? asked : randomUUID();
    },
  } as never) as unknown as FastifyInstance;

  await app.register(declaredRoutes);
  await app.register(problems, { origin });
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  await app.register(cors, { origin: deps.corsOrigins });
  await app.register(underPressure, { maxEventLoopDelay: 2_000, maxHeapUsedBytes: 1_500_000_000, retryAfter: 2 });
  await app.register(validation);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, actor } = request;
    request.log.info(
      {
        method,
        route: routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: actor?.id,
      },
      'request',
    );
  });

  const tokens = await openTokens(app, { keys: deps.keys, clock, origin });
  await app.register(guard, { database, clock, tokens, villageExists: rememberingVillages(database) });
  await app.register(limits, { quotas: deps.quotas });
  await app.register(openapi, { origin, version: deps.version });

  const { mutate, write } = mutations({ database, clock, standing: standing(clock) });
  const world = { database, clock, mutate, write };
  await app.register(serviceRoutes, {
    ready: () => database.inSnapshot(none, async db => void (await db.execute(sql`select 1`))),
  });
  await app.register(identityRoutes, { ...world, tokens, keys: deps.keys });
  await app.register(villageRoutes, world);
  await app.register(householdRoutes, world);
  return app;
}

/** A village that was opened stays open, so a yes is remembered; a no is asked again. */
function rememberingVillages(database: Database): (village: string) => Promise<boolean> {
  const known = new Set<string>();
  return async village => {
    if (known.has(village)) return true;
    const there = await database.inSnapshot(none, db => villageExists(db, village));
    if (there) known.add(village);
    return there;
  };
}
