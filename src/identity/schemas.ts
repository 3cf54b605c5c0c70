import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { roles } from '../http/route.ts';
import { Id, Instant, Nullable, OneOf, Text } from '../http/shapes.ts';

const Login = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$',
  maxLength: 64,
  description: 'Name to sign in with; upper and lower case are the same',
  examples: ['clerk1'],
});

/** Length is what makes a password strong; nothing else is asked of it. */
const NewPassword = Type.String({
  minLength: 15,
  maxLength: 128,
  description: 'At least 15 characters; any characters',
  examples: ['seven bags of rice'],
});

const Prefix = Type.String({
  pattern: '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$',
  maxLength: 12,
  description: 'Division-code prefix: 2, 4, 6, 9 or 12 digits; empty for the whole service (platformAdmin)',
  examples: ['520281127101'],
});

const RoleName = OneOf([...roles], 'What the grant allows');

export const NewGrant = Type.Object(
  {
    role: RoleName,
    prefix: Prefix,
    until: Type.Optional(Nullable(Instant('Last moment of the grant; null for no end'))),
  },
  { title: 'NewGrant', additionalProperties: false, examples: [{ role: 'clerk', prefix: '520281127101' }] },
);

export const SessionCreate = Type.Object(
  {
    login: Login,
    password: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The password',
      examples: ['seven bags of rice'],
    }),
  },
  {
    title: 'SessionCreate',
    additionalProperties: false,
    examples: [{ login: 'clerk1', password: 'seven bags of rice' }],
  },
);

export const SessionRefresh = Type.Object(
  {
    refreshToken: Type.String({
      minLength: 20,
      maxLength: 200,
      description: 'The refresh token that came last',
      examples: ['q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o'],
    }),
  },
  {
    title: 'SessionRefresh',
    additionalProperties: false,
    examples: [{ refreshToken: 'q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o' }],
  },
);

const HeldGrant = Type.Object({ role: RoleName, prefix: Prefix });

export const SignedIn = Type.Object(
  {
    accessToken: Type.String({ maxLength: 4096, description: 'Send as `Authorization: Bearer …`' }),
    accessExpiresInSeconds: Type.Integer({ minimum: 1, maximum: 900, description: 'Life of the access token' }),
    refreshToken: Type.String({ maxLength: 200, description: 'Good until its successor is first used' }),
    refreshExpiresInSeconds: Type.Integer({
      minimum: 1,
      maximum: 604_800,
      description: 'Life of the sign-in when idle',
    }),
    user: Type.Object(
      { id: Id('The user'), login: Login, name: Text(60, 'Display name', '王文书') },
      { description: 'Who signed in' },
    ),
    grants: Type.Array(HeldGrant, { maxItems: 200, description: 'What the user may do, and where' }),
  },
  { title: 'SignedIn' },
);

export const CurrentSession = Type.Object(
  {
    kind: OneOf(['staff', 'kiosk', 'household'], 'Who is signed in'),
    id: Id('The user, kiosk or household'),
    sessionId: Id('The sign-in'),
    grants: Type.Array(HeldGrant, { maxItems: 200, description: 'What the token allows, and where' }),
    kioskId: Nullable(Id('The kiosk that a household stands at')),
    householdId: Nullable(Id('The household in session')),
    level: Nullable(OneOf(['card', 'cardAndPin', 'pin'], 'What the household has shown')),
    client: Id('Whose idempotency keys these are: the user or the device'),
  },
  { title: 'CurrentSession' },
);

export const UserCreate = Type.Object(
  { login: Login, name: Text(60, 'Display name', '王文书'), password: NewPassword, grant: NewGrant },
  {
    title: 'UserCreate',
    additionalProperties: false,
    examples: [
      {
        login: 'clerk7',
        name: '王文书',
        password: 'seven bags of rice',
        grant: { role: 'clerk', prefix: '520281127101' },
      },
    ],
  },
);

export const PasswordSet = Type.Object(
  {
    currentPassword: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The password in use',
      examples: ['seven bags of rice'],
    }),
    newPassword: NewPassword,
  },
  {
    title: 'PasswordSet',
    additionalProperties: false,
    examples: [{ currentPassword: 'seven bags of rice', newPassword: 'eight bottles of oil' }],
  },
);

export const User = Type.Object(
  {
    id: Id('The user'),
    login: Login,
    name: Text(60, 'Display name', '王文书'),
    state: OneOf(['active', 'disabled'], 'Whether the user may sign in'),
    grants: Type.Array(
      Type.Object({
        id: Id('The grant'),
        role: RoleName,
        prefix: Prefix,
        until: Nullable(Instant('Last moment of the grant')),
      }),
      { maxItems: 200, description: 'Grants that hold now' },
    ),
    createdAt: Instant('When the account was made'),
  },
  { title: 'User' },
);

export const UserParams = Type.Object({ user: Id('The user') });
export const GrantParams = Type.Object({ user: Id('The user'), grant: Id('The grant') });
export const UserListQuery = Type.Object(PageQuery);
export const UserPage = PageOf(User, 'UserPage');

export const Jwks = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.String({ maxLength: 8, description: 'Key type' }),
        crv: Type.String({ maxLength: 16, description: 'Curve' }),
        x: Type.String({ maxLength: 64, description: 'Public point' }),
        y: Type.String({ maxLength: 64, description: 'Public point' }),
        use: Type.String({ maxLength: 8, description: 'What it is for' }),
        alg: Type.String({ maxLength: 8, description: 'Algorithm' }),
        kid: Type.String({ maxLength: 64, description: 'Thumbprint (RFC 7638)' }),
      }),
      { maxItems: 10, description: 'The key in use and the next one' },
    ),
  },
  { title: 'Jwks' },
);
