import { Type } from 'typebox';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, Whole } from '../http/shapes.ts';
import { signalKinds } from './signal.ts';

const ids = (what: string) => Type.Array(Id(what), { maxItems: 20, description: `${what}; the first twenty` });
const Count = (description: string) => Whole(description, { maximum: Number.MAX_SAFE_INTEGER });

const Evidence = Type.Object(
  {
    userIds: ids('Who is concerned'),
    householdIds: ids('Households'),
    awardIds: ids('Awards'),
    reversalIds: ids('Reversals'),
    claimIds: ids('Claims'),
    photoIds: ids('Photos'),
    count: Count('How many, or how many points of a share'),
    of: Nullable(Count('Of how many')),
    points: Nullable(Sum('Points in all, or the limit’s')),
    limit: Nullable(OneOf(['directAward', 'householdDay', 'secondApprover'], 'The limit that was kept just under')),
    firstAt: Nullable(Instant('When it began')),
    lastAt: Nullable(Instant('When it last happened')),
  },
  { title: 'SignalEvidence' },
);

const Signal = Type.Object(
  {
    kind: OneOf([...signalKinds], 'What was seen'),
    severity: Whole('A share in per cent, or how far a count stands above where signals begin', {
      minimum: 1,
      maximum: 100,
    }),
    zh: Text(100, 'In Chinese', '一夜之间（22 时至次日 6 时）登记 12 笔，共 60 分'),
    en: Text(200, 'In English', '12 awards of 60 points entered in one night (22:00 to 06:00)'),
    evidence: Evidence,
  },
  { title: 'Signal' },
);

export const Signals = Type.Object(
  {
    from: Day('The first day'),
    to: Day('The day after the last one'),
    data: Type.Array(Signal, { maxItems: 200, description: 'The most severe first' }),
    truncated: Type.Boolean({ description: 'Whether there were more than 200', examples: [false] }),
  },
  { title: 'Signals' },
);

export const SignalsQuery = Type.Object({
  from: Type.Optional(Day('The first day; the first of this month unless told')),
  to: Type.Optional(Day('The day after the last one, at most 92 days later; the end of the month unless told')),
});
