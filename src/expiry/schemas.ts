import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const Kind = OneOf(['yearEnd', 'lots'], 'What the run expires: points at year end, or points by their last day.');
const State = OneOf(['previewed', 'announced', 'posting', 'posted', 'cancelled'], 'State of the run.');
const Year = Type.Integer({ minimum: 2000, maximum: 2999, description: 'Year that ends.', examples: [2026] });
const transactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of the run’s transaction for this household.',
  examples: [18412],
});

export const ExpiryRunParams = Type.Object({ village: VillageCode, run: Id('ID of the run.') });

export const ExpiryRunCreate = Type.Object(
  {
    kind: Kind,
    year: Type.Optional(Year),
    throughOn: Type.Optional(
      Day('For a run of dated points: expires every lot whose last day is on or before this date.'),
    ),
  },
  {
    title: 'ExpiryRunCreate',
    additionalProperties: false,
    examples: [{ kind: 'yearEnd', year: 2026 }],
  },
);

export const ExpiryRun = Type.Object(
  {
    id: Id('ID of the run.'),
    kind: Kind,
    year: Nullable(Year),
    throughOn: Day('Last day on which the points could be spent.'),
    rule: OneOf(
      ['clear', 'cap', 'lots'],
      'Which points the run takes: all, those above the cap, or the lots up to the last day.',
    ),
    capPoints: Nullable(Whole('Points a household may keep.')),
    bookNumber: Whole('Number of the book’s last transaction at the time of the preview.', {
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    households: Whole('Number of households in the preview.', { maximum: 2_147_483_647 }),
    available: Sum('Total spendable points of these households.'),
    expiring: Sum('Total points the run would take.'),
    state: State,
    previewedBy: Id('ID of the user who previewed the run.'),
    previewedAt: Instant('When the run was previewed.'),
    announcedBy: Nullable(Id('ID of the user who announced the run.')),
    announcedAt: Nullable(Instant('When the run was announced.')),
    dueOn: Nullable(Day('First day on which the run may be posted.')),
    reminders: Type.Array(Day('Reminder date.'), {
      maxItems: 3,
      description: 'Reminder dates: 60, 30 and 7 days before the due date, leaving out any before the announcement.',
    }),
    approvedBy: Nullable(Id('ID of the user who approved the run.')),
    approvedAt: Nullable(Instant('When the run was approved.')),
    cancelledBy: Nullable(Id('ID of the user who cancelled the run.')),
    cancelledAt: Nullable(Instant('When the run was cancelled.')),
    settled: Whole('Number of households posted so far.', { maximum: 2_147_483_647 }),
    taken: Sum('Points taken so far.'),
    postedAt: Nullable(Instant('When the last household was posted.')),
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
    householdId: Id('ID of the household.'),
    householdNumber: Text(9, 'Household number, as printed on the passbook.', 'H0007'),
    available: Sum('Spendable points at the time of the preview; `0` for a household enrolled since.'),
    expiring: Sum('Points the run would take.'),
    kept: Sum('Points the household would keep.'),
    taken: Nullable(Sum('Points taken. Equals `expiring` unless points were earned or spent since the preview.')),
    transactionNumber: Nullable(transactionNumber),
  },
  { title: 'ExpiryLine' },
);
export const ExpiryLinePage = PageOf(ExpiryLine, 'ExpiryLinePage');
export const ExpiryLineListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only the line of this household.')),
  ...PageQuery,
});
