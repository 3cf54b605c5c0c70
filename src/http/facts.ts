import { type TSchema, Type } from 'typebox';
import { type RefusalCode, refusals } from '../refusals.ts';
import { roles } from './route.ts';
import { Id, Mistakes, Nullable, Problem } from './shapes.ts';

const At = (description: string) =>
  Type.String({
    format: 'date-time',
    maxLength: 35,
    description: `${description} RFC 3339 timestamp.`,
    examples: ['2026-11-23T02:10:00.000Z'],
  });
const On = (description: string) =>
  Type.String({ format: 'date', maxLength: 10, description, examples: ['2026-11-23'] });
const Count = (description: string) =>
  Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, description });
const Word = (description: string) => Type.String({ maxLength: 200, description });
const Words = (description: string) => Type.Array(Type.String({ maxLength: 200 }), { maxItems: 200, description });
const Ids = (description: string) => Type.Array(Id('ID.'), { maxItems: 1000, description });
const Bound = (description: string) =>
  Type.Union([Count('Number.'), Type.String({ maxLength: 40, description: 'Date, time or code.' }), Type.Null()], {
    description,
  });
const Items = (description: string, properties: Record<string, TSchema>) =>
  Type.Array(Type.Object(properties), { maxItems: 1000, description });

const Field = Word('Place of the value in the request, such as `lines/1/quantity`.');
const State = Word('Current state.');
const Attempts = Count('Attempts left before it is locked.');
const Until = At('When it ends.');
const Available = Count('What there is.');
const Required = Count('What is needed.');
const Limit = Count('Maximum.');
const Used = Count('How much of the maximum is used.');
const RetryAfter = Type.Integer({ minimum: 1, maximum: 86_400, description: 'Seconds to wait before trying again.' });
const Resets = Nullable(On('Day on which the count starts again.'));
const ServerTime = At('Current time of the server.');
const maybe = Type.Optional;

/**
 * What a refusal tells beside its code, by code: the members of its problem. What is not always told is optional; a code
 * that is not here tells nothing. `isRefused` of the tests holds every refusal of every test to this.
 */
export const factsOf: { [code in RefusalCode]?: Record<string, TSchema> } = {
  'validation-failed': { errors: Mistakes },
  'session-revoked': { reason: maybe(Word('Why the session ended, such as `signedOut` or `grantEnded`.')) },
  'device-proof-required': {
    reason: Type.Enum(['missing', 'malformed', 'signature', 'method', 'url', 'key', 'token', 'replayed'], {
      type: 'string',
      description: 'What is wrong with the proof.',
    }),
    expected: maybe(Word('The `htm` or `htu` it should have, where that is wrong.')),
  },
  'device-proof-expired': { serverTime: ServerTime },
  forbidden: {
    requiredRoles: maybe(
      Type.Array(Type.Enum([...roles], { type: 'string' }), { maxItems: 12, description: 'Roles that may.' }),
    ),
    reason: maybe(Word('Why, where no role is enough.')),
  },
  'sign-in-locked': { until: Nullable(Until) },
  'feature-off': { feature: Word('What is turned off.') },
  'second-person-required': {
    firstUserId: maybe(Id('ID of the user who handled the earlier step.')),
    lines: maybe(Count('How many lines of the notice are the caller’s own.')),
    reason: maybe(
      Word('Why, where no earlier step is named: `ownProof` if the caller made what the household showed.'),
    ),
  },
  'own-household': { householdIds: maybe(Ids('Households concerned.')) },
  'pin-required': { abovePoints: maybe(Count('Redemptions of more points than this require the PIN.')) },
  'client-upgrade-required': { minClientVersion: Word('Oldest version of the app that may be used.') },
  'pin-wrong': { attemptsLeft: Attempts },
  'pin-locked': { until: Nullable(Until) },
  'not-found': { field: maybe(Field), memberId: maybe(Id('ID of the member.')) },
  'method-not-allowed': { allow: Words('Methods that the path takes.') },
  'not-acceptable': { supported: Words('Media types there are.') },
  'wrong-state': {
    state: maybe(State),
    allowedFrom: maybe(Words('States in which it is possible.')),
    since: maybe(Nullable(Word('When it entered the state.'))),
    memberId: maybe(Id('ID of the member.')),
  },
  'already-exists': { field: maybe(Field), existingId: maybe(Nullable(Id('ID of what exists.'))) },
  'media-type-unsupported': { format: maybe(Word('What it is, where that is known: `heic`.')) },
  'idempotency-in-progress': { retryAfterSeconds: RetryAfter },
  'year-end-done': { runId: maybe(Id('ID of the run.')) },
  'year-end-stale': { rule: maybe(Word('Rule in force.')), capPoints: maybe(Nullable(Count('Cap in force.'))) },
  'version-required': { etag: maybe(Word('ETag of the current version.')) },
  'version-stale': { etag: Word('ETag of the current version.') },
  'household-not-active': {
    state: State,
    field: maybe(Field),
    since: maybe(At('When it was frozen.')),
    reason: maybe(Nullable(Word('Why it was frozen.'))),
  },
  'household-has-balance': {
    field: maybe(Field),
    balances: Type.Object(
      {
        available: maybe(Count('Spendable points.')),
        pending: maybe(Count('Points under public notice.')),
        held: maybe(Count('Points held for redemptions.')),
        arrears: maybe(Count('Points owed.')),
        openClaims: maybe(Count('Claims that are not decided.')),
        openAppeals: maybe(Count('Appeals that are not decided.')),
      },
      { description: 'What is left.' },
    ),
  },
  'member-elsewhere': {
    memberId: maybe(Id('ID of the member.')),
    place: maybe(Count('Place of the person in the request, counted from 0.')),
    number: maybe(Nullable(Word('Number of the other household.'))),
  },
  'review-taken': { until: Until },
  'publicity-running': { endsAt: At('When the notice ends.') },
  'objection-open': { objectionIds: maybe(Ids('Open objections.')) },
  'rule-book-changed': { revision: Count('Current revision.') },
  'award-duplicate': {
    awardId: maybe(Nullable(Id('ID of the award.'))),
    claimId: maybe(Nullable(Id('ID of the claim.'))),
  },
  'already-reversed': { reversalNumber: maybe(Nullable(Count('Transaction number of the reversal.'))) },
  'cause-reused': { transactionNumber: maybe(Count('Number of the earlier transaction.')) },
  'price-changed': {
    priceListId: Id('ID of the price list in force.'),
    points: Count('Points of the order now.'),
    lines: Items('The order at current prices.', {
      goodsId: Id('ID of the goods.'),
      quantity: Count('Number of pieces.'),
      unitPoints: Count('Points per piece.'),
    }),
  },
  'book-unsound': { discrepancyCount: Count('Number of discrepancies.') },
  'proof-not-ready': { number: Count('Number of the transaction.'), treeSize: Count('Size of the latest checkpoint.') },
  expired: { what: maybe(Word('What has expired.')), expiredAt: maybe(Nullable(At('When it expired.'))) },
  'batch-refused': {
    items: Items('Items that were refused.', {
      index: Count('Place of the item in the request, counted from 0.'),
      ref: Nullable(Word('The caller’s reference.')),
      problem: Problem,
    }),
  },
  'insufficient-points': {
    available: Available,
    required: Required,
    field: maybe(Field),
    allowances: maybe(
      Items('Points of the household that lie with kiosks, to be spent there without a network.', {
        kioskId: Id('ID of the kiosk.'),
        points: Count('Points that lie there.'),
        notAfter: At('Until when they can be spent there.'),
      }),
    ),
  },
  'op-gap': { expectedSeq: Count('Number of the operation that is expected next.') },
  'insufficient-stock': {
    lines: Items('Goods that are short.', {
      goodsId: Id('ID of the goods.'),
      available: Count('Pieces in stock.'),
      required: Count('Pieces needed.'),
    }),
    available: maybe(Available),
    required: maybe(Required),
  },
  'number-far': { number: Word('The number.'), next: Word('The village’s next number.') },
  'insufficient-balance': {
    accountCode: maybe(Word('Account.')),
    asset: maybe(Word('Asset.')),
    available: maybe(Available),
    required: maybe(Required),
  },
  'rule-not-in-force': {
    ruleId: Id('ID of the rule.'),
    fromOn: Nullable(On('First day in force.')),
    toOn: Nullable(On('Day from which it is out of force.')),
  },
  'rule-wording-refused': { terms: Words('Words that are refused.'), codes: Words('Rules they stand in.') },
  'rule-book-unsound': {
    findings: Items('Errors of the rule book.', {
      kind: Word('Kind of error.'),
      ruleCode: Nullable(Word('Code of the rule.')),
    }),
  },
  'evidence-missing': {
    required: Words('Evidence that is missing.'),
    reason: maybe(Word('Why, where a claim has to be filed: `claimRequired`.')),
  },
  'photo-reused': { photoId: maybe(Id('ID of the photo.')) },
  'quorum-missing': { present: maybe(Count('How many are present.')), required: maybe(Required) },
  'sheet-incomplete': {
    judges: Items('Judges whose sheets are incomplete.', {
      judgeId: Id('ID of the user.'),
      missing: Count('Households without scores.'),
    }),
  },
  'split-unequal': {
    arrearsPoints: maybe(Count('Points owed that go along.')),
    field: maybe(Field),
    available: maybe(Available),
    honour: maybe(Count('Honour points there are.')),
    availablePoints: maybe(Count('Spendable points given.')),
    honourPoints: maybe(Count('Honour points given.')),
  },
  'cap-reached': {
    cap: Word('Which cap: `rule`, `day`, `openObjections`.'),
    used: Used,
    limit: Limit,
    resetsOn: maybe(Resets),
  },
  'rule-exclusive': { awardId: Nullable(Id('ID of the award.')) },
  'out-of-bounds': { field: Field, min: Bound('Lowest value allowed.'), max: Bound('Highest value allowed.') },
  'business-date-refused': {
    earliest: maybe(Nullable(On('Earliest date allowed.'))),
    latest: maybe(Nullable(On('Latest date allowed.'))),
    serverTime: maybe(ServerTime),
  },
  'reversal-arrears': {
    available: Available,
    required: Required,
    accountCode: maybe(Word('Account.')),
    asset: maybe(Word('Asset.')),
  },
  'budget-exhausted': { limit: Limit, used: Used },
  'goods-not-offered': { goodsId: Id('ID of the goods.'), reason: Word('Why: `archived` or `noPrice`.') },
  'redemption-limit': {
    limit: Limit,
    used: Used,
    resetsOn: Resets,
    goodsId: maybe(Id('ID of the goods of which a household may have only so many.')),
    per: maybe(Word('Period of that limit: `day`, `month` or `year`.')),
  },
  'proxy-limit': { limit: Limit, used: Used },
  'exchange-closed': { nextExchangeAt: Nullable(At('When the store opens next.')) },
  'exchange-full': {
    capacity: Count('Places on an exchange day.'),
    nextExchangeAt: Nullable(At('When the store opens next.')),
  },
  'pickup-code-wrong': { attemptsLeft: maybe(Attempts) },
  'too-early': { dueOn: On('Day from which it is possible.') },
  'too-late': {
    what: maybe(Word('What has ended.')),
    endsAt: maybe(At('When it ended.')),
    endedAt: maybe(At('When it ended.')),
    endedOn: maybe(On('Last day on which it was possible.')),
  },
  'export-too-large': { rows: Count('Rows of the export.'), maxRows: Count('Most rows of an export.') },
  'too-many-requests': {
    retryAfterSeconds: RetryAfter,
    policy: maybe(Word('The limit that was reached.')),
    limit: maybe(Limit),
  },
  unavailable: { retryAfterSeconds: RetryAfter },
};

const problems = new Map<RefusalCode, Record<string, unknown>>();

/** The schema of a problem with this code: what every problem has, and its own facts. */
export function problemSchemaOf(code: RefusalCode): Record<string, unknown> {
  const known = problems.get(code);
  if (known !== undefined) return known;
  const { properties, required = [] } = Type.Object(factsOf[code] ?? {}) as TSchema & {
    required?: string[];
    properties: object;
  };
  const schema = {
    title: problemNameOf(code),
    type: 'object',
    description: `${refusals[code].en}.`,
    allOf: [Problem],
    required: ['code', ...required],
    properties: { code: { type: 'string', const: code }, ...properties },
  };
  problems.set(code, schema);
  return schema;
}

/** `PinWrongProblem` for `pin-wrong`. */
export function problemNameOf(code: RefusalCode): string {
  return `${code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Problem`;
}
