import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { languageOf, problemOf } from '../http/problems.ts';
import { actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { inOrder, refusedLines } from '../http/sheets.ts';
import type { Mutate } from '../posting/mutate.ts';
import type { Refusal, RefusalCode } from '../refusals.ts';
import { answersOf } from './answers.ts';
import { decideClaim, decideEach, rejectClaim } from './decide.ts';
import { type ClaimView, listQueue } from './read.ts';
import {
  Claim,
  ClaimBatchResult,
  ClaimDecisionBatch,
  ClaimPage,
  ClaimParams,
  ClaimPass,
  ClaimQueueQuery,
  ClaimReject,
  ClaimReturn,
  ClaimVote,
} from './schemas.ts';
import { releaseClaim, takeClaim } from './take.ts';

const keepingOut: RefusalCode[] = ['second-person-required', 'own-household', 'wrong-state'];
/** What a yes can be refused with. */
const yesRefusals: RefusalCode[] = [
  ...keepingOut,
  'out-of-bounds',
  'household-not-active',
  'award-duplicate',
  'rule-not-in-force',
  'rule-exclusive',
  'cap-reached',
  'budget-exhausted',
];

/** What reviewers make of claims: nobody decides on the own, the own household’s or that of kin, and nobody twice. */
export const reviewRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  /** Root of problem addresses, for the problems inside a list's answer. */
  origin: string;
}> = async (app, { database, clock, mutate, origin }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/claims/queue',
    config: { access: ['reviewer', 'supervisor'], refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'claimQueue',
      tags: ['claims'],
      summary: 'List claims awaiting a decision',
      description:
        'Returns waiting claims, oldest first. Omits claims the caller may not decide or has already decided on, and claims another reviewer has taken.',
      params: VillageParams,
      querystring: ClaimQueueQuery,
      response: { 200: ClaimPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listQueue(db, actorOf(request), request.params.village, request.query, clock.now()),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/take',
    config: { access: ['reviewer'], idempotent: true, refusals: [...keepingOut, 'review-taken'] },
    schema: {
      operationId: 'claimTake',
      tags: ['claims'],
      summary: 'Take a claim for first review',
      description:
        'Reserves the claim for the caller for 15 minutes; nobody else may decide on it in that time. Taking it again restarts the clock.',
      params: ClaimParams,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      return mutate(request, reply, (tx, actor) => takeClaim(tx, actor, { village, claimId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/release',
    config: { access: ['reviewer'], idempotent: true, refusals: ['review-taken'] },
    schema: {
      operationId: 'claimRelease',
      tags: ['claims'],
      summary: 'Release a claim without deciding',
      description:
        'Makes the claim available to other reviewers at once. A claim that nobody has taken stays as it is.',
      params: ClaimParams,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      return mutate(request, reply, (tx, actor) => releaseClaim(tx, actor, { village, claimId }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/pass',
    config: { access: ['reviewer'], idempotent: true, refusals: [...yesRefusals, 'review-taken'] },
    schema: {
      operationId: 'claimPass',
      tags: ['claims'],
      summary: 'Pass a claim in first review',
      description:
        'Sends the claim to the panel, or approves it where the village’s policy has no panel. If `quantity` is lower than claimed, it becomes the approved quantity, or the one recommended to the panel.',
      params: ClaimParams,
      body: ClaimPass,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      const decided = { step: 'firstReview', verdict: 'pass', reason: null, ...request.body } as const;
      return mutate(request, reply, (tx, actor) => decideClaim(tx, actor, { village, claimId }, decided, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/return',
    config: { access: ['reviewer'], idempotent: true, refusals: [...keepingOut, 'review-taken', 'out-of-bounds'] },
    schema: {
      operationId: 'claimReturn',
      tags: ['claims'],
      summary: 'Return a claim with a question',
      description: 'Sends the claim back for more information. Allowed once, during first review.',
      params: ClaimParams,
      body: ClaimReturn,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      const decided = { step: 'firstReview', verdict: 'return', reason: request.body.question } as const;
      return mutate(request, reply, (tx, actor) => decideClaim(tx, actor, { village, claimId }, decided, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/reject',
    config: { access: ['reviewer', 'supervisor'], idempotent: true, refusals: [...keepingOut, 'review-taken'] },
    schema: {
      operationId: 'claimReject',
      tags: ['claims'],
      summary: 'Reject a claim',
      description:
        'A reviewer can reject in first review, a supervisor where a second approval is pending; a panel votes instead. The claim’s photos may be used again.',
      params: ClaimParams,
      body: ClaimReject,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => rejectClaim(tx, actor, { village, claimId }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/votes',
    config: { access: ['reviewer'], idempotent: true, refusals: [...yesRefusals, 'already-exists'] },
    schema: {
      operationId: 'claimVote',
      tags: ['claims'],
      summary: 'Vote on a claim',
      description:
        'Records the caller’s panel vote. Anyone who filed the claim or passed its first review may not vote. The panel closes by itself once two thirds have voted and the missing votes cannot change the outcome; a tie rejects. The approved quantity is the lowest among the votes in favour.',
      params: ClaimParams,
      body: ClaimVote,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      const { verdict, quantity, reason = null } = request.body;
      const decided = { step: 'panel', verdict, quantity, reason } as const;
      return mutate(request, reply, (tx, actor) => decideClaim(tx, actor, { village, claimId }, decided, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/:claim/confirm',
    config: { access: ['supervisor'], idempotent: true, refusals: yesRefusals },
    schema: {
      operationId: 'claimConfirm',
      tags: ['claims'],
      summary: 'Approve a claim as second approver',
      description:
        'Second approval, one level up, for claims that reach the policy’s point threshold or carry custom points.',
      params: ClaimParams,
      response: { 200: Claim },
    },
    handler: (request, reply) => {
      const { village, claim: claimId } = request.params;
      const decided = { step: 'second', verdict: 'approve', reason: null } as const;
      return mutate(request, reply, (tx, actor) => decideClaim(tx, actor, { village, claimId }, decided, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/claims/decisions/batch',
    config: {
      access: ['reviewer', 'supervisor'],
      idempotent: true,
      refusals: [...yesRefusals, 'review-taken', 'already-exists'],
    },
    bodyLimit: 4 * 1024 * 1024,
    attachValidation: true,
    schema: {
      operationId: 'claimDecisionBatch',
      tags: ['claims'],
      summary: 'Decide on claims in batch',
      description:
        'Decides up to 200 claims. Each item succeeds or fails on its own, even if it is malformed, repeats a key or contains NUL or incomplete characters. A body that is no JSON or malformed outside `items` is refused as a whole.',
      params: VillageParams,
      body: ClaimDecisionBatch,
      response: { 207: ClaimBatchResult },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const malformed = refusedLines(request, { apart: true });
      const { items } = request.body;
      const lines = items.filter((_, index) => !malformed.has(index));
      const language = languageOf(request);
      const problem = (refusal: Refusal) =>
        problemOf(refusal, { origin, language, instance: request.url.split('?')[0]!, requestId: request.id });
      reply.header('content-language', language).header('vary', 'Accept-Language');
      const decided = lines.map(({ claimId, step, verdict, quantity, reason = null }) => ({
        claimId,
        step,
        verdict,
        quantity,
        reason,
      }));
      return mutate(
        request,
        reply,
        async (tx, actor) =>
          answersOf(
            inOrder<ClaimView | Refusal>(await decideEach(tx, actor, village, decided, clock.now()), malformed),
            items,
            200,
            problem,
          ),
        { status: 207 },
      );
    },
  });
};
