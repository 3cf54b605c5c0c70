import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const UserCode = Type.String({
  pattern: '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$',
  maxLength: 9,
  description: 'Code shown on the device’s screen.',
  examples: ['BCDF-GHJK'],
});
const AppVersion = Text(40, 'Version of the app on the device.', '1.4.2');
const Model = Text(60, 'Model of the device.', 'T10');
const Serial = Text(60, 'Serial number of the device.', 'SN0042');
const Name = Text(40, 'Name the village gives the kiosk.', '超市门口');
const Thumbprint = Type.String({
  pattern: '^[A-Za-z0-9_-]{43}$',
  maxLength: 43,
  description: 'SHA-256 thumbprint of the device’s key (RFC 7638), base64url.',
  examples: ['oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U'],
});
const AccessToken = Type.String({
  maxLength: 4096,
  description: 'Access token, bound to the device’s key. Send it as `Authorization: DPoP …`, with a proof in `DPoP`.',
});
const RefreshToken = Type.String({
  maxLength: 200,
  description: 'Refresh token. Valid until its successor is first used.',
});
const AccessSeconds = Type.Integer({
  minimum: 1,
  maximum: 900,
  description: 'Lifetime of the access token in seconds.',
});

export const PairingCreate = Type.Object(
  {
    appVersion: AppVersion,
    hardware: Type.Object(
      { model: Model, serial: Serial },
      { additionalProperties: false, description: 'Device to pair.' },
    ),
  },
  {
    title: 'PairingCreate',
    additionalProperties: false,
    examples: [{ appVersion: '1.4.2', hardware: { model: 'T10', serial: 'SN0042' } }],
  },
);

export const PairingCreated = Type.Object(
  {
    deviceCode: Type.String({ maxLength: 64, description: 'Secret of the device, to poll with. Returned only once.' }),
    userCode: UserCode,
    expiresInSeconds: Type.Integer({ minimum: 1, maximum: 3600, description: 'Lifetime of both codes in seconds.' }),
    intervalSeconds: Type.Integer({ minimum: 1, maximum: 60, description: 'Seconds to wait between polls.' }),
  },
  { title: 'PairingCreated' },
);

export const PairingPoll = Type.Object(
  {
    deviceCode: Type.String({
      minLength: 20,
      maxLength: 64,
      description: 'Device code returned when the pairing was started.',
      examples: ['q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o'],
    }),
  },
  {
    title: 'PairingPoll',
    additionalProperties: false,
    examples: [{ deviceCode: 'q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o' }],
  },
);

const PairingStatus = <const T extends string>(status: T) =>
  Type.Literal(status, { type: 'string', description: 'Whether the pairing has been approved.', examples: [status] });
const NotYet = Type.Null({ description: '`null` while the pairing is pending.' });

/** Told apart by `status`. */
export const PairingPolled = Type.Union([
  Type.Object(
    {
      status: PairingStatus('approved'),
      kioskId: Id('ID of the kiosk the device has become.'),
      village: VillageCode,
      accessToken: AccessToken,
      refreshToken: RefreshToken,
      expiresInSeconds: AccessSeconds,
    },
    { title: 'PairingApproved' },
  ),
  Type.Object(
    {
      status: PairingStatus('pending'),
      kioskId: NotYet,
      village: NotYet,
      accessToken: NotYet,
      refreshToken: NotYet,
      expiresInSeconds: NotYet,
    },
    { title: 'PairingPending' },
  ),
]);

export const KioskTokenRefresh = Type.Object(
  {
    refreshToken: Type.String({
      minLength: 20,
      maxLength: 200,
      description: 'The most recent refresh token.',
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
    kioskId: Id('ID of the kiosk.'),
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
    state: OneOf(['pending', 'approved', 'denied'], 'State of the pairing.'),
    appVersion: AppVersion,
    model: Model,
    serial: Serial,
    thumbprint: Thumbprint,
    createdAt: Instant('When the device started the pairing.'),
    expiresAt: Instant('When the pairing expires, whether undecided or approved but not collected.'),
    kioskId: Nullable(Id('ID of the kiosk the device has become.')),
  },
  { title: 'Pairing' },
);

export const PairingApprove = Type.Object(
  { name: Name, storeId: Id('ID of the store the kiosk stands in.') },
  {
    title: 'PairingApprove',
    additionalProperties: false,
    examples: [{ name: '超市门口', storeId: '0193563d-1111-7000-8000-000000000007' }],
  },
);

const KioskCode = Type.String({
  pattern: '^K[0-9]{2,4}$',
  maxLength: 5,
  description: 'Short code of the kiosk.',
  examples: ['K01'],
});

const Languages = Type.Array(OneOf(['zh-CN', 'en'], 'Language.'), {
  minItems: 1,
  maxItems: 2,
  uniqueItems: true,
  description: 'Languages a household can choose from. The first one is shown at the start.',
  examples: [['zh-CN', 'en']],
});
const settings = {
  elderMode: Type.Boolean({
    description: 'Larger text, fewer choices, slower speech, and sessions of 3 minutes idle in place of 1.',
    examples: [true],
  }),
  languages: Languages,
  speech: Type.Boolean({ description: 'Whether the kiosk reads aloud.', examples: [true] }),
  receiptColumns: Type.Enum([32, 48], {
    type: 'integer',
    minimum: 32,
    maximum: 48,
    description: 'Printer columns; wide characters take two.',
    examples: [32],
  }),
};
export const KioskSettings = Type.Object(settings, {
  title: 'KioskSettings',
  additionalProperties: false,
  examples: [{ elderMode: true, languages: ['zh-CN'], speech: true, receiptColumns: 32 }],
});

const heartbeat = {
  queueDepth: Whole('Offline operations the kiosk has not uploaded.', { maximum: 1_000_000 }),
  oldestOpAt: Nullable(Instant('When the oldest of them was made.')),
  clockOffsetMs: Type.Integer({
    minimum: -Number.MAX_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Server time minus the kiosk’s own, in milliseconds.',
    examples: [-412],
  }),
  printer: OneOf(['ready', 'paperLow', 'paperOut', 'offline', 'none'], 'State of the receipt printer.'),
  storagePersisted: Type.Boolean({
    description: 'Whether the browser has granted persistent storage. Without it, queued operations can be lost.',
    examples: [true],
  }),
};
export const HeartbeatCreate = Type.Object(
  { appVersion: AppVersion, ...heartbeat },
  {
    title: 'HeartbeatCreate',
    additionalProperties: false,
    examples: [
      {
        appVersion: '1.4.2',
        queueDepth: 0,
        oldestOpAt: null,
        clockOffsetMs: -412,
        printer: 'ready',
        storagePersisted: true,
      },
    ],
  },
);
const MinClientVersion = Nullable(Text(40, 'Oldest version of the app that may be used.', '1.4.0'));
const HeartbeatSeconds = Whole('Seconds between heartbeats.', { minimum: 1, maximum: 86_400 });
export const HeartbeatTaken = Type.Object(
  {
    serverTime: Instant('Current time of the server.'),
    state: OneOf(['active', 'suspended', 'retired'], 'State of the kiosk.'),
    minClientVersion: MinClientVersion,
    heartbeatSeconds: HeartbeatSeconds,
  },
  { title: 'HeartbeatTaken' },
);

export const Kiosk = Type.Object(
  {
    id: Id('ID of the kiosk.'),
    village: VillageCode,
    code: KioskCode,
    name: Name,
    storeId: Id('ID of the store the kiosk stands in.'),
    state: OneOf(['active', 'suspended', 'retired'], 'State of the kiosk. Only an `active` kiosk can be used.'),
    stateReason: Nullable(
      OneOf(['unknownCards', 'wrongPins', 'cloned'], 'Reason the service suspended the kiosk by itself.'),
    ),
    stateSince: Instant('When the kiosk entered its current state.'),
    appVersion: AppVersion,
    model: Model,
    serial: Serial,
    thumbprint: Nullable(Thumbprint),
    pairedAt: Instant('When the pairing was approved.'),
    seenAt: Nullable(Instant('When the kiosk last made a request, to the minute.')),
    settings: KioskSettings,
    heartbeat: Nullable(
      Type.Object(
        { at: Instant('When the kiosk sent it.'), ...heartbeat },
        { title: 'KioskHeartbeat', description: 'Latest heartbeat.' },
      ),
    ),
  },
  { title: 'Kiosk' },
);

export const KioskParams = Type.Object({ village: VillageCode, kiosk: Id('ID of the kiosk.') });
export const PairingParams = Type.Object({ village: VillageCode, userCode: UserCode });
export const KioskListQuery = Type.Object(PageQuery);
export const KioskPage = PageOf(Kiosk, 'KioskPage');

const Word = (example: string) =>
  Type.String({ maxLength: 60, description: 'Text on the screen.', examples: [example] });

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

const TimeOfDay = Type.String({ maxLength: 5, description: 'Time of day in Asia/Shanghai.', examples: ['09:00'] });

export const KioskConfig = Type.Object(
  {
    village: Type.Object(
      { code: VillageCode, name: Text(60, 'Full name.', '封家湾社区') },
      { description: 'Village of the kiosk.' },
    ),
    kiosk: Type.Object(
      { id: Id('ID of this kiosk.'), code: KioskCode, name: Name, storeId: Id('ID of the store the kiosk stands in.') },
      { description: 'This kiosk.' },
    ),
    minClientVersion: MinClientVersion,
    heartbeatSeconds: HeartbeatSeconds,
    session: Type.Object(
      {
        idleSeconds: Whole('Seconds without a request after which a household session ends.', { maximum: 3600 }),
        maxSeconds: Whole('Seconds after which a household session ends in any case.', { maximum: 3600 }),
      },
      { description: 'Time limits of a household session.' },
    ),
    exchangeDays: Type.Array(
      Type.Object({
        weekday: Nullable(Whole('Day of the week, from `1` (Monday) to `7` (Sunday).', { minimum: 1, maximum: 7 })),
        dayOfMonth: Nullable(Whole('Day of the month.', { minimum: 1, maximum: 31 })),
        opens: TimeOfDay,
        closes: Type.String({ maxLength: 5, description: 'Time of day, up to `24:00`.', examples: ['11:00'] }),
      }),
      { maxItems: 40, description: 'Opening times of the store.' },
    ),
    pinAbovePoints: Whole('Redemptions of more points than this require the PIN.', { maximum: 100_000 }),
    redemptionsPerDay: Whole('Redemptions a household can make in a day.', { maximum: 1000 }),
    elderMode: Type.Object(
      {
        default: Type.Boolean({ description: 'Whether the screen starts in this mode.' }),
        minFontDp: Whole('Smallest font size, in dp.', { maximum: 100 }),
        fontScale: Type.Number({ minimum: 1, maximum: 4, description: 'Factor by which text is enlarged.' }),
        targetDp: Whole('Smallest touch target, in dp.', { maximum: 200 }),
        minContrast: Type.Number({ minimum: 1, maximum: 21, description: 'Minimum contrast ratio.' }),
        maxChoices: Whole('Maximum number of choices on a screen.', { maximum: 20 }),
        speechRate: Type.Number({ minimum: 0.1, maximum: 2, description: 'Speech rate.' }),
        confirmSpoken: Type.Boolean({ description: 'Whether confirmations are read aloud.' }),
      },
      { description: 'Mode for elderly users: larger text, fewer choices, slower speech.' },
    ),
    speech: Type.Object(
      { enabled: Type.Boolean({ description: 'Whether the kiosk reads aloud.' }) },
      { description: 'Speech.' },
    ),
    receipt: Type.Object(
      { columns: Whole('Printer columns; wide characters take two.', { maximum: 80 }) },
      { description: 'Capabilities of the receipt printer.' },
    ),
    languages: Languages,
    locales: Type.Object({ 'zh-CN': Words, en: Words }, { description: 'All texts on the screen, by language.' }),
  },
  { title: 'KioskConfig' },
);

const Pin = Type.String({ pattern: '^[0-9]{6}$', maxLength: 6, description: 'Six-digit PIN.', examples: ['402857'] });

export const KioskSessionCreate = Type.Union(
  [
    Type.Object(
      {
        card: Type.String({
          pattern: '^PS1\\.[0-9A-HJKMNP-TV-Z]{26}$',
          maxLength: 30,
          description: 'Content of the card’s QR code.',
          examples: ['PS1.0123456789ABCDEFGHJKMNPQRS'],
        }),
        pin: Type.Optional(Pin),
      },
      { additionalProperties: false, description: 'By card, with or without PIN.' },
    ),
    Type.Object(
      {
        householdNumber: Type.String({
          pattern: '^[A-Z]?[0-9]{1,8}$',
          maxLength: 9,
          description: 'Household number, as printed on the passbook.',
          examples: ['H0007'],
        }),
        pin: Type.Optional(Pin),
      },
      { additionalProperties: false, description: 'By household number and PIN.' },
    ),
  ],
  { examples: [{ card: 'PS1.0123456789ABCDEFGHJKMNPQRS' }, { householdNumber: 'H0007', pin: '402857' }] },
);

const session = {
  level: OneOf(['card', 'cardAndPin', 'pin'], 'How the household identified itself.'),
  expiresInSeconds: Whole('Seconds until the session ends in any case.', { maximum: 3600 }),
  idleSeconds: Whole('Seconds without a request until the session ends.', { maximum: 3600 }),
  household: Type.Object(
    {
      id: Id('ID of the household.'),
      number: Type.String({
        maxLength: 9,
        description: 'Household number, as printed on the passbook.',
        examples: ['H0007'],
      }),
      headName: Text(60, 'Masked name of the head of household.', '张*三'),
      state: OneOf(
        ['active', 'frozen', 'closed'],
        'State of the household. Only an `active` household earns and spends points.',
      ),
    },
    { description: 'The household in session.' },
  ),
  points: Type.Object(
    {
      available: Sum('Spendable points.'),
      pending: Sum('Points awarded but still under public notice.'),
      held: Sum('Points held for reserved redemptions.'),
      honour: Sum('Honour points. They are never spent.'),
    },
    { description: 'Points of the household.' },
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
    description: 'Idempotency key of the earlier request.',
    examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
  }),
});

export const KioskOutcome = Type.Object(
  {
    status: Type.Integer({ minimum: 200, maximum: 299, description: 'HTTP status of the original response.' }),
    location: Nullable(Type.String({ maxLength: 300, description: '`Location` header of the original response.' })),
    body: Type.Unknown({
      description: 'Body of the original response. Values that are returned only once are `null`.',
      // Filled in where the contract is put together: whatever a device or a household at it does with a key.
      'x-answers-to': ['kiosk', 'household'],
    }),
  },
  { title: 'KioskOutcome' },
);
