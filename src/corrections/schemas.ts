import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleId, Id, Instant, Nullable, OneOf, Whole } from '../http/shapes.ts';
import { subjectKinds } from './subjects.ts';

const subject = OneOf([...subjectKinds], 'Kind of record that was corrected.');
const subjectId = Type.String({
  pattern: '^[0-9a-f-]{1,36}$',
  maxLength: 36,
  description: 'ID of the record, or the number of the group or patrol grid.',
  examples: [exampleId],
});

export const CorrectionListQuery = Type.Object({
  subject: Type.Optional(subject),
  subjectId: Type.Optional(subjectId),
  householdId: Type.Optional(Id('ID of the household whose file was corrected, with its members.')),
  ...PageQuery,
});

const Value = (description: string, example: string) =>
  Nullable(Type.String({ maxLength: 2_000, description, examples: [example] }));

const Correction = Type.Object(
  {
    id: Id('ID of the correction.'),
    subject,
    subjectId,
    householdId: Nullable(Id('ID of the household whose file was corrected; `null` for records of the village.')),
    version: Whole('Version of the record since the correction.', { minimum: 2, maximum: 2_147_483_647 }),
    field: Type.String({ maxLength: 40, description: 'Field that was corrected.', examples: ['phone'] }),
    from: Value(
      'Value before the correction, as text; `null` if there was none. Personal data is masked as in the record, or `null`.',
      '13812341234',
    ),
    to: Value('Value since the correction, in the same way.', '19900000963'),
    byUserId: Id('ID of the user who corrected it.'),
    at: Instant('When it was corrected.'),
  },
  { title: 'Correction' },
);
export const CorrectionPage = PageOf(Correction, 'CorrectionPage');
