import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { eq } from 'drizzle-orm';
import { Type } from 'typebox';
import type { Clock } from '../calendar.ts';
import { type Database, one } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { addressOf } from '../http/limits.ts';
import { type Access, actorOf, holds } from '../http/route.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
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
    config: { access: 'public', idempotent: false, quota: 'signIn', refusals: ['sign-in-failed', 'sign-in-locked'] },
    schema: {
      operationId: 'sessionCreate',
      tags: ['identity'],
      summary: 'Sign in',
      description:
        'Exchanges a login and password for an access token, valid for 15 minutes, and a refresh token. Five wrong passwords in a row lock the login for 15 minutes at the caller’s address. Fifty from addresses at which the login has not succeeded within 30 days lock it for 15 minutes at all such addresses.',
      body: SessionCreate,
      response: { 201: SignedIn },
    },
    handler: async (request, reply) =>
      reply.code(201).send(await signIn({ database, clock, tokens }, { ...request.body, address: addressOf(request) })),
  });

  app.route({
    method: 'POST',
    url: '/v1/sessions/refresh',
    config: {
      access: 'public',
      idempotent: false,
      quota: 'token',
      refusals: ['unauthenticated', 'token-expired', 'session-revoked'],
    },
    schema: {
      operationId: 'sessionRefresh',
      tags: ['identity'],
      summary: 'Refresh the tokens',
      description:
        'Returns a new access token and a new refresh token. The old refresh token stays valid until the new one is first used, so a lost response can be requested again. Using the old token after that ends the session.',
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
      summary: 'Retrieve the current session',
      description: 'Returns who the access token belongs to and the grants it carries.',
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
      description: 'Ends the session: it can no longer write or refresh its tokens. Signing out again has no effect.',
      response: { 204: Type.Null({ description: 'Signed out.' }) },
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
      summary: 'Change your password',
      description: 'Requires the current password. Ends every session of the user, including this one.',
      body: PasswordSet,
      response: { 204: Type.Null({ description: 'The password was changed.' }) },
    },
    handler: async (request, reply) => {
      const actor = actorOf(request);
      if (actor.kind !== 'staff') throw new Refusal('forbidden', { requiredRoles: [] });
      const row = await database.inSnapshot(none, async db =>
        one(await db.select().from(userTable).where(eq(userTable.id, actor.id))),
      );
      const from = { login: row.login, address: addressOf(request) };
      await countTry({ database, clock }, from);
      if (!(await verifySecret(request.body.currentPassword, row.passwordHash))) throw new Refusal('sign-in-failed');
      const passwordHash = await hashSecret(request.body.newPassword);
      await write(request, async tx => {
        await forgetTries(tx, from, clock.now());
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
      summary: 'List users',
      description: 'Returns users who hold a grant within the caller’s scope, by name.',
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
      summary: 'Create a user',
      description:
        'Creates a staff account with its first grant, which must be below the caller’s own role and within the caller’s scope.',
      body: UserCreate,
      response: { 201: User },
    },
    handler: async (request, reply) => {
      const { password, login, ...input } = request.body;
      const passwordHash = await hashSecret(password);
      return mutate(
        request,
        reply,
        (tx, actor) => createUser(tx, actor, { ...input, login: login.toLowerCase(), passwordHash }, clock.now()),
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
      summary: 'Retrieve a user',
      description: 'Returns 404 unless the user holds a grant within the caller’s scope.',
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
    ['disable', 'disabled', 'Disable a user', 'Ends every session of the user at once and prevents new ones.'],
    ['enable', 'active', 'Enable a user', 'Lets the user sign in again with the same grants.'],
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
      description:
        'The role must be below the caller’s own and within the caller’s scope. Callers cannot grant roles to themselves.',
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
      summary: 'Revoke a grant',
      description: 'Takes effect with the holder’s next write; for reads, within 15 minutes.',
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
      summary: 'Retrieve the keys that verify access tokens',
      description: 'Returns the current public key and the next one.',
      response: { 200: Jwks },
    },
    handler: async () => ({ keys: keys.published().map(key => key.publicJwk) as never }),
  });
};
