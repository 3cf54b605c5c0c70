import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { eq } from 'drizzle-orm';
import { Type } from 'typebox';
import type { Clock } from '../calendar.ts';
import { tagOf } from '../corrections/versions.ts';
import { type Database, one } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { addressOf } from '../http/limits.ts';
import { type Access, type Actor, actorOf } from '../http/route.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { Refusal } from '../refusals.ts';
import { refuseCommonPassword } from './common-passwords.ts';
import type { Keys } from './keys.ts';
import { hashSecret, verifySecret } from './passwords.ts';
import { getReadable, listUsers, userReaders } from './read.ts';
import {
  CurrentSession,
  GrantParams,
  Jwks,
  NewGrant,
  PasswordReset,
  PasswordSet,
  RecoveryCodes,
  SecondFactorConfirm,
  SecondFactorCreate,
  SecondFactorSecret,
  SessionCreate,
  SessionRefresh,
  SignedIn,
  User,
  UserCreate,
  UserListQuery,
  UserPage,
  UserParams,
} from './schemas.ts';
import type { Sealer } from './sealing.ts';
import { confirmSecondFactor, type NewRecoveryCodes, type NewSecret, prepareSecondFactor } from './second-factor.ts';
import { endSessions } from './sessions.ts';
import { countCode, countTry, forgetCodes, forgetTries, refresh, signIn } from './sign-in.ts';
import { user as userTable } from './tables.ts';
import type { Tokens } from './tokens.ts';
import { userVersion } from './user-events.ts';
import {
  confirmGrant,
  createGrant,
  createUser,
  endGrant,
  oneTimeFrom,
  resetPassword,
  resetSecondFactor,
  setPassword,
  setUserState,
} from './users.ts';

const appointers: Access = ['platformAdmin', 'supervisor', 'villageAdmin'];

/** Sign-in, users and their grants. */
export const identityRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
  tokens: Tokens;
  keys: Keys;
  sealer: Sealer;
  /** Name of this installation in an authenticator app. */
  issuer: string;
  villagesAskSecondFactor: (prefix: string, now: Temporal.Instant) => Promise<boolean>;
}> = async (app, { database, clock, mutate, write, tokens, keys, sealer, issuer, villagesAskSecondFactor }) => {
  const signingIn = { database, clock, tokens, sealer, villagesAskSecondFactor };
  /** The caller's own row: only staff have passwords. */
  const ownRow = async (actor: Actor) => {
    if (actor.kind !== 'staff') throw new Refusal('forbidden', { requiredRoles: [] });
    return database.inSnapshot(none, async db =>
      one(await db.select().from(userTable).where(eq(userTable.id, actor.id))),
    );
  };

  app.route({
    method: 'POST',
    url: '/v1/sessions',
    config: {
      access: 'public',
      idempotent: false,
      quota: 'signIn',
      refusals: ['sign-in-failed', 'sign-in-locked', 'second-factor-required', 'second-factor-wrong', 'expired'],
    },
    schema: {
      operationId: 'sessionCreate',
      tags: ['identity'],
      summary: 'Sign in',
      description:
        'Exchanges a login and password for an access token, valid for 15 minutes, and a refresh token. Five wrong passwords in a row lock the login for 15 minutes at the caller’s address. Fifty from addresses at which the login has not succeeded within 30 days lock it for 15 minutes at all such addresses. Users with a second factor also send a verification code; without one the answer is `second-factor-required`. If `pendingAction` is set, the access token is good for that action only: change a one-time password, then sign in again; or set up the second factor, then refresh the tokens.',
      body: SessionCreate,
      response: { 201: SignedIn },
    },
    handler: async (request, reply) =>
      reply.code(201).send(await signIn(signingIn, { ...request.body, address: addressOf(request) })),
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
    handler: async request => refresh(signingIn, request.body.refreshToken),
  });

  app.route({
    method: 'GET',
    url: '/v1/sessions/current',
    config: { access: 'signedIn', whilePending: true },
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
    config: { access: 'signedIn', whilePending: true, cardSuffices: true },
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
    config: {
      access: 'signedIn',
      whilePending: true,
      refusals: ['sign-in-failed', 'sign-in-locked', 'forbidden', 'password-common', 'password-unchanged'],
    },
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
      const row = await ownRow(actor);
      const { currentPassword, newPassword } = request.body;
      const from = { login: row.login, address: addressOf(request) };
      await countTry({ database, clock }, from);
      if (!(await verifySecret(currentPassword, row.passwordHash))) throw new Refusal('sign-in-failed');
      if (newPassword.normalize('NFKC') === currentPassword.normalize('NFKC')) throw new Refusal('password-unchanged');
      refuseCommonPassword(newPassword, row);
      const passwordHash = await hashSecret(newPassword);
      await write(request, async tx => {
        await forgetTries(tx, from, clock.now());
        await setPassword(tx, actor.id, passwordHash, clock.now());
      });
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/users/current/second-factor',
    config: {
      access: 'signedIn',
      idempotent: true,
      whilePending: true,
      refusals: ['forbidden', 'sign-in-locked', 'second-factor-required', 'second-factor-wrong'],
    },
    schema: {
      operationId: 'userSecondFactorCreate',
      tags: ['identity'],
      summary: 'Create a secret for verification codes',
      description:
        'Returns a secret for an authenticator app (TOTP, RFC 6238), shown only once. It takes effect when its first code is confirmed. Users who already have a second factor send a code of it, or a recovery code.',
      body: SecondFactorCreate,
      response: { 201: SecondFactorSecret },
    },
    handler: async (request, reply) => {
      const { login } = await ownRow(actorOf(request));
      const { code } = request.body;
      if (code !== undefined) await countCode({ database, clock }, login);
      return mutate<NewSecret>(
        request,
        reply,
        async (tx, { id }) => {
          const made = await prepareSecondFactor(tx, sealer, { id, login, issuer }, code, clock.now());
          if (code !== undefined) await forgetCodes(tx, login);
          return made;
        },
        { status: 201, location: () => '/v1/users/current/second-factor', secrets: ['secret', 'uri'] },
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/users/current/second-factor/confirm',
    config: {
      access: 'signedIn',
      idempotent: true,
      whilePending: true,
      refusals: ['forbidden', 'second-factor-wrong', 'wrong-state'],
    },
    schema: {
      operationId: 'userSecondFactorConfirm',
      tags: ['identity'],
      summary: 'Set up the second factor',
      description:
        'Puts the latest secret in force and returns new recovery codes, shown only once. Ends every other session of the user; refresh the tokens of this one to get the full rights.',
      body: SecondFactorConfirm,
      response: { 200: RecoveryCodes },
    },
    handler: async (request, reply) => {
      await ownRow(actorOf(request));
      return mutate<NewRecoveryCodes>(
        request,
        reply,
        async (tx, { id, sessionId }) => {
          const confirmed = await confirmSecondFactor(tx, sealer, id, request.body.code, clock.now());
          await endSessions(tx, { subject: id, but: sessionId }, 'replaced', clock.now());
          return confirmed;
        },
        { status: 200, secrets: ['recoveryCodes'] },
      );
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
    config: { access: appointers, idempotent: true, refusals: ['already-exists', 'out-of-bounds', 'password-common'] },
    schema: {
      operationId: 'userCreate',
      tags: ['identity'],
      summary: 'Create a user',
      description:
        'Creates a staff account with its first grant, which must be below the caller’s own role and within the caller’s scope. The password is a one-time password. A reviewer whom a village administrator appoints is proposed until a supervisor confirms the grant.',
      body: UserCreate,
      response: { 201: User },
    },
    handler: async (request, reply) => {
      const { password, login, ...input } = request.body;
      refuseCommonPassword(password, { login, name: input.name });
      const passwordHash = await hashSecret(password);
      return mutate(
        request,
        reply,
        (tx, actor) =>
          createUser(
            tx,
            actor,
            { ...input, login: login.toLowerCase(), passwordHash, oneTimeUntil: oneTimeFrom(clock.now()) },
            clock.now(),
          ),
        { status: 201, location: made => `/v1/users/${made.id}` },
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/users/:user',
    config: { access: userReaders, versioned: true },
    schema: {
      operationId: 'userGet',
      tags: ['identity'],
      summary: 'Retrieve a user',
      description: 'Returns 404 unless the user holds a grant within the caller’s scope.',
      params: UserParams,
      response: { 200: User },
    },
    handler: (request, reply) => {
      const { user } = request.params;
      return database.inSnapshot(none, async db => {
        const view = await getReadable(db, actorOf(request), user, clock.now());
        reply.header('etag', tagOf(await userVersion(db, user)));
        return view;
      });
    },
  });

  for (const [verb, state, summary, description] of [
    ['disable', 'disabled', 'Disable a user', 'Ends every session of the user at once and prevents new ones.'],
    [
      'enable',
      'active',
      'Enable a user',
      'Lets the user sign in again with the same grants. Whom a supervisor or platform administrator has disabled, only one of their rank can enable.',
    ],
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
    url: '/v1/users/:user/reset-password',
    config: { access: appointers, idempotent: true, refusals: ['second-person-required', 'password-common'] },
    schema: {
      operationId: 'userPasswordReset',
      tags: ['identity'],
      summary: 'Reset a forgotten password',
      description:
        'Sets a one-time password and ends every session of the user. The caller must be entitled to appoint the user to every role held; a reviewer’s password is reset by a supervisor.',
      params: UserParams,
      body: PasswordReset,
      response: { 200: User },
    },
    handler: async (request, reply) => {
      const { user: userId } = request.params;
      const { password } = request.body;
      const [named] = await database.inSnapshot(none, db =>
        db.select().from(userTable).where(eq(userTable.id, userId)),
      );
      refuseCommonPassword(password, named ?? { login: '', name: '' });
      const passwordHash = await hashSecret(password);
      return mutate(request, reply, (tx, actor) => resetPassword(tx, actor, { userId, passwordHash }, clock.now()), {
        status: 200,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/users/:user/reset-second-factor',
    config: { access: appointers, idempotent: true, refusals: ['second-person-required', 'wrong-state'] },
    schema: {
      operationId: 'userSecondFactorReset',
      tags: ['identity'],
      summary: 'Reset a lost second factor',
      description:
        'Removes the second factor and its recovery codes and ends every session of the user, who can then set it up anew. The caller must be entitled to appoint the user to every role held.',
      params: UserParams,
      response: { 200: User },
    },
    handler: (request, reply) =>
      mutate(request, reply, (tx, actor) => resetSecondFactor(tx, actor, request.params.user, clock.now()), {
        status: 200,
      }),
  });

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
        'The role must be below the caller’s own and within the caller’s scope. Callers cannot grant roles to themselves. A reviewer whom a village administrator appoints is proposed until a supervisor confirms the grant.',
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
    url: '/v1/users/:user/grants/:grant/confirm',
    config: { access: ['supervisor'], idempotent: true, refusals: ['wrong-state', 'second-person-required'] },
    schema: {
      operationId: 'userGrantConfirm',
      tags: ['identity'],
      summary: 'Confirm a proposed grant',
      description: 'Puts a grant in force that a village administrator has proposed. To decline it, revoke it.',
      params: GrantParams,
      response: { 200: User },
    },
    handler: (request, reply) => {
      const { user: userId, grant: grantId } = request.params;
      return mutate(request, reply, (tx, actor) => confirmGrant(tx, actor, { userId, grantId }, clock.now()), {
        status: 200,
      });
    },
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
