import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { cancel } from './cancel.ts';
import { fulfil } from './fulfil.ts';
import { lookUp } from './look-up.ts';
import { listOffers, quote } from './offers.ts';
import { proveAtHandOver, proveShownPin } from './presented.ts';
import { getRedemption, listRedemptions, type RedemptionView } from './read.ts';
import { redeem } from './redeem.ts';
import {
  OfferList,
  OfferListQuery,
  Redemption,
  RedemptionByCode,
  RedemptionCreate,
  RedemptionFulfil,
  RedemptionListQuery,
  RedemptionPage,
  RedemptionParams,
  RedemptionQuote,
  RedemptionQuoteRequest,
} from './schemas.ts';

const redeemers: Access = ['household', 'storekeeper', 'clerk', 'villageAdmin'];
const readers: Access = [...redeemers, 'supervisor', 'supervisionBoard', 'auditor'];

/** How goods are offered, ordered and handed over. */
export const redemptionRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  jobs: Jobs;
}> = async (app, { database, clock, mutate, jobs }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/offers',
    config: { access: [...readers, 'kiosk'] },
    schema: {
      operationId: 'offerList',
      tags: ['store'],
      summary: 'List a store’s offers for today',
      description:
        'Returns the goods of the current price list, with available stock, whether the household can afford them, and when the store opens.',
      params: VillageParams,
      querystring: OfferListQuery,
      response: { 200: OfferList },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listOffers(db, actorOf(request), request.params.village, request.query, clock.now()),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/redemptions/quote',
    config: {
      access: redeemers,
      idempotent: false,
      refusals: ['household-not-active', 'goods-not-offered', 'out-of-bounds'],
    },
    schema: {
      operationId: 'redemptionQuote',
      tags: ['store'],
      summary: 'Quote an order',
      description:
        'Calculates the price of an order. Changes and reserves nothing: points and stock are checked when the order is placed.',
      params: VillageParams,
      body: RedemptionQuoteRequest,
      response: { 200: RedemptionQuote },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        quote(db, actorOf(request), request.params.village, request.body, clock.now()),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/redemptions',
    config: {
      access: redeemers,
      // Up to `pinAbovePoints`, which the verb knows.
      cardSuffices: true,
      idempotent: true,
      refusals: [
        'already-exists',
        'business-date-refused',
        'card-unknown',
        'card-revoked',
        'household-not-active',
        'goods-not-offered',
        'price-changed',
        'out-of-bounds',
        'exchange-closed',
        'exchange-full',
        'pin-required',
        'identification-required',
        'pin-wrong',
        'pin-locked',
        'photo-reused',
        'own-household',
        'second-person-required',
        'redemption-limit',
        'proxy-limit',
        'insufficient-points',
        'insufficient-stock',
      ],
    },
    schema: {
      operationId: 'redemptionCreate',
      tags: ['store'],
      summary: 'Create a redemption',
      description:
        'Reserves goods or hands them over at once. Prices are fixed, and points and goods move in one transaction. At a counter, staff must be shown exactly one of: a card, a PIN, both, or a signed slip. Whoever last set the PIN cannot serve the household on the PIN, nor whoever issued one of its active cards on a card (`second-person-required`). A user who has entered 30 wrong PINs within 24 hours, for whichever households, can enter no more (`too-many-requests`). The pick-up code is included in this response only, to be printed or read to the household; a replayed response does not include it. `redemptionGet` returns it to the household after a sign-in with its PIN.',
      params: VillageParams,
      body: RedemptionCreate,
      response: { 201: Redemption },
    },
    handler: async (request, reply) => {
      await proveShownPin(database, actorOf(request), request.params.village, request.body, clock.now());
      return mutate<RedemptionView>(
        request,
        reply,
        (tx, actor) => redeem(tx, jobs, actor, request.params.village, request.body, clock.now()),
        {
          status: 201,
          location: made => `/v1/villages/${request.params.village}/redemptions/${made.id}`,
          secrets: ['pickupCode'],
        },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/redemptions',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'redemptionList',
      tags: ['store'],
      summary: 'List redemptions',
      description: 'Returns redemptions, newest first. A household sees only its own.',
      params: VillageParams,
      querystring: RedemptionListQuery,
      response: { 200: RedemptionPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listRedemptions(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/redemptions/by-code',
    config: { access: redeemers, idempotent: false, refusals: ['too-many-requests'] },
    schema: {
      operationId: 'redemptionByCode',
      tags: ['store'],
      summary: 'Find a redemption by slip',
      description:
        'Takes exactly one of: the number that the QR code of a slip or receipt holds, which finds the redemption in any state, or the pick-up code, which finds it while it waits. A household in session finds only its own. Pick-up codes that no waiting redemption has are counted: at most ten an hour per caller.',
      params: VillageParams,
      body: RedemptionByCode,
      response: { 200: Redemption },
    },
    handler: request => lookUp(database, actorOf(request), request.params.village, request.body, clock.now()),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/redemptions/:redemption',
    config: { access: readers },
    schema: {
      operationId: 'redemptionGet',
      tags: ['store'],
      summary: 'Retrieve a redemption',
      description:
        'The pick-up code is included only for the household, signed in with its PIN; never for staff, even the user who created the redemption. Revoking a card does not end the code: cancel the redemption to do so.',
      params: RedemptionParams,
      response: { 200: Redemption },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        getRedemption(db, actorOf(request), request.params.village, request.params.redemption),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/redemptions/:redemption/fulfil',
    config: {
      access: redeemers,
      // As with the order.
      cardSuffices: true,
      idempotent: true,
      refusals: [
        'household-not-active',
        'wrong-state',
        'expired',
        'pin-required',
        'identification-required',
        'pickup-code-wrong',
        'card-unknown',
        'card-revoked',
        'pin-wrong',
        'pin-locked',
        'photo-reused',
        'own-household',
        'second-person-required',
        'exchange-closed',
        'proxy-limit',
      ],
    },
    schema: {
      operationId: 'redemptionFulfil',
      tags: ['store'],
      summary: 'Fulfil a redemption',
      description:
        'Hands over the reserved goods and spends the held points, at the prices fixed by the order. Staff must be shown exactly one of: the card, the PIN, both, the pick-up code, or a signed slip. After five wrong pick-up codes the code is no longer accepted. Wrong PINs count, and PINs and cards of the caller’s own making are refused, as for `redemptionCreate`.',
      params: RedemptionParams,
      body: RedemptionFulfil,
      response: { 200: Redemption },
    },
    handler: async (request, reply) => {
      const { village, redemption } = request.params;
      const key = { village, redemptionId: redemption };
      await proveAtHandOver(database, actorOf(request), key, request.body, clock.now());
      return mutate(request, reply, (tx, actor) => fulfil(tx, actor, key, request.body, clock.now()), { status: 200 });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/redemptions/:redemption/cancel',
    config: { access: redeemers, idempotent: true, refusals: ['wrong-state', 'own-household'] },
    schema: {
      operationId: 'redemptionCancel',
      tags: ['store'],
      summary: 'Cancel a redemption',
      description:
        'Cancels a redemption before the goods are handed over. Points, goods and the household’s daily limit are restored.',
      params: RedemptionParams,
      response: { 200: Redemption },
    },
    handler: (request, reply) => {
      const { village, redemption } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => cancel(tx, actor, { village, redemptionId: redemption }, clock.now()),
        { status: 200 },
      );
    },
  });
};
