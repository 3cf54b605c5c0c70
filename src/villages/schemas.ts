import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleVillage, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const DivisionCode = Type.String({
  pattern: '^[0-9]{12}$',
  maxLength: 12,
  description: 'Official 12-digit division code, padded with zeros.',
  examples: ['520281127000'],
});

const divisionFields = {
  code: DivisionCode,
  level: OneOf(['province', 'city', 'county', 'town', 'village'], 'Administrative level.'),
  parentCode: Nullable(DivisionCode),
  name: Text(60, 'Full name.', '双凤镇'),
  kind: Text(20, 'Kind of settlement.', '镇'),
  provisional: Type.Boolean({
    description: 'Whether the code is provisional because the official one is not known.',
    examples: [false],
  }),
  households: Nullable(Whole('Number of households, if known.', { maximum: 600_000_000 })),
};

export const Division = Type.Object(divisionFields, { title: 'Division' });

export const DivisionCreate = Type.Object(divisionFields, {
  title: 'DivisionCreate',
  additionalProperties: false,
  examples: [
    {
      code: '520281128000',
      level: 'town',
      parentCode: '520281000000',
      name: '胜境镇',
      kind: '镇',
      provisional: false,
      households: null,
    },
  ],
});

export const DivisionListQuery = Type.Object({
  parent: Type.Optional(DivisionCode),
  ...PageQuery,
});
export const DivisionParams = Type.Object({ division: DivisionCode });
export const DivisionPage = PageOf(Division, 'DivisionPage');

export const Village = Type.Object(
  {
    village: VillageCode,
    name: Text(60, 'Full name.', '封家湾社区'),
    kind: Text(20, 'Kind of settlement.', '社区'),
    provisional: Type.Boolean({
      description: 'Whether the code is provisional because the official one is not known.',
    }),
    openedOn: Day('First day of the village’s book.'),
  },
  { title: 'Village' },
);

export const VillageCreate = Type.Object(
  { village: VillageCode, openedOn: Day('First day of the village’s book. Can be in the past but not in the future.') },
  {
    title: 'VillageCreate',
    additionalProperties: false,
    examples: [{ village: exampleVillage, openedOn: '2026-10-01' }],
  },
);
export const VillageListQuery = Type.Object(PageQuery);
export const VillagePage = PageOf(Village, 'VillagePage');

export const Grid = Type.Object(
  {
    number: Type.Integer({ minimum: 1, maximum: 999, description: 'Number within the village.', examples: [1] }),
    name: Text(40, 'Name of the group or patrol grid.', '第一组'),
  },
  { title: 'Grid' },
);
export const GridCreate = Type.Object(Grid.properties, {
  title: 'GridCreate',
  additionalProperties: false,
  examples: [{ number: 99, name: '第九十九组' }],
});
export const GridParams = Type.Object({ village: VillageCode, grid: Grid.properties.number });
export const GridUpdate = Type.Object(
  { name: Type.Optional(Grid.properties.name) },
  { title: 'GridUpdate', additionalProperties: false, examples: [{ name: '第一组' }] },
);
export const GridList = Type.Object(
  { data: Type.Array(Grid, { maxItems: 999, description: 'Groups and patrol grids, by number.' }) },
  { title: 'GridList' },
);

const TimeOfDay = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  maxLength: 5,
  description: 'Time of day in Asia/Shanghai.',
  examples: ['09:00'],
});

const ExchangeDay = Type.Object(
  {
    weekday: Nullable(
      Type.Integer({
        minimum: 1,
        maximum: 7,
        description: 'Day of the week, from `1` (Monday) to `7` (Sunday).',
        examples: [5],
      }),
    ),
    dayOfMonth: Nullable(Type.Integer({ minimum: 1, maximum: 31, description: 'Day of the month.', examples: [15] })),
    opens: TimeOfDay,
    closes: Type.String({
      pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$',
      maxLength: 5,
      description: 'Time of day in Asia/Shanghai at which the store is closed again; `24:00` for the end of the day.',
      examples: ['11:00'],
    }),
  },
  {
    title: 'ExchangeDay',
    additionalProperties: false,
    description: 'A recurring exchange day: either a weekday or a day of the month.',
  },
);

const settings = {
  directAwardPublicityDays: Whole('Days of public notice before a direct award can be spent: `0`, or 3 to 7.', {
    maximum: 7,
  }),
  directAwardMaxPoints: Whole('Maximum points of a direct award; `0` allows none.', { maximum: 1000 }),
  backdateDays: Whole(
    'Number of days after the business date within which an award or redemption can still be recorded.',
    { maximum: 3660 },
  ),
  kioskBackdateDays: Whole('The same limit for a household at a kiosk; `0` allows only the current day.', {
    maximum: 3660,
  }),
  householdDayMaxPoints: Whole(
    'Maximum points of direct awards to a household per day. Claims and evaluation rounds, which others decide on, do not count.',
    { minimum: 1, maximum: 100_000 },
  ),
  redemptionsPerDay: Whole('Maximum redemptions per household and day.', { minimum: 1, maximum: 50 }),
  exchangeDays: Type.Array(ExchangeDay, { maxItems: 40, description: 'Opening times of the stores.' }),
  exchangeDayMaxVisits: Nullable(
    Whole('Maximum redemptions per day in the whole village; `null` for no limit.', { minimum: 1, maximum: 100_000 }),
  ),
  reservationMinutes: Whole('Minutes a reservation at the counter is held.', { minimum: 1, maximum: 1440 }),
  pickupDays: Whole('Days a reservation for pick-up is held.', { minimum: 1, maximum: 60 }),
  returnDays: Whole('Days after handover in which goods can be returned.', { maximum: 60 }),
  pinTries: Whole('Number of wrong PIN attempts before the PIN is locked and a clerk has to unlock it.', {
    minimum: 3,
    maximum: 10,
  }),
  pinAbovePoints: Whole('Redemptions of more points than this require the PIN at a kiosk.', { maximum: 100_000 }),
};

const laterSettings = {
  expiryMonths: Nullable(
    Whole(
      'Number of months after the month they are earned in until points expire, at the end of the month; `null` if they never expire.',
      {
        minimum: 1,
        maximum: 120,
      },
    ),
  ),
  yearEnd: OneOf(
    ['carry', 'clear', 'cap'],
    'What happens to spendable points at year end: kept (`carry`), cleared (`clear`), or kept up to a cap (`cap`).',
  ),
  yearEndCapPoints: Nullable(
    Whole('Points a household may keep at year end; `null` unless `yearEnd` is `cap`.', { maximum: 1_000_000 }),
  ),
  expiryNoticeDays: Whole('Days of notice before points expire.', { minimum: 7, maximum: 180 }),
  arrears: OneOf(
    ['floorAndRecord', 'reject'],
    'What to do when an award is reversed whose points have been spent: take what is available and record the rest as arrears, which the next available points pay, or refuse.',
  ),
  basePoints: Whole('Points given to every household that cannot be spent; `0` for none.', { maximum: 10_000 }),
  basePeriod: OneOf(['once', 'month', 'year'], 'How often base points are given.'),
  pointValueFen: Whole('Value of one point, in fen.', { minimum: 1, maximum: 10_000 }),
  issuingFund: Nullable(Text(60, 'Fund that backs the points; `null` for none.', '村集体经济')),
  issuingBudgetFen: Nullable(
    Whole('Budget of the fund per calendar year, in fen. Points worth more than this cannot be awarded.', {
      maximum: 10_000_000_000,
    }),
  ),
  publicityDays: Whole('Full days of public notice for points from claims and evaluation rounds.', {
    minimum: 3,
    maximum: 7,
  }),
  reviewSteps: OneOf(
    ['firstReviewAndPanel', 'firstReview', 'panel'],
    'Review steps of a claim: first review, panel, or both in turn.',
  ),
  panelSize: Whole('Number of panel members who vote on a claim.', { minimum: 3, maximum: 5 }),
  secondApproverFromPoints: Whole(
    'Claims worth at least this many points, and all claims with custom points, require a second approval one level up.',
    { minimum: 1, maximum: 100_000 },
  ),
  secondFactorForAllStaff: Type.Boolean({
    description:
      'Whether all of the village’s staff sign in with a second factor, not only those whose role requires it.',
    examples: [false],
  }),
  offlineMaxPoints: Whole(
    'Maximum points of a household that a kiosk holds to be spent without a network; `0` turns offline redemption off.',
    { maximum: 1000 },
  ),
  offlineMaxRedemptions: Whole('Maximum offline redemptions from such an allowance.', { minimum: 1, maximum: 20 }),
  offlineHours: Whole('Hours for which an allowance can be spent.', { minimum: 1, maximum: 336 }),
  proxyHouseholdsPerDay: Whole(
    'Number of households for which one person may fetch goods in a day; `0` if only the household itself may.',
    { maximum: 50 },
  ),
};

const exampleSettings = {
  directAwardPublicityDays: 0,
  directAwardMaxPoints: 30,
  backdateDays: 60,
  kioskBackdateDays: 0,
  householdDayMaxPoints: 30,
  redemptionsPerDay: 3,
  exchangeDays: [
    { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '17:00' },
    { weekday: null, dayOfMonth: 15, opens: '09:00', closes: '17:00' },
  ],
  exchangeDayMaxVisits: null,
  reservationMinutes: 15,
  pickupDays: 7,
  returnDays: 7,
  pinTries: 5,
  pinAbovePoints: 50,
};

const exampleLaterSettings = {
  expiryMonths: null,
  yearEnd: 'carry',
  yearEndCapPoints: null,
  expiryNoticeDays: 60,
  arrears: 'floorAndRecord',
  basePoints: 0,
  basePeriod: 'once',
  pointValueFen: 100,
  issuingFund: null,
  issuingBudgetFen: null,
  publicityDays: 3,
  reviewSteps: 'firstReviewAndPanel',
  panelSize: 3,
  secondApproverFromPoints: 30,
  secondFactorForAllStaff: false,
  offlineMaxPoints: 30,
  offlineMaxRedemptions: 2,
  offlineHours: 72,
  proxyHouseholdsPerDay: 3,
};

export const Policy = Type.Object(
  {
    validFrom: Nullable(Day('First day the policy is valid; `null` for the defaults.')),
    ...settings,
    ...laterSettings,
  },
  { title: 'Policy', examples: [{ validFrom: '2026-10-01', ...exampleSettings, ...exampleLaterSettings }] },
);
export const PolicyCreate = Type.Object(
  {
    validFrom: Day(
      'First day the policy is valid. Must be in the future; for the first policy, it can be the day the village was opened.',
    ),
    ...settings,
    ...Type.Partial(Type.Object(laterSettings)).properties,
  },
  { title: 'PolicyCreate', additionalProperties: false, examples: [{ validFrom: '2031-01-01', ...exampleSettings }] },
);
export const PolicyList = Type.Object(
  { data: Type.Array(Policy, { maxItems: 200, description: 'Policies, newest first.' }) },
  { title: 'PolicyList' },
);
export const PolicyQuery = Type.Object({ on: Type.Optional(Day('Date to look up. Defaults to today.')) });
