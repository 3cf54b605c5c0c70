import { Type } from 'typebox';
import { GridNumber, IdLast4, NumberConfirmed, PassbookNumber, Phone } from '../households/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Name, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const JoinMember = Type.Object(
  {
    name: Name('Full name.', '张小三'),
    phone: Type.Optional(Nullable(Phone)),
    idLast4: Type.Optional(Nullable(IdLast4)),
    isMinor: Type.Optional(
      Type.Boolean({
        description: 'Whether the person is under 14. A guardian must then be named, who gives consent.',
      }),
    ),
    guardian: Type.Optional(Nullable(Name('Name of the guardian of a person under 14.', '张三'))),
  },
  { title: 'JoinMember', additionalProperties: false },
);

const exampleMembers = [
  { name: '张三', phone: '19900000963', idLast4: '166X' },
  { name: '张小三', isMinor: true, guardian: '张三' },
];

const content = {
  grid: Nullable(GridNumber),
  address: Type.Optional(Nullable(Text(120, 'Address of the household.', '第一组 8 号'))),
  phone: Type.Optional(Nullable(Phone)),
  members: Type.Array(JoinMember, {
    minItems: 1,
    maxItems: 30,
    description: 'Members of the household. The first one is the head.',
  }),
  consent: Type.Object(
    {
      given: Type.Literal(true, { description: 'Whether consent was given. Without it no data are kept.' }),
      by: Name('Name of the person who consented on behalf of everyone.', '张三'),
    },
    { additionalProperties: false, description: 'Consent to keep these data for the village’s points programme.' },
  ),
};

const exampleContent = {
  grid: 1,
  address: '第一组 8 号',
  members: exampleMembers,
  consent: { given: true, by: '张三' },
};

export const JoinApplicationCreate = Type.Object(content, {
  title: 'JoinApplicationCreate',
  additionalProperties: false,
  examples: [exampleContent],
});

export const JoinApplicationResubmit = Type.Object(
  {
    answer: Text(200, 'Answer to the question.', '户主电话已更正'),
    corrected: Nullable(
      Type.Object(content, { additionalProperties: false, description: 'Corrected data, replacing the earlier ones.' }),
    ),
  },
  {
    title: 'JoinApplicationResubmit',
    additionalProperties: false,
    examples: [{ answer: '户主电话已更正', corrected: exampleContent }],
  },
);

export const JoinApplicationReturn = Type.Object(
  { question: Text(200, 'What has to be answered or corrected.', '户主电话少一位') },
  { title: 'JoinApplicationReturn', additionalProperties: false, examples: [{ question: '户主电话少一位' }] },
);

export const JoinApplicationReject = Type.Object(
  { reason: Text(200, 'Reason for the rejection.', '不在本村居住') },
  { title: 'JoinApplicationReject', additionalProperties: false, examples: [{ reason: '不在本村居住' }] },
);

export const JoinApplicationApprove = Type.Object(
  { number: Type.Optional(PassbookNumber), numberConfirmed: NumberConfirmed },
  { title: 'JoinApplicationApprove', additionalProperties: false, examples: [{ number: 'H0007' }] },
);

const state = OneOf(['submitted', 'returned', 'approved', 'rejected', 'withdrawn'], 'State of the application.');
const words = (description: string) => Nullable(Type.String({ maxLength: 200, description, examples: ['…'] }));
const whole = '`null` for callers who see masked names.';

export const JoinApplication = Type.Object(
  {
    id: Id('ID of the application.'),
    village: VillageCode,
    state,
    channel: OneOf(['kiosk', 'staff'], 'Channel through which the application was filed.'),
    grid: Nullable(GridNumber),
    address: Nullable(Type.String({ maxLength: 120, description: `Address of the household; ${whole}` })),
    phone: Nullable(
      Type.String({ maxLength: 20, description: 'Phone number, masked unless the caller’s role requires it.' }),
    ),
    members: Type.Array(
      Type.Object({
        name: Text(60, 'Name, masked (张*三) unless the caller’s role requires it.', '张*三'),
        phone: Nullable(Type.String({ maxLength: 20, description: 'Phone number, masked like the name.' })),
        idLast4: Nullable(
          Type.String({ maxLength: 4, description: `Last four characters of the ID number; ${whole}` }),
        ),
        isMinor: Type.Boolean({ description: 'Whether the person is under 14.' }),
        guardian: Nullable(Type.String({ maxLength: 60, description: 'Name of the guardian, masked like the name.' })),
      }),
      { maxItems: 30, description: 'Members of the household. The first one is the head.' },
    ),
    consentBy: Text(60, 'Name of the person who consented, masked unless the caller’s role requires it.', '张*'),
    duplicates: Type.Array(
      Type.Object({
        place: Whole('Zero-based position of the applicant in `members`.', { maximum: 29 }),
        householdId: Id('ID of the registered household.'),
        memberId: Id('ID of the registered member.'),
        likeness: OneOf(
          ['person', 'phone', 'nameAndGrid'],
          'What matches: `person` for the same name and ID number; the others are weaker signs.',
        ),
      }),
      {
        maxItems: 100,
        description:
          'People who may already be registered, shown while the application is open. A match on `person` prevents approval; other matches are for information.',
      },
    ),
    question: words(`Question asked when the application was returned; ${whole}`),
    answer: words(`Answer to the question; ${whole}`),
    reason: words(`Reason for the rejection; ${whole}`),
    householdId: Nullable(Id('ID of the household enrolled from the application.')),
    createdBy: Id('ID of the user or kiosk that recorded the application.'),
    createdAt: Instant('When the application was recorded.'),
    returnedBy: Nullable(Id('ID of the user who last returned the application.')),
    returnedAt: Nullable(Instant('When the application was last returned.')),
    resubmittedBy: Nullable(Id('ID of the user who last resubmitted the application.')),
    resubmittedAt: Nullable(Instant('When the application was last resubmitted.')),
    decidedBy: Nullable(Id('ID of the user who approved, rejected or withdrew the application.')),
    decidedAt: Nullable(Instant('When the application was approved, rejected or withdrawn.')),
  },
  { title: 'JoinApplication' },
);

export const JoinApplicationParams = Type.Object({ village: VillageCode, application: Id('ID of the application.') });
export const JoinApplicationListQuery = Type.Object({ state: Type.Optional(state), ...PageQuery });
export const JoinApplicationPage = PageOf(JoinApplication, 'JoinApplicationPage');
