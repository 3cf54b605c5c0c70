import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { languageOf, problemOf } from '../http/problems.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { inOrder, refusedLines } from '../http/sheets.ts';
import type { Mutate } from '../posting/mutate.ts';
import type { Refusal, RefusalCode } from '../refusals.ts';
import { answersOf } from './answers.ts';
import { type ClaimView, getClaim, listClaims } from './read.ts';
import {
  Claim,
  ClaimBatch,
  ClaimBatchResult,
  ClaimCreate,
  ClaimListQuery,
  ClaimPage,
  ClaimParams,
  ClaimResubmit,
} from './schemas.ts';
import { type NewClaim, submitClaim, submitEach } from './submit.ts';
import { resubmitClaim, withdrawClaim } from './withdraw.ts';

const readers: Access = ['clerk', 'villageAdmin', 'reviewer', 'supervisionBoard', 'supervisor', 'auditor', 'household'];

const claimRefusals: RefusalCode[] = [
  'own-household',
  'household-not-active',
  'award-duplicate',
  'rule-exclusive',
  'cap-reached',
  'budget-exhausted',
  'rule-not-in-force',
  'out-of-bounds',
  'business-date-refused',
  'evidence-missing',
  'on-behalf-refused',
  'photo-reused',
];

/** What households say they have done. */
export const claimRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  /** Root of problem addresses, for the problems inside a list's answer. */
  origin: string;
}> = async (app, { database, clock, mutate, origin }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/claims',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'claimList',
      tags: ['claims'],
      summary: 'List claims',
      description: 'Returns claims, newest first. A household sees only its own.',
      params: VillageParams,
      querystring: ClaimListQuery,
      response: { 200: ClaimPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listClaims(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims',
    config: { access: ['clerk', 'villageAdmin', 'household'], idempotent: true, refusals: claimRefusals },
    schema: {
      operationId: 'claimCreate',
      tags: ['claims'],
      summary: 'File a claim',
      description:
        'A household files for itself at a kiosk; staff file on behalf of another household. At least one kind of evidence that the rule accepts is required; a photo is one kind. A claim that could not be awarded as the book stands, such as one whose cap is used up, is refused. No points are earned until the claim is approved.',
      params: VillageParams,
      body: ClaimCreate,
      response: { 201: Claim },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const input = claimOf(request.body);
      return mutate(request, reply, (tx, actor) => submitClaim(tx, actor, village, input, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/claims/${made.id}`,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/batch',
    config: { access: ['clerk', 'villageAdmin'], idempotent: true, refusals: claimRefusals },
    bodyLimit: 4 * 1024 * 1024,
    attachValidation: true,
    schema: {
      operationId: 'claimBatch',
      tags: ['claims'],
      summary: 'File claims in batch',
      description:
        'Files up to 200 claims on behalf of households. Each item succeeds or fails on its own, even if it is malformed, repeats a key or contains NUL or incomplete characters. A body that is no JSON or malformed outside `items` is refused as a whole.',
      params: VillageParams,
      body: ClaimBatch,
      response: { 207: ClaimBatchResult },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const malformed = refusedLines(request, { apart: true });
      const { items } = request.body;
      const claims = items.filter((_, index) => !malformed.has(index)).map(claimOf);
      const language = languageOf(request);
      const problem = (refusal: Refusal) =>
        problemOf(refusal, { origin, language, instance: request.url.split('?')[0]!, requestId: request.id });
      reply.header('content-language', language).header('vary', 'Accept-Language');
      return mutate(
        request,
        reply,
        async (tx, actor) =>
          answersOf(
            inOrder<ClaimView | Refusal>(await submitEach(tx, actor, village, claims, clock.now()), malformed),
            items,
            201,
            problem,
          ),
        { status: 207 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/claims/:claim',
    config: { access: readers },
    schema: {
      operationId: 'claimGet',
      tags: ['claims'],
      summary: 'Retrieve a claim',
      description:
        'Returns the claim with the decisions on it. A household sees the step, verdict and reason of each, but not who decided.',
      params: ClaimParams,
      response: { 200: Claim },
    },
    handler: request => {
      const { village, claim } = request.params;
      return database.inSnapshot(village, db => getClaim(db, actorOf(request), village, claim));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/withdraw',
    config: { access: ['clerk', 'villageAdmin', 'household'], idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'claimWithdraw',
      tags: ['claims'],
      summary: 'Withdraw a claim',
      description:
        'The household or whoever filed the claim can withdraw it before it is decided. Its photos may be used again.',
      params: ClaimParams,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      return mutate(request, reply, (tx, actor) => withdrawClaim(tx, actor, { village, claimId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/resubmit',
    config: {
      access: ['clerk', 'villageAdmin', 'household'],
      idempotent: true,
      refusals: [
        'wrong-state',
        'household-not-active',
        'award-duplicate',
        'rule-exclusive',
        'cap-reached',
        'budget-exhausted',
        'out-of-bounds',
        'business-date-refused',
        'photo-reused',
      ],
    },
    schema: {
      operationId: 'claimResubmit',
      tags: ['claims'],
      summary: 'Resubmit a claim',
      description:
        'Answers a claim that was returned with a question. The household or whoever filed it may resubmit. Photos and evidence are added to what is there; nothing is removed. What could not be awarded as the book stands is refused.',
      params: ClaimParams,
      body: ClaimResubmit,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      const { quantity, note, photoIds = [], evidence = [] } = request.body;
      const content = { quantity, note, photoIds, evidence };
      return mutate(
        request,
        reply,
        (tx, actor) => resubmitClaim(tx, actor, { village, claimId }, content, clock.now()),
        {
          status: 200,
        },
      );
    },
  });
};

function claimOf(
  body: Pick<NewClaim, 'ruleId' | 'householdId' | 'quantity'> & {
    [Name in Exclude<keyof NewClaim, 'ruleId' | 'householdId' | 'quantity'>]?: NewClaim[Name] | null;
  },
): NewClaim {
  return {
    ruleId: body.ruleId,
    householdId: body.householdId,
    memberId: body.memberId ?? null,
    quantity: body.quantity,
    occurredAt: body.occurredAt ?? undefined,
    place: body.place ?? null,
    note: body.note ?? null,
    occasion: body.occasion ?? undefined,
    photoIds: body.photoIds ?? [],
    evidence: body.evidence ?? [],
    custom: body.custom ?? null,
  };
}
