import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const NoticeState = OneOf(['running', 'closed'], 'State of the notice.');
const Count = (description: string) => Whole(description, { maximum: 1000 });

export const NoticeParams = Type.Object({ village: VillageCode, notice: Id('ID of the notice.') });

export const NoticeCreate = Type.Object(
  {
    skipOwn: Type.Optional(
      Type.Boolean({
        description:
          'Leave out awards the caller recorded or decided, for someone else to publish, instead of refusing the request.',
        examples: [true],
      }),
    ),
  },
  { title: 'NoticeCreate', additionalProperties: false, examples: [{ skipOwn: true }] },
);

export const NoticeStrike = Type.Object(
  { awardId: Id('ID of the award on the line.'), reason: Text(200, 'Reason.', '登记错户') },
  { title: 'NoticeStrike', additionalProperties: false, examples: [{ awardId: exampleId, reason: '登记错户' }] },
);

const publicNotice = {
  id: Id('ID of the notice.'),
  number: Type.String({ maxLength: 30, description: 'Human-readable number.', examples: ['GS-20261123-1'] }),
  startsOn: Day('First full day of the notice.'),
  days: Whole('Number of full days.', { minimum: 3, maximum: 7 }),
  endsAt: Instant('Midnight after the last day, when points become spendable.'),
  state: NoticeState,
  lineCount: Count('Number of lines.'),
};

const notice = {
  ...publicNotice,
  publishedBy: Id('ID of the user who published the notice.'),
  publishedAt: Instant('When the notice was published.'),
  closedAt: Nullable(Instant('When all awards without an open objection had become spendable.')),
};

export const Notice = Type.Object(notice, { title: 'Notice' });
export const NoticePage = PageOf(Notice, 'NoticePage');
export const NoticeListQuery = Type.Object({ state: Type.Optional(NoticeState), ...PageQuery });

const Totals = Type.Object(
  {
    onNotice: Count('Number of lines still on notice.'),
    paused: Count('Number of lines paused by an objection.'),
    posted: Count('Number of lines whose points are spendable.'),
    cancelled: Count('Number of lines whose award was reversed.'),
    points: Whole('Total points, excluding cancelled lines.', { maximum: 1_000_000_000 }),
  },
  { title: 'NoticeTotals' },
);

const publicLine = {
  place: Whole('Number of the line.', { minimum: 1, maximum: 1000 }),
  awardId: Id('ID of the award on the line. Objections refer to it.'),
  householdNumber: Text(9, 'Household number, as printed on the passbook.', 'H0007'),
  headName: Text(60, 'Masked name of the head of household.', '张*三'),
  groupName: Nullable(Text(40, 'Name of the household’s group.', '第一组')),
  ruleTitle: Text(60, 'What the points are for.', '参加村组环境清扫'),
  quantity: Whole('Number of units.', { minimum: 1, maximum: 1000 }),
  unit: Text(20, 'Unit of `quantity`.', '人次'),
  points: Whole('Points.', { minimum: 1 }),
  state: OneOf(
    ['onNotice', 'paused', 'posted', 'cancelled'],
    'State of the line: on notice, paused by an objection, spendable, or cancelled.',
  ),
};

const line = {
  ...publicLine,
  headName: Text(60, 'Name of the head of household, masked for some callers.', '张*三'),
  awardNumber: Type.String({ maxLength: 30, description: 'Number of the award.', examples: ['A-20261123-18412'] }),
  householdId: Id('ID of the household.'),
  businessDate: Day('Business date of the award.'),
  struckBy: Nullable(Id('ID of the user who struck the line.')),
  strikeReason: Nullable(Text(200, 'Reason the line was struck.', '登记错户')),
};

export const NoticeWithLines = Type.Object(
  { ...notice, totals: Totals, lines: PageOf(Type.Object(line, { title: 'NoticeLine' }), 'NoticeLinePage') },
  { title: 'NoticeWithLines' },
);
export const LinesQuery = Type.Object(PageQuery);

const PublicNotice = Type.Object(publicNotice, { title: 'PublicNotice' });
export const PublicNoticePage = PageOf(PublicNotice, 'PublicNoticePage');
export const PublicNoticeWithLines = Type.Object(
  {
    ...publicNotice,
    totals: Totals,
    lines: PageOf(Type.Object(publicLine, { title: 'PublicNoticeLine' }), 'PublicNoticeLinePage'),
  },
  { title: 'PublicNoticeWithLines' },
);

export const SheetQuery = Type.Object({
  format: Type.Optional(
    OneOf(['pdf', 'html'], 'Format of the notice: a PDF document in A4, or an HTML page for screen and print.'),
  ),
});
function File(description: string) {
  return { schema: Type.String({ description, maxLength: 2_147_483_647 }) };
}

export const SheetAnswer = {
  description: 'The printable notice.',
  content: {
    'application/pdf': File('An A4 document.'),
    'text/html': File('An HTML page without scripts.'),
  },
};

const Reason = Text(200, 'Reason.', '当天未见该户参加清扫');
const Ruling = Text(200, 'Reasons for the ruling.', '签到表有本人签名，积分属实');
const AwardNumber = Type.String({ maxLength: 30, description: 'Number of the award.', examples: ['A-20261123-18412'] });
const ObjectionState = OneOf(['open', 'withdrawn', 'dismissed', 'upheld'], 'State of the objection.');
const AppealState = OneOf(['open', 'dismissed', 'upheld'], 'State of the appeal.');

export const ObjectionParams = Type.Object({ village: VillageCode, objection: Id('ID of the objection.') });
export const ObjectionCreate = Type.Object(
  {
    awardId: Id('ID of the award to challenge.'),
    reason: Reason,
    householdId: Type.Optional(
      Id('ID of the objecting household, if someone records the objection on its behalf. Never disclosed.'),
    ),
  },
  {
    title: 'ObjectionCreate',
    additionalProperties: false,
    examples: [{ awardId: exampleId, reason: '当天未见该户参加清扫' }],
  },
);
export const CaseRuling = Type.Object(
  { ruling: Ruling },
  { title: 'CaseRuling', additionalProperties: false, examples: [{ ruling: '签到表有本人签名，积分属实' }] },
);
export const Objection = Type.Object(
  {
    id: Id('ID of the objection.'),
    awardId: Id('ID of the challenged award.'),
    awardNumber: AwardNumber,
    householdId: Id('ID of the household that received the award.'),
    reason: Reason,
    lodgedAt: Instant('When the objection was lodged.'),
    mine: Type.Boolean({
      description: 'Whether the objection is the caller’s own. Objectors are not disclosed to anyone else.',
      examples: [false],
    }),
    state: ObjectionState,
    withdrawnAt: Nullable(Instant('When the objection was withdrawn.')),
    ruledBy: Nullable(Id('ID of the user who ruled.')),
    ruledAt: Nullable(Instant('When the ruling was made.')),
    ruling: Nullable(Ruling),
  },
  { title: 'Objection' },
);
export const ObjectionPage = PageOf(Objection, 'ObjectionPage');
export const ObjectionListQuery = Type.Object({
  awardId: Type.Optional(Id('Return only objections to this award.')),
  state: Type.Optional(ObjectionState),
  ...PageQuery,
});

export const AppealParams = Type.Object({ village: VillageCode, appeal: Id('ID of the appeal.') });
export const AppealCreate = Type.Object(
  { objectionId: Id('ID of the objection whose ruling is appealed.'), reason: Reason },
  {
    title: 'AppealCreate',
    additionalProperties: false,
    examples: [{ objectionId: exampleId, reason: '签到表漏登，有组长作证' }],
  },
);
export const Appeal = Type.Object(
  {
    id: Id('ID of the appeal.'),
    objectionId: Id('ID of the objection whose ruling is appealed.'),
    awardId: Id('ID of the award.'),
    awardNumber: AwardNumber,
    householdId: Id('ID of the household that received the award.'),
    against: OneOf(['dismissed', 'upheld'], 'Ruling on the objection that is appealed.'),
    reason: Reason,
    lodgedAt: Instant('When the appeal was lodged.'),
    mine: Type.Boolean({
      description: 'Whether the appeal is the caller’s own. Appellants are not disclosed to anyone else.',
      examples: [false],
    }),
    state: AppealState,
    heardBy: Nullable(Id('ID of the user who decided the appeal.')),
    heardAt: Nullable(Instant('When the appeal was decided.')),
    ruling: Nullable(Ruling),
    newAwardId: Nullable(Id('ID of the award that replaced the reversed one.')),
  },
  { title: 'Appeal' },
);
export const AppealPage = PageOf(Appeal, 'AppealPage');
export const AppealListQuery = Type.Object({
  awardId: Type.Optional(Id('Return only appeals about this award.')),
  state: Type.Optional(AppealState),
  ...PageQuery,
});
