import { Type } from 'typebox';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, Whole } from '../http/shapes.ts';
import { signalKinds } from './signal.ts';

const ids = (what: string) =>
  Type.Array(Id(`ID of the ${what}.`), { maxItems: 20, description: `IDs of the ${what}s involved, at most twenty.` });
const Count = (description: string) => Whole(description, { maximum: Number.MAX_SAFE_INTEGER });

const Evidence = Type.Object(
  {
    userIds: ids('user'),
    householdIds: ids('household'),
    awardIds: ids('award'),
    reversalIds: ids('reversal'),
    claimIds: ids('claim'),
    photoIds: ids('photo'),
    redemptionIds: ids('redemption'),
    kioskIds: ids('kiosk'),
    count: Count('Number of cases or, for a share, of points.'),
    of: Nullable(Count('Total that `count` is part of.')),
    points: Nullable(Sum('Total points, or the points of the limit.')),
    limit: Nullable(OneOf(['directAward', 'householdDay', 'secondApprover'], 'Limit the values stay just below.')),
    firstAt: Nullable(Instant('When it first happened.')),
    lastAt: Nullable(Instant('When it last happened.')),
  },
  { title: 'SignalEvidence' },
);

const Signal = Type.Object(
  {
    kind: OneOf([...signalKinds], 'Kind of signal.'),
    severity: Whole('Severity: a share in per cent, or how far a count exceeds the threshold.', {
      minimum: 1,
      maximum: 100,
    }),
    zh: Text(100, 'Description in Chinese.', '一夜之间（22 时至次日 6 时）登记 12 笔，共 60 分'),
    en: Text(200, 'Description in English.', '12 awards worth 60 points were recorded in one night (22:00 to 06:00)'),
    evidence: Evidence,
  },
  { title: 'Signal' },
);

export const Signals = Type.Object(
  {
    from: Day('Start of the date range, inclusive.'),
    to: Day('End of the date range, exclusive.'),
    data: Type.Array(Signal, { maxItems: 200, description: 'Signals, most severe first.' }),
    truncated: Type.Boolean({
      description: 'Whether more than 200 signals were found and the rest left out.',
      examples: [false],
    }),
  },
  { title: 'Signals' },
);

export const SignalsQuery = Type.Object({
  from: Type.Optional(Day('Start of the date range, inclusive. Defaults to the first day of the current month.')),
  to: Type.Optional(
    Day('End of the date range, exclusive, at most 92 days after `from`. Defaults to the end of the month.'),
  ),
});
