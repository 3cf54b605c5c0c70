import { Type } from 'typebox';
import { GridNumber, IdLast4, PassbookNumber, Phone } from '../households/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const JoinMember = Type.Object(
  {
    name: Text(60, 'Name', '张小三'),
    phone: Type.Optional(Nullable(Phone)),
    idLast4: Type.Optional(Nullable(IdLast4)),
    isMinor: Type.Optional(Type.Boolean({ description: 'Under 14: a guardian is named, who consents' })),
    guardian: Type.Optional(Nullable(Text(60, 'Name of the guardian, of a person under 14', '张三'))),
  },
  { title: 'JoinMember', additionalProperties: false },
);

const exampleMembers = [
  { name: '张三', phone: '19900000963', idLast4: '166X' },
  { name: '张小三', isMinor: true, guardian: '张三' },
];

const content = {
  grid: Nullable(GridNumber),
  address: Type.Optional(Nullable(Text(120, 'Where it lives', '第一组 8 号'))),
  phone: Type.Optional(Nullable(Phone)),
  members: Type.Array(JoinMember, { minItems: 1, maxItems: 30, description: 'Its people; the first is the head' }),
  consent: Type.Object(
    {
      given: Type.Literal(true, { description: 'Without consent nothing is kept' }),
      by: Text(60, 'Who gave it, for all of them', '张三'),
    },
    { additionalProperties: false, description: 'To keep these data for the village’s points' },
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
    answer: Text(200, 'Answer to the question', '户主电话已更正'),
    corrected: Nullable(Type.Object(content, { additionalProperties: false, description: 'What it says from now on' })),
  },
  {
    title: 'JoinApplicationResubmit',
    additionalProperties: false,
    examples: [{ answer: '户主电话已更正', corrected: exampleContent }],
  },
);

export const JoinApplicationReturn = Type.Object(
  { question: Text(200, 'What is to be said or mended', '户主电话少一位') },
  { title: 'JoinApplicationReturn', additionalProperties: false, examples: [{ question: '户主电话少一位' }] },
);

export const JoinApplicationReject = Type.Object(
  { reason: Text(200, 'Why', '不在本村居住') },
  { title: 'JoinApplicationReject', additionalProperties: false, examples: [{ reason: '不在本村居住' }] },
);

export const JoinApplicationApprove = Type.Object(
  { number: Type.Optional(PassbookNumber) },
  { title: 'JoinApplicationApprove', additionalProperties: false, examples: [{ number: 'H0007' }] },
);

const state = OneOf(['submitted', 'returned', 'approved', 'rejected', 'withdrawn'], 'How far it has come');
const words = (description: string) => Nullable(Type.String({ maxLength: 200, description, examples: ['…'] }));
const whole = 'only for those who see names whole';

export const JoinApplication = Type.Object(
  {
    id: Id('The application'),
    village: VillageCode,
    state,
    channel: OneOf(['kiosk', 'staff'], 'Where it was entered'),
    grid: Nullable(GridNumber),
    address: Nullable(Type.String({ maxLength: 120, description: `Where it lives; ${whole}` })),
    phone: Nullable(Type.String({ maxLength: 20, description: 'Telephone; masked unless the caller needs it whole' })),
    members: Type.Array(
      Type.Object({
        name: Text(60, 'Name; masked (张*三) unless the caller needs it whole', '张*三'),
        phone: Nullable(Type.String({ maxLength: 20, description: 'Telephone; masked in the same way' })),
        idLast4: Nullable(Type.String({ maxLength: 4, description: `End of the ID number; ${whole}` })),
        isMinor: Type.Boolean({ description: 'Under 14' }),
        guardian: Nullable(Type.String({ maxLength: 60, description: 'Guardian; masked in the same way' })),
      }),
      { maxItems: 30, description: 'Its people; the first is the head' },
    ),
    consentBy: Text(60, 'Who consented; masked in the same way', '张*'),
    duplicates: Type.Array(
      Type.Object({
        place: Whole('Which of the people, counted from 0', { maximum: 29 }),
        householdId: Id('The household in the register'),
        memberId: Id('Its member'),
        likeness: OneOf(['person', 'phone', 'nameAndGrid'], 'What is the same: name and ID number, or less'),
      }),
      {
        maxItems: 100,
        description:
          'Who may be in the register already, while the application is open. The same person refuses approval; the rest is only shown',
      },
    ),
    question: words(`Why it was returned; ${whole}`),
    answer: words(`What was answered; ${whole}`),
    reason: words(`Why it was rejected; ${whole}`),
    householdId: Nullable(Id('The household it became')),
    createdBy: Id('Who entered it: a person, or a kiosk'),
    createdAt: Instant('When it was entered'),
    returnedBy: Nullable(Id('Who last returned it')),
    returnedAt: Nullable(Instant('When it was last returned')),
    resubmittedBy: Nullable(Id('Who last answered')),
    resubmittedAt: Nullable(Instant('When it was last answered')),
    decidedBy: Nullable(Id('Who approved, rejected or withdrew it')),
    decidedAt: Nullable(Instant('When it was approved, rejected or withdrawn')),
  },
  { title: 'JoinApplication' },
);

export const JoinApplicationParams = Type.Object({ village: VillageCode, application: Id('The application') });
export const JoinApplicationListQuery = Type.Object({ state: Type.Optional(state), ...PageQuery });
export const JoinApplicationPage = PageOf(JoinApplication, 'JoinApplicationPage');
