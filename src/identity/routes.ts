import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { eq } from 'drizzle-orm';
import { Type } from 'typebox';
import type { Clock } from '../calendar.ts';
import { type Database, one } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { Mutate, Write } from '../http/idempotency.ts';
import { type Access, actorOf, holds } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { Keys } from './keys.ts';
import { hashSecret, verifySecret } from './passwords.ts';
import { getUser, listUsers, userReaders } from './read.ts';
import {
  CurrentSession,
  GrantParams,
  Jwks,
  NewGrant,
  PasswordSet,
  SessionCreate,
  SessionRefresh,
  SignedIn,
  User,
  UserCreate,
  UserListQuery,
  UserPage,
  UserParams,
} from './schemas.ts';
import { endSessions } from './sessions.ts';
import { countTry, forgetTries, refresh, signIn } from './sign-in.ts';
import { user as userTable } from './tables.ts';
import type { Tokens } from './tokens.ts';
import { createGrant, createUser, endGrant, setPassword, setUserState } from './users.ts';

const appointers: Access = ['platformAdmin', 'supervisor', 'villageAdmin'];

/** Sign-in, users and their grants. */
export const identityRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
  tokens: Tokens;
  keys: Keys;
}> = async (app, { database, clock, mutate, write, tokens, keys }) => {
  app.route({
    method: 'POST',
    url: '/v1/sessions',
    config: { access: 'public', idempotent: false, refusals: ['sign-in-failed', 'sign-in-locked'] },
    schema: {
      operationId: 'sessionCreate',
      tags: ['identity'],
      summary: 'Sign in',
      description:
        'Name and password for an access token of 15 minutes and a refresh token. Five wrong passwords in a row lock the name for 15 minutes.',
      body: SessionCreate,
      response: { 201: SignedIn },
    },
    handler: async (request, reply) => reply.code(201).send(await signIn({ database, clock, tokens }, request.body)),
  });

  app.route({
    method: 'POST',
    url: '/v1/sessions/refresh',
    config: { access: 'public', idempotent: false, refusals: ['unauthenticated', 'token-expired', 'session-revoked'] },
    schema: {
      operationId: 'sessionRefresh',
      tags: ['identity'],
      summary: 'Rotate the refresh token',
      description:
        'A refresh token stays good until its successor is first used, so a lost answer may be asked for again. Shown after that, it ends the sign-in.',
      body: SessionRefresh,
      response: { 200: SignedIn },
    },
    handler: async request => refresh({ database, clock, tokens }, request.body.refreshToken),
  });

  app.route({
    method: 'GET',
    url: '/v1/sessions/current',
    config: { access: 'signedIn' },
    schema: {
      operationId: 'sessionCurrentGet',
      tags: ['identity'],
      summary: 'Who am I',
      description: 'What the token in hand says: who is signed in, and with which grants.',
      response: { 200: CurrentSession },
    },
    handler: async request => {
      const { grants, ...actor } = actorOf(request);
      return { ...actor, grants: grants.map(([role, prefix]) => ({ role, prefix })) };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/sessions/current',
    config: { access: 'signedIn' },
    schema: {
      operationId: 'sessionCurrentDelete',
      tags: ['identity'],
      summary: 'Sign out',
      description:
        'Ends the sign-in: no write and no refresh succeeds after it. Signing out twice is signing out once.',
      response: { 204: Type.Null({ description: 'Signed out' }) },
    },
    handler: async (request, reply) => {
      const { sessionId } = actorOf(request);
      await database.inTransaction(none, tx => endSessions(tx, { id: sessionId }, 'signedOut', clock.now()));
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/users/current/password',
    config: { access: 'signedIn', refusals: ['sign-in-failed', 'sign-in-locked', 'forbidden'] },
    schema: {
      operationId: 'userPasswordSet',
      tags: ['identity'],
      summary: 'Change the own password',
      description: 'Needs the password in use, and ends every sign-in of the user, this one too.',
      body: PasswordSet,
      response: { 204: Type.Null({ description: 'Changed' }) },
    },
    handler: async (request, reply) => {
      const actor = actorOf(request);
      if (actor.kind !== 'staff') throw new Refusal('forbidden', { requiredRoles: [] });
      const row = await database.inSnapshot(none, async db =>
        one(await db.select().from(userTable).where(eq(userTable.id, actor.id))),
      );
      await countTry({ database, clock }, row.login);
      if (!(await verifySecret(request.body.currentPassword, row.passwordHash))) throw new Refusal('sign-in-failed');
      const passwordHash = await hashSecret(request.body.newPassword);
      await write(request, async tx => {
        await forgetTries(tx, row.login);
        await setPassword(tx, actor.id, passwordHash, clock.now());
      });
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/users',
    config: { access: userReaders, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'userList',
      tags: ['identity'],
      summary: 'List staff accounts in scope',
      description: 'Users who hold a grant inside the caller’s own prefixes, by name.',
      querystring: UserListQuery,
      response: { 200: UserPage },
    },
    handler: request => database.inSnapshot(none, db => listUsers(db, actorOf(request), request.query, clock.now())),
  });

  app.route({
    method: 'POST',
    url: '/v1/users',
    config: { access: appointers, idempotent: true, refusals: ['already-exists', 'out-of-bounds'] },
    schema: {
      operationId: 'userCreate',
      tags: ['identity'],
      summary: 'Make a staff account',
      description: 'With its first grant, which must lie below the caller’s own role and inside the own prefix.',
      body: UserCreate,
      response: { 201: User },
    },
    handler: async (request, reply) => {
      const { password, login, ...said } = request.body;
      const passwordHash = await hashSecret(password);
      return mutate(
        request,
        reply,
        (tx, actor) => createUser(tx, actor, { ...said, login: login.toLowerCase(), passwordHash }, clock.now()),
        { status: 201, location: made => `/v1/users/${made.id}` },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/users/:user',
    config: { access: userReaders },
    schema: {
      operationId: 'userGet',
      tags: ['identity'],
      summary: 'A staff account',
      description: 'Not there unless it holds a grant inside the caller’s own prefixes.',
      params: UserParams,
      response: { 200: User },
    },
    handler: request =>
      database.inSnapshot(none, async db => {
        const view = await getUser(db, request.params.user, clock.now());
        const inScope = view.grants.some(held => holds(actorOf(request), held.prefix, userReaders));
        if (!inScope) throw new Refusal('not-found');
        return view;
      }),
  });

  for (const [verb, state, summary, description] of [
    ['disable', 'disabled', 'Lock a user out', 'Ends every sign-in of the user at once.'],
    ['enable', 'active', 'Let a user in again', 'The grants are as they were.'],
  ] as const) {
    app.route({
      method: 'POST',
      url: `/v1/users/:user/${verb}`,
      config: { access: appointers, idempotent: true, refusals: ['wrong-state', 'second-person-required'] },
      schema: {
        operationId: verb === 'disable' ? 'userDisable' : 'userEnable',
        tags: ['identity'],
        summary,
        description,
        params: UserParams,
        response: { 200: User },
      },
      handler: (request, reply) =>
        mutate(request, reply, (tx, actor) => setUserState(tx, actor, request.params.user, state, clock.now()), {
          status: 200,
        }),
    });
  }

  app.route({
    method: 'POST',
    url: '/v1/users/:user/grants',
    config: {
      access: appointers,
      idempotent: true,
      refusals: ['already-exists', 'out-of-bounds', 'second-person-required'],
    },
    schema: {
      operationId: 'userGrantCreate',
      tags: ['identity'],
      summary: 'Grant a role',
      description: 'Below the caller’s own role and inside the own prefix; never to oneself.',
      params: UserParams,
      body: NewGrant,
      response: { 201: User },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => createGrant(tx, actor, request.params.user, request.body, clock.now()), {
        status: 201,
        location: made => `/v1/users/${made.id}`,
      }),
  });

  app.route({
    method: 'POST',
    url: '/v1/users/:user/grants/:grant/end',
    config: { access: appointers, idempotent: true, refusals: ['second-person-required'] },
    schema: {
      operationId: 'userGrantEnd',
      tags: ['identity'],
      summary: 'End a grant',
      description: 'Counts from the next write of its holder; for reads at the latest in 15 minutes.',
      params: GrantParams,
      response: { 200: User },
    },
    handler: (request, reply) =>
      mutate(
        request,
        reply,
        (tx, actor) => endGrant(tx, actor, { userId: request.params.user, grantId: request.params.grant }, clock.now()),
        { status: 200 },
      ),
  });

  app.route({
    method: 'GET',
    url: '/.well-known/jwks.json',
    config: { access: 'public' },
    schema: {
      operationId: 'jwksGet',
      tags: ['service'],
      summary: 'Public keys of the access tokens',
      description: 'The key in use and the one that comes after it.',
      response: { 200: Jwks },
    },
    handler: async () => ({ keys: keys.published().map(key => key.publicJwk) as never }),
  });
};
