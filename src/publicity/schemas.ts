import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const NoticeState = OneOf(['running', 'closed'], 'On the board, or ended');
const Count = (description: string) => Whole(description, { maximum: 1000 });

export const NoticeParams = Type.Object({ village: VillageCode, notice: Id('The notice') });

export const NoticeCreate = Type.Object(
  {
    skipOwn: Type.Optional(
      Type.Boolean({
        description: 'Leave what the caller entered or decided for somebody else, instead of refusing it all',
        examples: [true],
      }),
    ),
  },
  { title: 'NoticeCreate', additionalProperties: false, examples: [{ skipOwn: true }] },
);

export const NoticeStrike = Type.Object(
  { awardId: Id('The award of the line'), reason: Text(200, 'Why', '登记错户') },
  { title: 'NoticeStrike', additionalProperties: false, examples: [{ awardId: exampleId, reason: '登记错户' }] },
);

const publicNotice = {
  id: Id('The notice'),
  number: Type.String({ maxLength: 30, description: 'For people', examples: ['GS-20261123-1'] }),
  startsOn: Day('The first of its full days'),
  days: Whole('Full days', { minimum: 3, maximum: 7 }),
  endsAt: Instant('The midnight after the last, when points become spendable'),
  state: NoticeState,
  lineCount: Count('Its lines'),
};

const notice = {
  ...publicNotice,
  publishedBy: Id('Who published it'),
  publishedAt: Instant('When'),
  closedAt: Nullable(Instant('When all that nobody objects to was spendable')),
};

export const Notice = Type.Object(notice, { title: 'Notice' });
export const NoticePage = PageOf(Notice, 'NoticePage');
export const NoticeListQuery = Type.Object({ state: Type.Optional(NoticeState), ...PageQuery });

const Totals = Type.Object(
  {
    onNotice: Count('Lines that wait'),
    paused: Count('Lines that somebody objects to'),
    posted: Count('Lines whose points can be spent'),
    cancelled: Count('Lines that were taken back'),
    points: Whole('Points of all that were not taken back', { maximum: 1_000_000_000 }),
  },
  { title: 'NoticeTotals' },
);

const publicLine = {
  place: Whole('Number of the line', { minimum: 1, maximum: 1000 }),
  awardId: Id('Its award: what an objection names'),
  householdNumber: Text(9, 'Number on the passbook', 'H0007'),
  headName: Text(60, 'Name of the head, masked', '张*三'),
  groupName: Nullable(Text(40, 'Its group', '第一组')),
  ruleTitle: Text(60, 'What for', '参加村组环境清扫'),
  quantity: Whole('How often or how much', { minimum: 1, maximum: 1000 }),
  unit: Text(20, 'Of what', '人次'),
  points: Whole('Points', { minimum: 1 }),
  state: OneOf(
    ['onNotice', 'paused', 'posted', 'cancelled'],
    'Waits, is paused by an objection, can be spent, or was taken back',
  ),
};

const line = {
  ...publicLine,
  headName: Text(60, 'Name of the head, masked for some', '张*三'),
  awardNumber: Type.String({ maxLength: 30, description: 'Number of the award', examples: ['A-20261123-18412'] }),
  householdId: Id('The household'),
  businessDate: Day('The day it counts for'),
  struckBy: Nullable(Id('Who took it out')),
  strikeReason: Nullable(Text(200, 'Why', '登记错户')),
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
  format: Type.Optional(OneOf(['pdf', 'html'], 'A document on A4, or a page for a screen or a printer')),
});
function File(description: string) {
  return { schema: Type.String({ description, maxLength: 2_147_483_647 }) };
}

export const SheetAnswer = {
  description: 'The notice to print',
  content: {
    'application/pdf': File('A4'),
    'text/html': File('A page without scripts'),
  },
};

const Reason = Text(200, 'Why', '当天未见该户参加清扫');
const Ruling = Text(200, 'The reasons of the ruling', '签到表有本人签名，积分属实');
const AwardNumber = Type.String({ maxLength: 30, description: 'Its number', examples: ['A-20261123-18412'] });
const ObjectionState = OneOf(['open', 'withdrawn', 'dismissed', 'upheld'], 'What became of it');
const AppealState = OneOf(['open', 'dismissed', 'upheld'], 'What became of it');

export const ObjectionParams = Type.Object({ village: VillageCode, objection: Id('The objection') });
export const ObjectionCreate = Type.Object(
  {
    awardId: Id('The award'),
    reason: Reason,
    householdId: Type.Optional(Id('The household that objects, where somebody enters it for one; told to nobody')),
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
    id: Id('The objection'),
    awardId: Id('The award'),
    awardNumber: AwardNumber,
    householdId: Id('The household of the award'),
    reason: Reason,
    lodgedAt: Instant('When it was lodged'),
    mine: Type.Boolean({ description: 'Whether it is the caller’s; nobody else is told whose', examples: [false] }),
    state: ObjectionState,
    withdrawnAt: Nullable(Instant('When it was taken back')),
    ruledBy: Nullable(Id('Who ruled')),
    ruledAt: Nullable(Instant('When')),
    ruling: Nullable(Ruling),
  },
  { title: 'Objection' },
);
export const ObjectionPage = PageOf(Objection, 'ObjectionPage');
export const ObjectionListQuery = Type.Object({
  awardId: Type.Optional(Id('About this award')),
  state: Type.Optional(ObjectionState),
  ...PageQuery,
});

export const AppealParams = Type.Object({ village: VillageCode, appeal: Id('The appeal') });
export const AppealCreate = Type.Object(
  { objectionId: Id('The objection that was ruled on'), reason: Reason },
  {
    title: 'AppealCreate',
    additionalProperties: false,
    examples: [{ objectionId: exampleId, reason: '签到表漏登，有组长作证' }],
  },
);
export const Appeal = Type.Object(
  {
    id: Id('The appeal'),
    objectionId: Id('The objection that was ruled on'),
    awardId: Id('The award'),
    awardNumber: AwardNumber,
    householdId: Id('The household of the award'),
    against: OneOf(['dismissed', 'upheld'], 'What the ruling had said of the objection'),
    reason: Reason,
    lodgedAt: Instant('When it was lodged'),
    mine: Type.Boolean({ description: 'Whether it is the caller’s; nobody else is told whose', examples: [false] }),
    state: AppealState,
    heardBy: Nullable(Id('Who decided')),
    heardAt: Nullable(Instant('When')),
    ruling: Nullable(Ruling),
    newAwardId: Nullable(Id('The award that was made again')),
  },
  { title: 'Appeal' },
);
export const AppealPage = PageOf(Appeal, 'AppealPage');
export const AppealListQuery = Type.Object({
  awardId: Type.Optional(Id('About this award')),
  state: Type.Optional(AppealState),
  ...PageQuery,
});
