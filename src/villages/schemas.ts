import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleVillage, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const DivisionCode = Type.String({
  pattern: '^[0-9]{12}$',
  maxLength: 12,
  description: 'Official 12-digit division code, padded with zeros',
  examples: ['520281127000'],
});

const divisionFields = {
  code: DivisionCode,
  level: OneOf(['province', 'city', 'county', 'town', 'village'], 'Level in the tree'),
  parentCode: Nullable(DivisionCode),
  name: Text(60, 'Full name', '双凤镇'),
  kind: Text(20, 'Kind of place', '镇'),
  provisional: Type.Boolean({ description: 'True while the official code is not known', examples: [false] }),
  households: Nullable(Whole('Number of households, where known', { maximum: 600_000_000 })),
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
    name: Text(60, 'Full name', '封家湾社区'),
    kind: Text(20, 'Kind of place', '社区'),
    provisional: Type.Boolean({ description: 'True while the official code is not known' }),
    openedOn: Day('First day of its book'),
  },
  { title: 'Village' },
);

export const VillageCreate = Type.Object(
  { village: VillageCode, openedOn: Day('First day of its book; may lie in the past, never after today') },
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
    number: Type.Integer({ minimum: 1, maximum: 999, description: 'Number in the village', examples: [1] }),
    name: Text(40, 'Name', '第一组'),
  },
  { title: 'Grid' },
);
export const GridCreate = Type.Object(Grid.properties, {
  title: 'GridCreate',
  additionalProperties: false,
  examples: [{ number: 99, name: '第九十九组' }],
});
export const GridList = Type.Object(
  { data: Type.Array(Grid, { maxItems: 999, description: 'All of them, by number' }) },
  { title: 'GridList' },
);

const TimeOfDay = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  maxLength: 5,
  description: 'Time of day in Asia/Shanghai',
  examples: ['09:00'],
});

const ExchangeDay = Type.Object(
  {
    weekday: Nullable(Type.Integer({ minimum: 1, maximum: 7, description: '1 Monday … 7 Sunday', examples: [5] })),
    dayOfMonth: Nullable(Type.Integer({ minimum: 1, maximum: 31, description: 'Day of the month', examples: [15] })),
    opens: TimeOfDay,
    closes: TimeOfDay,
  },
  { title: 'ExchangeDay', additionalProperties: false, description: 'Either a weekday or a day of the month' },
);

const settings = {
  directAwardPublicityDays: Whole('Days on the notice board before a direct award can be spent: 0, or 3 to 7', {
    maximum: 7,
  }),
  directAwardMaxPoints: Whole('Most points of one direct award; 0: none', { maximum: 1000 }),
  backdateDays: Whole('How many days later an award or a redemption may be entered', { maximum: 3660 }),
  kioskBackdateDays: Whole('The same for a household at a kiosk; 0: only today', { maximum: 3660 }),
  householdDayMaxPoints: Whole('Most points a household is awarded a day', { minimum: 1, maximum: 100_000 }),
  redemptionsPerDay: Whole('Redemptions of one household a day', { minimum: 1, maximum: 50 }),
  exchangeDays: Type.Array(ExchangeDay, { maxItems: 40, description: 'When the store is open' }),
  exchangeDayMaxVisits: Nullable(
    Whole('Redemptions of the whole village on one day; null: no limit', { minimum: 1, maximum: 100_000 }),
  ),
  reservationMinutes: Whole('How long a reservation at the counter holds', { minimum: 1, maximum: 1440 }),
  pickupDays: Whole('How long a reservation for pick-up holds', { minimum: 1, maximum: 60 }),
  returnDays: Whole('How many days after the hand-over goods may come back', { maximum: 60 }),
  pinTries: Whole('Wrong PINs until a clerk has to unlock it', { minimum: 3, maximum: 10 }),
  pinAbovePoints: Whole('Redemptions above this many points need the PIN at a kiosk', { maximum: 100_000 }),
};

const laterSettings = {
  expiryMonths: Nullable(
    Whole('Points expire at the end of the month so many months after the one they count for; null: never', {
      minimum: 1,
      maximum: 120,
    }),
  ),
  yearEnd: OneOf(
    ['carry', 'clear', 'cap'],
    'What happens to spendable points in winter: kept, cleared, kept up to a cap',
  ),
  yearEndCapPoints: Nullable(Whole('The cap; null unless `yearEnd` is `cap`', { maximum: 1_000_000 })),
  expiryNoticeDays: Whole('How many days points are on the notice before they expire', { minimum: 7, maximum: 180 }),
  arrears: OneOf(
    ['floorAndRecord', 'reject'],
    'When an award is taken back whose points are spent: take what is there and record the rest, or refuse',
  ),
  basePoints: Whole('Points that every household is given and cannot spend; 0: none', { maximum: 10_000 }),
  basePeriod: OneOf(['once', 'month', 'year'], 'How often they are given'),
  pointValueFen: Whole('What a point is worth, in fen', { minimum: 1, maximum: 10_000 }),
  issuingFund: Nullable(Text(60, 'The fund that stands behind the points; null: none', '村集体经济')),
  issuingBudgetFen: Nullable(
    Whole('Its money for a calendar year, in fen; no more points than it is worth are awarded', {
      maximum: 10_000_000_000,
    }),
  ),
  publicityDays: Whole('Full days on the notice board for what claims and rounds have earned', {
    minimum: 3,
    maximum: 7,
  }),
  reviewSteps: OneOf(
    ['firstReviewAndPanel', 'firstReview', 'panel'],
    'Who looks at a claim before it earns: a first reviewer, the panel, or one after the other',
  ),
  panelSize: Whole('Votes that a panel gives on a claim', { minimum: 3, maximum: 5 }),
  secondApproverFromPoints: Whole(
    'A claim worth as much, or with points set by hand, needs a second person one level up',
    { minimum: 1, maximum: 100_000 },
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
};

export const Policy = Type.Object(
  { validFrom: Nullable(Day('First day it holds; null for the defaults')), ...settings, ...laterSettings },
  { title: 'Policy', examples: [{ validFrom: '2026-10-01', ...exampleSettings, ...exampleLaterSettings }] },
);
export const PolicyCreate = Type.Object(
  {
    validFrom: Day('First day it holds; after today, or for the first one the day the village opened'),
    ...settings,
    ...Type.Partial(Type.Object(laterSettings)).properties,
  },
  { title: 'PolicyCreate', additionalProperties: false, examples: [{ validFrom: '2031-01-01', ...exampleSettings }] },
);
export const PolicyList = Type.Object(
  { data: Type.Array(Policy, { maxItems: 200, description: 'The newest first' }) },
  { title: 'PolicyList' },
);
export const PolicyQuery = Type.Object({ on: Type.Optional(Day('Day to look at; today unless told')) });
