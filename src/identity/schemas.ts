import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { roles } from '../http/route.ts';
import { Id, Instant, Name, Nullable, OneOf, Text } from '../http/shapes.ts';

const Login = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$',
  maxLength: 64,
  description: 'Login name. Not case-sensitive.',
  examples: ['clerk1'],
});

/** Length is what makes a password strong; beside it, a blocklist is asked. */
const NewPassword = Type.String({
  minLength: 15,
  maxLength: 128,
  description: 'At least 15 characters, of any kind. Passwords that are easy to guess are refused.',
  examples: ['seven bags of rice'],
});

const Prefix = Type.String({
  pattern: '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$',
  maxLength: 12,
  description:
    'Scope of the grant as a division code prefix of 2, 4, 6, 9 or 12 digits. Empty for the whole service (`platformAdmin` only).',
  examples: ['520281127101'],
});

const RoleName = OneOf([...roles], 'Role granted. `platformAdmin` is granted by the operator’s command only.');

export const NewGrant = Type.Object(
  {
    role: RoleName,
    prefix: Prefix,
    until: Type.Optional(Nullable(Instant('When the grant ends; `null` if it does not end.'))),
  },
  { title: 'NewGrant', additionalProperties: false, examples: [{ role: 'clerk', prefix: '520281127101' }] },
);

/** Of an authenticator app, or one of those that stand in for it. */
const Code = Type.String({
  pattern: '^([0-9]{6}|[0-9A-Za-z]{4}(-[0-9A-Za-z]{4}){3})$',
  maxLength: 19,
  description: 'Verification code: 6 digits from the authenticator app, or a recovery code.',
  examples: ['402857'],
});

const PendingActionName = OneOf(
  ['changePassword', 'setUpSecondFactor'],
  'What the user has to do before any other operation is allowed.',
);

export const SessionCreate = Type.Object(
  {
    login: Login,
    password: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Password.',
      examples: ['seven bags of rice'],
    }),
    code: Type.Optional(Code),
  },
  {
    title: 'SessionCreate',
    additionalProperties: false,
    examples: [{ login: 'clerk1', password: 'seven bags of rice', code: '402857' }],
  },
);

export const SessionRefresh = Type.Object(
  {
    refreshToken: Type.String({
      minLength: 20,
      maxLength: 200,
      description: 'The most recent refresh token.',
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
    accessToken: Type.String({ maxLength: 4096, description: 'Access token. Send it as `Authorization: Bearer …`.' }),
    accessExpiresInSeconds: Type.Integer({
      minimum: 1,
      maximum: 900,
      description: 'Lifetime of the access token in seconds.',
    }),
    refreshToken: Type.String({
      maxLength: 200,
      description: 'Refresh token. Valid until its successor is first used.',
    }),
    refreshExpiresInSeconds: Type.Integer({
      minimum: 1,
      maximum: 604_800,
      description: 'Seconds after which an idle session ends.',
    }),
    user: Type.Object(
      { id: Id('ID of the user.'), login: Login, name: Text(60, 'Display name.', '王文书') },
      { description: 'The signed-in user.' },
    ),
    grants: Type.Array(HeldGrant, { maxItems: 200, description: 'The user’s roles and their scopes.' }),
    pendingAction: Nullable(PendingActionName),
  },
  { title: 'SignedIn' },
);

export const CurrentSession = Type.Object(
  {
    kind: OneOf(['staff', 'kiosk', 'household'], 'Kind of caller.'),
    id: Id('ID of the user, kiosk or household.'),
    sessionId: Id('ID of the session.'),
    grants: Type.Array(HeldGrant, { maxItems: 200, description: 'Roles the token carries, and their scopes.' }),
    kioskId: Nullable(Id('ID of the kiosk the household is using.')),
    householdId: Nullable(Id('ID of the household in session.')),
    level: Nullable(OneOf(['card', 'cardAndPin', 'pin'], 'How the household identified itself.')),
    client: Id('ID that idempotency keys are scoped to: the user or the device.'),
  },
  { title: 'CurrentSession' },
);

const OneTimePassword = Type.String({
  minLength: 15,
  maxLength: 128,
  description:
    'One-time password to hand to the user, of at least 15 characters. The user has to replace it at the first sign-in, within 7 days.',
  examples: ['seven bags of rice'],
});

export const PasswordReset = Type.Object(
  { password: OneTimePassword },
  { title: 'PasswordReset', additionalProperties: false, examples: [{ password: 'seven bags of rice' }] },
);

export const SecondFactorCreate = Type.Object(
  { code: Type.Optional(Code) },
  { title: 'SecondFactorCreate', additionalProperties: false, examples: [{ code: '402857' }] },
);

export const SecondFactorSecret = Type.Object(
  {
    secret: Nullable(
      Type.String({
        maxLength: 64,
        description: 'Secret in base32, to type into an authenticator app. `null` when the response is replayed.',
        examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
      }),
    ),
    uri: Nullable(
      Type.String({
        maxLength: 300,
        description: '`otpauth` URI of the secret, to show as a QR code. `null` when the response is replayed.',
        examples: ['otpauth://totp/jifen:clerk1?issuer=jifen&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
      }),
    ),
  },
  { title: 'SecondFactorSecret' },
);

export const SecondFactorConfirm = Type.Object(
  {
    code: Type.String({
      pattern: '^[0-9]{6}$',
      maxLength: 6,
      description: 'Code that the authenticator app shows for the new secret.',
      examples: ['402857'],
    }),
  },
  { title: 'SecondFactorConfirm', additionalProperties: false, examples: [{ code: '402857' }] },
);

export const RecoveryCodes = Type.Object(
  {
    recoveryCodes: Nullable(
      Type.Array(Type.String({ maxLength: 19, description: 'Recovery code.', examples: ['7K2M-9QXA-0C4D-ZH8T'] }), {
        maxItems: 10,
        description:
          'Ten codes to write down, each good for one sign-in without the phone. They replace all earlier ones. `null` when the response is replayed.',
      }),
    ),
  },
  { title: 'RecoveryCodes' },
);

export const UserCreate = Type.Object(
  { login: Login, name: Name('Display name.', '王文书'), password: OneTimePassword, grant: NewGrant },
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

export const UserUpdate = Type.Object(
  { name: Type.Optional(Name('Display name.', '王文书')) },
  { title: 'UserUpdate', additionalProperties: false, examples: [{ name: '王文书' }] },
);

export const UserEventList = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        id: Id('ID of the event.'),
        kind: OneOf(
          [
            'passwordChanged',
            'passwordReset',
            'secondFactorSet',
            'secondFactorReset',
            'recoveryCodeUsed',
            'disabled',
            'enabled',
            'nameCorrected',
          ],
          'What was done.',
        ),
        from: Nullable(Text(60, 'Name before it was corrected; `null` for other events.', '王文数')),
        to: Nullable(Text(60, 'Name since it was corrected; `null` for other events.', '王文书')),
        byUserId: Id('ID of the user who did it.'),
        at: Instant('When it was done.'),
      }),
      { maxItems: 50, description: 'Events, newest first.' },
    ),
  },
  { title: 'UserEventList' },
);

export const PasswordSet = Type.Object(
  {
    currentPassword: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Current password.',
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
    id: Id('ID of the user.'),
    login: Login,
    name: Text(60, 'Display name.', '王文书'),
    state: OneOf(['active', 'disabled'], 'State of the user. Only an `active` user can sign in.'),
    grants: Type.Array(
      Type.Object({
        id: Id('ID of the grant.'),
        role: RoleName,
        prefix: Prefix,
        state: OneOf(['active', 'proposed'], 'A `proposed` grant has no effect until a supervisor confirms it.'),
        until: Nullable(Instant('When the grant ends; `null` if it does not end.')),
      }),
      { maxItems: 200, description: 'Current grants.' },
    ),
    oneTimePasswordUntil: Nullable(
      Instant('Until when the user can exchange a one-time password; `null` if the user has chosen a password.'),
    ),
    secondFactor: Type.Boolean({ description: 'Whether the user signs in with verification codes.', examples: [true] }),
    createdAt: Instant('When the user was created.'),
  },
  { title: 'User' },
);

export const UserParams = Type.Object({ user: Id('ID of the user.') });
export const GrantParams = Type.Object({ user: Id('ID of the user.'), grant: Id('ID of the grant.') });
export const UserListQuery = Type.Object(PageQuery);
export const UserPage = PageOf(User, 'UserPage');

export const Jwks = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.String({ maxLength: 8, description: 'Key type.' }),
        crv: Type.String({ maxLength: 16, description: 'Curve.' }),
        x: Type.String({ maxLength: 64, description: 'X coordinate of the public key.' }),
        y: Type.String({ maxLength: 64, description: 'Y coordinate of the public key.' }),
        use: Type.String({ maxLength: 8, description: 'Intended use of the key.' }),
        alg: Type.String({ maxLength: 8, description: 'Algorithm.' }),
        kid: Type.String({ maxLength: 64, description: 'Key ID: the key’s RFC 7638 thumbprint.' }),
      }),
      { maxItems: 10, description: 'The current key and the next one.' },
    ),
  },
  { title: 'Jwks' },
);
