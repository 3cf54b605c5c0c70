import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const Kind = OneOf(['yearEnd', 'lots'], 'The end of a year, or of points by their date');
const State = OneOf(['previewed', 'announced', 'posting', 'posted', 'cancelled'], 'How far it has come');
const Year = Type.Integer({ minimum: 2000, maximum: 2999, description: 'The year that ends', examples: [2026] });
const transactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of its transaction in the book',
  examples: [18412],
});

export const ExpiryRunParams = Type.Object({ village: VillageCode, run: Id('The run') });

export const ExpiryRunCreate = Type.Object(
  {
    kind: Kind,
    year: Type.Optional(Year),
    throughOn: Type.Optional(Day('Of a run of lots: it takes every lot whose last day is not after this one')),
  },
  {
    title: 'ExpiryRunCreate',
    additionalProperties: false,
    examples: [{ kind: 'yearEnd', year: 2026 }],
  },
);

export const ExpiryRun = Type.Object(
  {
    id: Id('The run'),
    kind: Kind,
    year: Nullable(Year),
    throughOn: Day('The last day on which the points could be spent'),
    rule: OneOf(['clear', 'cap', 'lots'], 'What it takes: all, what is above the cap, or the lots up to the last day'),
    capPoints: Nullable(Whole('The cap')),
    bookNumber: Whole('Last transaction of the book when it was previewed', { maximum: Number.MAX_SAFE_INTEGER }),
    households: Whole('Households in the preview', { maximum: 2_147_483_647 }),
    available: Sum('What they could spend'),
    expiring: Sum('What of it the run would take'),
    state: State,
    previewedBy: Id('Who previewed it'),
    previewedAt: Instant('When'),
    announcedBy: Nullable(Id('Who announced it')),
    announcedAt: Nullable(Instant('When')),
    dueOn: Nullable(Day('The first day on which it may be posted')),
    reminders: Type.Array(Day('A day'), {
      maxItems: 3,
      description: 'Days on which people are reminded: 60, 30 and 7 days before it is due, from its announcement on',
    }),
    approvedBy: Nullable(Id('The second person')),
    approvedAt: Nullable(Instant('When')),
    cancelledBy: Nullable(Id('Who cancelled it')),
    cancelledAt: Nullable(Instant('When')),
    settled: Whole('Households that the posting has come to', { maximum: 2_147_483_647 }),
    taken: Sum('What was taken from them'),
    postedAt: Nullable(Instant('When it had come to all')),
  },
  { title: 'ExpiryRun' },
);
export const ExpiryRunPage = PageOf(ExpiryRun, 'ExpiryRunPage');
export const ExpiryRunListQuery = Type.Object({
  kind: Type.Optional(Kind),
  state: Type.Optional(State),
  ...PageQuery,
});

const ExpiryLine = Type.Object(
  {
    householdId: Id('The household'),
    householdNumber: Text(9, 'Number on the passbook', 'H0007'),
    available: Sum('What it could spend when the run was previewed; 0 for one that came later'),
    expiring: Sum('What of it the run would take'),
    kept: Sum('What it would keep'),
    taken: Nullable(Sum('What was taken: the same, unless points came or went since')),
    transactionNumber: Nullable(transactionNumber),
  },
  { title: 'ExpiryLine' },
);
export const ExpiryLinePage = PageOf(ExpiryLine, 'ExpiryLinePage');
export const ExpiryLineListQuery = Type.Object({
  householdId: Type.Optional(Id('Only this household')),
  ...PageQuery,
});
