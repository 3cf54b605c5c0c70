import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const UserCode = Type.String({
  pattern: '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$',
  maxLength: 9,
  description: 'Code on the screen of the device',
  examples: ['BCDF-GHJK'],
});
const AppVersion = Text(40, 'Version of the app on the device', '1.4.2');
const Model = Text(60, 'Model of the device', 'T10');
const Serial = Text(60, 'Serial number of the device', 'SN0042');
const Name = Text(40, 'What the village calls it', '超市门口');
const AccessToken = Type.String({ maxLength: 4096, description: 'Send as `Authorization: Bearer …`' });
const RefreshToken = Type.String({ maxLength: 200, description: 'Good until its successor is first used' });
const AccessSeconds = Type.Integer({ minimum: 1, maximum: 900, description: 'Life of the access token' });

export const PairingCreate = Type.Object(
  {
    appVersion: AppVersion,
    hardware: Type.Object({ model: Model, serial: Serial }, { additionalProperties: false, description: 'The device' }),
  },
  {
    title: 'PairingCreate',
    additionalProperties: false,
    examples: [{ appVersion: '1.4.2', hardware: { model: 'T10', serial: 'SN0042' } }],
  },
);

export const PairingCreated = Type.Object(
  {
    deviceCode: Type.String({ maxLength: 64, description: 'The device’s secret, to poll with; shown this once' }),
    userCode: UserCode,
    expiresInSeconds: Type.Integer({ minimum: 1, maximum: 3600, description: 'Life of both codes' }),
    intervalSeconds: Type.Integer({ minimum: 1, maximum: 60, description: 'How long to wait between polls' }),
  },
  { title: 'PairingCreated' },
);

export const PairingPoll = Type.Object(
  {
    deviceCode: Type.String({
      minLength: 20,
      maxLength: 64,
      description: 'The secret that began the pairing',
      examples: ['q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o'],
    }),
  },
  {
    title: 'PairingPoll',
    additionalProperties: false,
    examples: [{ deviceCode: 'q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o' }],
  },
);

export const PairingPolled = Type.Object(
  {
    status: OneOf(['pending', 'approved'], 'Whether somebody has approved it'),
    kioskId: Nullable(Id('The kiosk it has become')),
    village: Nullable(VillageCode),
    accessToken: Nullable(AccessToken),
    refreshToken: Nullable(RefreshToken),
    expiresInSeconds: Nullable(AccessSeconds),
  },
  { title: 'PairingPolled', description: 'All but the status is null while it waits' },
);

export const KioskTokenRefresh = Type.Object(
  {
    refreshToken: Type.String({
      minLength: 20,
      maxLength: 200,
      description: 'The refresh token that came last',
      examples: ['q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o'],
    }),
  },
  {
    title: 'KioskTokenRefresh',
    additionalProperties: false,
    examples: [{ refreshToken: 'q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o' }],
  },
);

export const KioskTokens = Type.Object(
  {
    kioskId: Id('The kiosk'),
    village: VillageCode,
    accessToken: AccessToken,
    refreshToken: RefreshToken,
    expiresInSeconds: AccessSeconds,
  },
  { title: 'KioskTokens' },
);

export const Pairing = Type.Object(
  {
    userCode: UserCode,
    state: OneOf(['pending', 'approved', 'denied'], 'What has become of it'),
    appVersion: AppVersion,
    model: Model,
    serial: Serial,
    createdAt: Instant('When the device asked'),
    expiresAt: Instant('Until when it may be decided, or the decision fetched'),
    kioskId: Nullable(Id('The kiosk it has become')),
  },
  { title: 'Pairing' },
);

export const PairingApprove = Type.Object(
  { name: Name, storeId: Id('The store it stands in') },
  {
    title: 'PairingApprove',
    additionalProperties: false,
    examples: [{ name: '超市门口', storeId: '0193563d-1111-7000-8000-000000000007' }],
  },
);

const KioskCode = Type.String({ pattern: '^K[0-9]{2,4}$', maxLength: 5, description: 'Short code', examples: ['K01'] });

export const Kiosk = Type.Object(
  {
    id: Id('The kiosk'),
    village: VillageCode,
    code: KioskCode,
    name: Name,
    storeId: Id('The store it stands in'),
    state: OneOf(['active', 'suspended', 'retired'], 'Whether it may be used'),
    stateReason: Nullable(OneOf(['unknownCards'], 'Why the service itself suspended it')),
    stateSince: Instant('Since when it is in this state'),
    appVersion: AppVersion,
    model: Model,
    serial: Serial,
    pairedAt: Instant('When it was approved'),
    seenAt: Nullable(Instant('When it last called, to the minute')),
  },
  { title: 'Kiosk' },
);

export const KioskParams = Type.Object({ village: VillageCode, kiosk: Id('The kiosk') });
export const PairingParams = Type.Object({ village: VillageCode, userCode: UserCode });
export const KioskListQuery = Type.Object(PageQuery);
export const KioskPage = PageOf(Kiosk, 'KioskPage');

const Word = (example: string) =>
  Type.String({ maxLength: 60, description: 'Words on the screen', examples: [example] });

const Words = Type.Object(
  {
    title: Word('积分超市'),
    showCard: Word('请出示积分卡'),
    enterPin: Word('请输入六位密码'),
    available: Word('可用积分'),
    pending: Word('公示中'),
    redeem: Word('兑换'),
    confirm: Word('确认'),
    cancel: Word('取消'),
    done: Word('兑换成功'),
    timedOut: Word('操作超时，请重新刷卡'),
  },
  { title: 'KioskWords' },
);

const TimeOfDay = Type.String({ maxLength: 5, description: 'Time of day in Asia/Shanghai', examples: ['09:00'] });

export const KioskConfig = Type.Object(
  {
    serverTime: Instant('The server’s clock'),
    village: Type.Object(
      { code: VillageCode, name: Text(60, 'Full name', '封家湾社区') },
      { description: 'The village it is bound to' },
    ),
    kiosk: Type.Object(
      { id: Id('This kiosk'), code: KioskCode, name: Name, storeId: Id('The store it stands in') },
      { description: 'Which one it is' },
    ),
    session: Type.Object(
      {
        idleSeconds: Whole('A household’s session ends after so long without a call', { maximum: 3600 }),
        maxSeconds: Whole('And after so long in any case', { maximum: 3600 }),
      },
      { description: 'How long a household may stand there' },
    ),
    exchangeDays: Type.Array(
      Type.Object({
        weekday: Nullable(Whole('1 Monday … 7 Sunday', { minimum: 1, maximum: 7 })),
        dayOfMonth: Nullable(Whole('Day of the month', { minimum: 1, maximum: 31 })),
        opens: TimeOfDay,
        closes: TimeOfDay,
      }),
      { maxItems: 40, description: 'When the store is open' },
    ),
    pinAbovePoints: Whole('Redemptions above this many points need the PIN', { maximum: 100_000 }),
    elderMode: Type.Object(
      {
        default: Type.Boolean({ description: 'Whether the screen begins in it' }),
        minFontDp: Whole('Smallest type', { maximum: 100 }),
        fontScale: Type.Number({ minimum: 1, maximum: 4, description: 'How much larger type is' }),
        targetDp: Whole('Smallest thing to touch', { maximum: 200 }),
        minContrast: Type.Number({ minimum: 1, maximum: 21, description: 'Least contrast' }),
        maxChoices: Whole('Most choices on a screen', { maximum: 20 }),
        speechRate: Type.Number({ minimum: 0.1, maximum: 2, description: 'Speed of the voice' }),
        confirmSpoken: Type.Boolean({ description: 'Whether a confirmation is read aloud' }),
      },
      { description: 'Larger type, fewer choices, slower speech' },
    ),
    receipt: Type.Object(
      { columns: Whole('Columns of the printer; wide characters take two', { maximum: 80 }) },
      { description: 'What its printer takes' },
    ),
    locales: Type.Object({ 'zh-CN': Words, en: Words }, { description: 'All words on the screen' }),
  },
  { title: 'KioskConfig' },
);

const Pin = Type.String({ pattern: '^[0-9]{6}$', maxLength: 6, description: 'Six digits', examples: ['402857'] });

export const KioskSessionCreate = Type.Union(
  [
    Type.Object(
      {
        card: Type.String({
          pattern: '^PS1\\.[0-9A-HJKMNP-TV-Z]{26}$',
          maxLength: 30,
          description: 'Text of the QR on the card',
          examples: ['PS1.0123456789ABCDEFGHJKMNPQRS'],
        }),
        pin: Type.Optional(Pin),
      },
      { additionalProperties: false, description: 'By card, or card and PIN' },
    ),
    Type.Object(
      {
        householdNumber: Type.String({
          pattern: '^[A-Z]?[0-9]{1,8}$',
          maxLength: 9,
          description: 'Number on the passbook',
          examples: ['H0007'],
        }),
        pin: Type.Optional(Pin),
      },
      { additionalProperties: false, description: 'By number and PIN' },
    ),
  ],
  { examples: [{ card: 'PS1.0123456789ABCDEFGHJKMNPQRS' }, { householdNumber: 'H0007', pin: '402857' }] },
);

const session = {
  level: OneOf(['card', 'cardAndPin', 'pin'], 'What the household has shown'),
  expiresInSeconds: Whole('Until it ends in any case', { maximum: 3600 }),
  idleSeconds: Whole('Until it ends without a call', { maximum: 3600 }),
  household: Type.Object(
    {
      id: Id('The household'),
      number: Type.String({ maxLength: 9, description: 'Number on the passbook', examples: ['H0007'] }),
      headName: Text(60, 'Name of the head, masked', '张*三'),
      state: OneOf(['active', 'frozen', 'closed'], 'Whether it may earn and spend'),
    },
    { description: 'Who stands there' },
  ),
  points: Type.Object(
    {
      available: Sum('Spendable points'),
      pending: Sum('Awarded, and still on the notice board'),
      held: Sum('Set aside for reserved redemptions'),
      honour: Sum('Honour points: they only grow'),
    },
    { description: 'What it has' },
  ),
};

export const KioskSession = Type.Object(session, { title: 'KioskSession' });
export const KioskSessionStarted = Type.Object(
  { accessToken: AccessToken, ...session },
  { title: 'KioskSessionStarted' },
);

export const OutcomeParams = Type.Object({
  key: Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: '^[\\x20-\\x7e]+$',
    description: 'Idempotency key of the call',
    examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
  }),
});

export const KioskOutcome = Type.Object(
  {
    status: Type.Integer({ minimum: 200, maximum: 299, description: 'Status of the first answer' }),
    location: Nullable(Type.String({ maxLength: 300, description: 'Its Location' })),
    body: Type.Unknown({ description: 'Its body; what was shown once is null' }),
  },
  { title: 'KioskOutcome' },
);
