import helmet from '@fastify/helmet';
import underPressure from '@fastify/under-pressure';
import { sql } from 'drizzle-orm';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { allowanceJobs } from './allowances/jobs.ts';
import { arrearsRoutes } from './arrears/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { bookRoutes } from './book/routes.ts';
import { type Clock, dayOf } from './calendar.ts';
import { proofRoutes } from './checkpoints/routes.ts';
import type { BookSigner } from './checkpoints/signer.ts';
import { reviewRoutes } from './claims/review-routes.ts';
import { claimRoutes } from './claims/routes.ts';
import { correctionRoutes } from './corrections/routes.ts';
import type { Database } from './db/database.ts';
import { type JobDefinition, type Jobs, startJobs } from './db/jobs.ts';
import { none } from './db/scope.ts';
import { basePointsRoutes } from './earning/base-points-routes.ts';
import { reversalRoutes } from './earning/reversal-routes.ts';
import { earningRoutes } from './earning/routes.ts';
import { simulationRoutes } from './earning/simulation-routes.ts';
import { evaluationRoutes } from './evaluations/routes.ts';
import { expiryJobs } from './expiry/jobs.ts';
import { expiryRoutes } from './expiry/routes.ts';
import { householdChangeRoutes } from './household-changes/routes.ts';
import { registerCorrectionRoutes } from './households/correction-routes.ts';
import { personalMasks } from './households/masking.ts';
import { householdRoutes } from './households/routes.ts';
import { compression } from './http/compression.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { bodies, limits, type Quotas, requestTimeoutOf, timeLimit } from './http/limits.ts';
import { openapi } from './http/openapi.ts';
import { serviceRoutes } from './http/probes.ts';
import { problems } from './http/problems.ts';
import { declaredRoutes, requestIdOf, requestLine } from './http/route.ts';
import { validation } from './http/validation.ts';
import { guard, identification, reauthorising } from './identity/guard.ts';
import { identityJobs } from './identity/jobs.ts';
import type { Keys } from './identity/keys.ts';
import { openLinks } from './identity/links.ts';
import { openProofs } from './identity/proofs.ts';
import { identityRoutes } from './identity/routes.ts';
import type { Sealer } from './identity/sealing.ts';
import { openTokens } from './identity/tokens.ts';
import { userCorrectionRoutes } from './identity/user-correction-routes.ts';
import { joinRoutes } from './joining/routes.ts';
import { kinRoutes } from './kin/routes.ts';
import { recognising } from './kiosks/client-version.ts';
import { kioskDeviceRoutes } from './kiosks/device-routes.ts';
import { kioskRoutes } from './kiosks/routes.ts';
import { offlineDeviceRoutes } from './offline/device-routes.ts';
import { offlineRoutes } from './offline/routes.ts';
import { photoJobs } from './photos/jobs.ts';
import type { PhotoStore } from './photos/photo-store.ts';
import { photoRoutes } from './photos/routes.ts';
import { batching } from './posting/batch.ts';
import { mutations } from './posting/mutate.ts';
import { publicityJobs } from './publicity/jobs.ts';
import { publicityRoutes } from './publicity/routes.ts';
import { printRoutes } from './receipts/print-routes.ts';
import { receiptRoutes } from './receipts/routes.ts';
import { redemptionJobs } from './redemptions/jobs.ts';
import { returnRoutes } from './redemptions/return-routes.ts';
import { redemptionRoutes } from './redemptions/routes.ts';
import { rosterJobs } from './rosters/jobs.ts';
import { importRoutes } from './rosters/routes.ts';
import { readingRoutes } from './rules/reading-routes.ts';
import { ruleRoutes } from './rules/routes.ts';
import { signalRoutes } from './signals/routes.ts';
import { stockCountRoutes } from './stock/count-routes.ts';
import { stockRoutes } from './stock/routes.ts';
import { goodsCorrectionRoutes } from './store/correction-routes.ts';
import { goodsImportRoutes } from './store/import-routes.ts';
import { goodsRoutes } from './store/routes.ts';
import { syncRoutes } from './sync/routes.ts';
import type { Certificate } from './tls/certificate.ts';
import { verificationJobs } from './verification/jobs.ts';
import { verificationRoutes } from './verification/routes.ts';
import { villageJobs } from './villages/jobs.ts';
import { asksSecondFactor } from './villages/policy.ts';
import { villageExists } from './villages/read.ts';
import { villageRoutes } from './villages/routes.ts';

interface Deps {
  database: Database;
  jobs: Jobs;
  keys: Keys;
  /** Keeps secrets of the second factor. */
  sealer: Sealer;
  /** Signs checkpoints of books. */
  signer: BookSigner;
  /** Where photos lie. */
  photos: PhotoStore;
  clock: Clock;
  /** Public origin: issuer of tokens, root of problem addresses. */
  origin: string;
  version: string;
  /** Whose pages may call it from a browser. */
  corsOrigins: string[];
  quotas: Quotas;
  /** Whose `X-Forwarded-For` is believed: so many proxies in a row, or these addresses. */
  trustProxy: false | number | string[];
  /** What it shows of itself; null: it speaks plain HTTP. */
  tls: Certificate | null;
  /** Oldest version of the kiosks’ app that may be used; null: any. */
  minClientVersion: string | null;
  /** From one address. */
  pairingsPerHour: number;
  /** Time in which a body has to arrive, beside what its size takes. */
  bodyBaseMs: number;
  /** Above it the service sheds load (503); 0: never. */
  eventLoopDelayMaxMs: number;
  logger: FastifyBaseLogger;
}

type JobWorld = Pick<Deps, 'database' | 'clock' | 'signer' | 'photos'>;

/** What is done in the background, by folder. */
const jobDefinitions: JobDefinition<JobWorld>[] = [
  ...identityJobs,
  ...villageJobs,
  ...rosterJobs,
  ...photoJobs,
  ...redemptionJobs,
  ...allowanceJobs,
  ...publicityJobs,
  ...expiryJobs,
  ...verificationJobs,
];

/** Every queue of jobs there is. */
export const queues: readonly string[] = jobDefinitions.map(({ queue }) => queue);

/** Starts working off jobs in this process. */
export async function startWorker(deps: JobWorld & Pick<Deps, 'jobs'>): Promise<void> {
  await startJobs(deps.jobs, jobDefinitions, deps);
}

/** Builds the whole service, in the order in which a request meets it. */
export async function build(deps: Deps): Promise<FastifyInstance> {
  const { database, clock, origin } = deps;
  const app = Fastify({
    loggerInstance: deps.logger,
    ...(deps.tls !== null && { https: deps.tls }),
    trustProxy: trusted(deps.trustProxy),
    // One line a request, written by us without names, tokens or bodies.
    logController: new LogController({ disableRequestLogging: true }),
    // Each body has a time of its own, and the headers a minute: this ends what passes by both.
    requestTimeout: requestTimeoutOf(deps.bodyBaseMs, 20 * 1024 * 1024),
    connectionTimeout: 60_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    // RFC 9110, section 9.1: whoever answers GET answers HEAD. Probes and links are checked with it.
    exposeHeadRoutes: true,
    // Addresses that no route is asked about: they are answered before any plugin has seen them.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      reply.header('x-request-id', request.id);
      app.errorHandler(error, request, reply);
    },
    routerOptions: { maxParamLength: 64, ignoreTrailingSlash: false },
    genReqId: requestIdOf,
  } as never) as unknown as FastifyInstance;

  await app.register(declaredRoutes);
  await app.register(timeLimit);
  await app.register(problems, { origin });
  await app.register(bodies, { baseMs: deps.bodyBaseMs });
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  await app.register(crossOrigin, { origins: deps.corsOrigins });
  await app.register(compression);
  await app.register(underPressure, {
    maxEventLoopDelay: deps.eventLoopDelayMaxMs,
    maxHeapUsedBytes: 1_500_000_000,
    retryAfter: 2,
  });
  await app.register(validation);
  await app.register(requestLine);

  const tokens = await openTokens(app, { keys: deps.keys, clock, origin });
  const recogniseDevice = recognising(deps.minClientVersion);
  const proofs = openProofs({ clock, origin });
  const links = openLinks(app, { keys: deps.keys, clock, origin });
  await app.register(identification, { tokens });
  await app.register(limits, { quotas: deps.quotas });
  await app.register(guard, {
    database,
    clock,
    tokens,
    proofs,
    villageExists: village => database.inSnapshot(none, db => villageExists(db, village)),
    recogniseDevice,
  });
  await app.register(openapi, { origin, version: deps.version });

  const writing = { database, clock, reauthorise: reauthorising({ clock, recogniseDevice }) };
  const { mutate, write } = mutations(writing);
  const world = { database, clock, mutate, write };
  await app.register(serviceRoutes, {
    ready: () => database.inSnapshot(none, async db => void (await db.execute(sql`select 1`))),
  });
  await app.register(identityRoutes, {
    ...world,
    tokens,
    keys: deps.keys,
    sealer: deps.sealer,
    issuer: new URL(origin).hostname,
    villagesAskSecondFactor: (prefix, now) =>
      database.inSnapshot(prefix, db => asksSecondFactor(db, prefix, dayOf(now))),
  });
  await app.register(userCorrectionRoutes, world);
  await app.register(villageRoutes, world);
  await app.register(correctionRoutes, { database, masks: personalMasks });
  await app.register(householdRoutes, world);
  await app.register(registerCorrectionRoutes, world);
  await app.register(householdChangeRoutes, world);
  await app.register(joinRoutes, world);
  await app.register(kinRoutes, world);
  await app.register(importRoutes, { ...world, jobs: deps.jobs });
  await app.register(ruleRoutes, world);
  await app.register(readingRoutes, world);
  await app.register(photoRoutes, { ...world, jobs: deps.jobs, photos: deps.photos, links });
  await app.register(earningRoutes, { ...world, batched: batching(writing), origin });
  await app.register(reversalRoutes, world);
  await app.register(arrearsRoutes, world);
  await app.register(basePointsRoutes, world);
  await app.register(simulationRoutes, world);
  await app.register(evaluationRoutes, world);
  await app.register(goodsRoutes, world);
  await app.register(goodsCorrectionRoutes, world);
  await app.register(goodsImportRoutes, world);
  await app.register(stockRoutes, world);
  await app.register(stockCountRoutes, world);
  await app.register(redemptionRoutes, { ...world, jobs: deps.jobs });
  await app.register(returnRoutes, world);
  await app.register(receiptRoutes, world);
  await app.register(printRoutes, world);
  await app.register(claimRoutes, { ...world, origin });
  await app.register(reviewRoutes, { ...world, origin });
  await app.register(publicityRoutes, { ...world, jobs: deps.jobs });
  await app.register(expiryRoutes, { ...world, jobs: deps.jobs });
  await app.register(kioskRoutes, world);
  await app.register(kioskDeviceRoutes, {
    database,
    clock,
    tokens,
    proofs,
    minClientVersion: deps.minClientVersion,
    pairingsPerHour: deps.pairingsPerHour,
  });
  await app.register(syncRoutes, { database, clock });
  await app.register(offlineRoutes, world);
  await app.register(offlineDeviceRoutes, { ...world, keys: deps.keys, origin });
  await app.register(bookRoutes, { database });
  await app.register(auditRoutes, { database, clock });
  await app.register(verificationRoutes, { ...world, signer: deps.signer });
  await app.register(signalRoutes, { database, clock });
  await app.register(proofRoutes, { database, signer: deps.signer });
  return app;
}

/**
 * Fastify takes a number for a mistake: whoever gets past the proxies may write as many hops as are believed. Where the
 * service is reachable through them alone, as the README asks, the count is right also when their addresses change.
 */
function trusted(trustProxy: Deps['trustProxy']) {
  return typeof trustProxy === 'number' ? (_address: string, hop: number) => hop < trustProxy : trustProxy;
}
