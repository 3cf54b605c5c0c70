import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { type Clock, dayOf } from '../calendar.ts';
import { etagOf } from '../corrections/versions.ts';
import type { Database } from '../db/database.ts';
import { type Access, actorOf } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { hashSecret } from '../identity/passwords.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { Refusal, refusalIn } from '../refusals.ts';
import { type CardSheetView, issueSheet, planSheet, printSheet } from './card-sheet.ts';
import { issueCard, listCards, replaceCard, revokeCard } from './cards.ts';
import { householdSubject } from './corrections.ts';
import { addMember, enrolOne } from './enrol.ts';
import { freezeHousehold, listFreezes, unfreezeHousehold } from './freeze.ts';
import { isEasyPin, listPinEvents, setPin } from './pin.ts';
import { getHousehold, getPoints, listHouseholds } from './read.ts';
import {
  Card,
  CardIssued,
  CardList,
  CardParams,
  CardSheet,
  CardSheetCreate,
  Household,
  HouseholdCreate,
  HouseholdFreeze,
  HouseholdFreezeList,
  HouseholdListQuery,
  HouseholdPage,
  HouseholdUnfreeze,
  MemberCreate,
  PinEventList,
  PinSet,
  Points,
} from './schemas.ts';
import { HouseholdParams } from './shapes.ts';

const keepers: Access = ['clerk', 'villageAdmin'];
const readers = [
  'clerk',
  'villageAdmin',
  'supervisor',
  'auditor',
  'reviewer',
  'supervisionBoard',
  'storekeeper',
] as const;

/** The household register: people, cards, PINs, and what a household has. */
export const householdRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
}> = async (app, { database, clock, mutate, write }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'householdList',
      tags: ['households'],
      summary: 'List households',
      description:
        'Returns households by number. Names and phone numbers are masked unless the caller’s role requires them.',
      params: VillageParams,
      querystring: HouseholdListQuery,
      response: { 200: HouseholdPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        listHouseholds(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households',
    config: { access: keepers, idempotent: true, refusals: ['already-exists', 'member-elsewhere', 'number-far'] },
    schema: {
      operationId: 'householdCreate',
      tags: ['households'],
      summary: 'Enrol a household',
      description:
        'Enrols a household and opens its accounts at zero. Without a number it gets the next one of the village’s series; a number far from the others must be confirmed. Refused if one of its members is already registered: a person with the same name and either the same ID number or, where one of the two is unknown, the same phone number.',
      params: VillageParams,
      body: HouseholdCreate,
      response: { 201: Household },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => enrolOne(tx, actor, request.params.village, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${made.village}/households/${made.id}`,
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household',
    config: { access: [...readers, 'household'], versioned: true },
    schema: {
      operationId: 'householdGet',
      tags: ['households'],
      summary: 'Retrieve a household',
      description: 'A household sees its own file in full; other callers see it masked as in the list.',
      params: HouseholdParams,
      response: { 200: Household },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return database.inSnapshot(village, async db => {
        const found = await getHousehold(db, actorOf(request), village, household);
        reply.header('etag', await etagOf(db, householdSubject(village, household)));
        return found;
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/members',
    config: {
      access: keepers,
      idempotent: true,
      refusals: ['household-not-active', 'member-elsewhere', 'own-household'],
    },
    schema: {
      operationId: 'householdMemberCreate',
      tags: ['households'],
      summary: 'Add a member to a household',
      description:
        'Returns the updated household. Refused if the person is already registered, as when a household is enrolled.',
      params: HouseholdParams,
      body: MemberCreate,
      response: { 201: Household },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => addMember(tx, actor, { village, householdId: household }, request.body, clock.now()),
        { status: 201, location: () => `/v1/villages/${village}/households/${household}` },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/freeze',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: ['wrong-state', 'household-not-active', 'own-household'],
    },
    schema: {
      operationId: 'householdFreeze',
      tags: ['households'],
      summary: 'Freeze a household',
      description:
        'The household earns and spends nothing until it is unfrozen: awards, claims, redemptions, hand-overs, kiosk sessions and household changes are refused. Points awarded before become spendable when their notice ends, reservations can be cancelled and expire, and reversals and returns continue. The household is told the reason.',
      params: HouseholdParams,
      body: HouseholdFreeze,
      response: { 200: Household },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => freezeHousehold(tx, actor, { village, householdId: household }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/unfreeze',
    config: {
      access: ['villageAdmin'],
      idempotent: true,
      refusals: ['wrong-state', 'household-not-active', 'own-household'],
    },
    schema: {
      operationId: 'householdUnfreeze',
      tags: ['households'],
      summary: 'Unfreeze a household',
      description: 'The household earns and spends again. Its statements keep when and why it was frozen.',
      params: HouseholdParams,
      body: HouseholdUnfreeze,
      response: { 200: Household },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => unfreezeHousehold(tx, actor, { village, householdId: household }, request.body, clock.now()),
        { status: 200 },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/freezes',
    config: { access: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'supervisionBoard', 'household'] },
    schema: {
      operationId: 'householdFreezeList',
      tags: ['households'],
      summary: 'List freezes of a household',
      description: 'Returns when and why the household was frozen and unfrozen, and by whom, newest first, at most 50.',
      params: HouseholdParams,
      response: { 200: HouseholdFreezeList },
    },
    handler: ({ params: { village, household } }) =>
      database.inSnapshot(village, async db => ({ data: await listFreezes(db, { village, householdId: household }) })),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/points',
    config: {
      access: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'supervisionBoard', 'storekeeper', 'household'],
    },
    schema: {
      operationId: 'householdPointsGet',
      tags: ['households'],
      summary: 'Retrieve a household’s points',
      description:
        'Returns the household’s balances. Each point is counted once: `available` excludes pending and held points.',
      params: HouseholdParams,
      response: { 200: Points },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getPoints(db, params.village, params.household, dayOf(clock.now()))),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/cards',
    config: { access: keepers },
    schema: {
      operationId: 'householdCardList',
      tags: ['households'],
      summary: 'List a household’s cards',
      description:
        'Returns cards, newest first, including revoked ones. Card codes are not stored and cannot be retrieved.',
      params: HouseholdParams,
      response: { 200: CardList },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, async db => ({
        data: await listCards(db, { village: params.village, householdId: params.household }),
      })),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/cards',
    config: { access: keepers, idempotent: true, refusals: ['household-not-active', 'own-household'] },
    schema: {
      operationId: 'householdCardCreate',
      tags: ['households'],
      summary: 'Issue a card',
      description: 'Returns the code for the card’s printed QR once. A household may have several cards.',
      params: HouseholdParams,
      response: { 201: CardIssued },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return mutate(
        request,
        reply,
        (tx, actor) => issueCard(tx, actor, { village, householdId: household }, clock.now()),
        {
          status: 201,
          location: () => `/v1/villages/${village}/households/${household}/cards`,
          secrets: ['code'],
        },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/cards/:card/revoke',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state', 'own-household'] },
    schema: {
      operationId: 'cardRevoke',
      tags: ['households'],
      summary: 'Revoke a card',
      description: 'The card is refused everywhere from now on. The household’s balance is not affected.',
      params: CardParams,
      response: { 200: Card },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) =>
          revokeCard(tx, actor, { village: request.params.village, cardId: request.params.card }, clock.now()),
        { status: 200 },
      ),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/cards/:card/replace',
    config: {
      access: keepers,
      idempotent: true,
      refusals: ['wrong-state', 'household-not-active', 'own-household'],
    },
    schema: {
      operationId: 'cardReplace',
      tags: ['households'],
      summary: 'Replace a card',
      description:
        'Revokes a lost card and issues another one in its place. Returns the new card, with the code for its printed QR once. The household’s balance is not affected.',
      params: CardParams,
      response: { 201: CardIssued },
    },
    handler: (request, reply) => {
      const { village, card } = request.params;
      return mutate(request, reply, (tx, actor) => replaceCard(tx, actor, { village, cardId: card }, clock.now()), {
        status: 201,
        location: made => `/v1/villages/${village}/households/${made.householdId}/cards`,
        secrets: ['code'],
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/card-sheets',
    config: {
      access: keepers,
      idempotent: true,
      refusals: ['wrong-state', 'household-not-active', 'own-household'],
    },
    schema: {
      operationId: 'cardSheetCreate',
      tags: ['households'],
      summary: 'Issue cards and print them',
      description:
        'Issues up to 200 cards and returns them as a PDF to print and cut: A4, ten cards per page, each with a QR code, the household’s number and the masked name of its head. Card codes are not stored, so the PDF is returned only once. If you have lost it, or the printed sheet, issue the cards again with a new idempotency key, each with `replacesCardId`: a replayed response has the IDs. All cards are issued, or none.',
      params: VillageParams,
      body: CardSheetCreate,
      response: { 201: CardSheet },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      // What is wrong with the households is told after what is wrong with the key.
      const printed = await database
        .inSnapshot(village, db => planSheet(db, village, request.body.cards))
        .then(plan => printSheet(plan, clock.now()), refusalIn);
      return mutate<CardSheetView>(
        request,
        reply,
        async (tx, actor) => {
          if (printed instanceof Refusal) throw printed;
          return issueSheet(tx, actor, village, printed, clock.now());
        },
        {
          status: 201,
          location: ({ cards }) => `/v1/villages/${village}/households/${cards[0]!.householdId}/cards`,
          secrets: ['pdf'],
        },
      );
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/villages/:village/households/:household/pin',
    config: { access: keepers, refusals: ['out-of-bounds', 'own-household'] },
    schema: {
      operationId: 'householdPinSet',
      tags: ['households'],
      summary: 'Set a household’s PIN',
      description:
        'Sets a six-digit PIN chosen by the household, in the presence of the clerk: a card, which may be stolen, is not enough to change it. A new PIN replaces the old one and resets the count of wrong attempts. Dates and patterns are refused. The change is recorded and shown to the household.',
      params: HouseholdParams,
      body: PinSet,
      response: { 204: Type.Null({ description: 'The PIN was set.' }) },
    },
    handler: async (request, reply) => {
      const { village, household } = request.params;
      if (isEasyPin(request.body.pin)) throw new Refusal('out-of-bounds', { field: 'pin', min: null, max: null });
      const pinHash = await hashSecret(request.body.pin);
      await write(request, (tx, actor) => setPin(tx, actor, { village, householdId: household }, pinHash, clock.now()));
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/pin/events',
    config: { access: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'supervisionBoard', 'household'] },
    schema: {
      operationId: 'householdPinEventList',
      tags: ['households'],
      summary: 'List changes of a household’s PIN',
      description:
        'Returns who has set or unlocked the PIN and when, newest first, at most 50, so that the household can see what it did not ask for.',
      params: HouseholdParams,
      response: { 200: PinEventList },
    },
    handler: request => {
      const { village, household } = request.params;
      return database.inSnapshot(village, async db => ({
        data: await listPinEvents(db, { village, householdId: household }),
      }));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/households/:household/pin/unlock',
    config: { access: keepers, idempotent: true, refusals: ['own-household'] },
    schema: {
      operationId: 'householdPinUnlock',
      tags: ['households'],
      summary: 'Unlock a household’s PIN',
      description:
        'Unlocks the PIN after too many wrong attempts, once the clerk has seen the person. Returns the updated household.',
      params: HouseholdParams,
      response: { 200: Household },
    },
    handler: (request, reply) => {
      const { village, household } = request.params;
      return mutate(
        request,
        reply,
        async (tx, actor) => {
          await setPin(tx, actor, { village, householdId: household }, null, clock.now());
          return getHousehold(tx, actor, village, household);
        },
        { status: 200 },
      );
    },
  });
};
