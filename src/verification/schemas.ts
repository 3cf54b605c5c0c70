import { Type } from 'typebox';
import { BookNumber, Digest } from '../book/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Instant } from '../http/shapes.ts';

const Finding = Type.Object(
  {
    check: Type.String({ maxLength: 20, description: 'Name of the check.', examples: ['leaves'] }),
    place: Type.String({
      maxLength: 400,
      description: 'Where the discrepancy was found.',
      examples: ['transaction 12'],
    }),
    expected: Type.String({ maxLength: 20_000, description: 'Expected value.' }),
    found: Type.String({ maxLength: 20_000, description: 'Value found.' }),
  },
  { title: 'Finding' },
);
export const Soundness = Type.Object(
  {
    sound: Type.Boolean({ description: 'Whether every check passed.' }),
    number: BookNumber,
    headHash: Digest,
    rootHash: Digest,
    checkedAt: Instant('When the book was recomputed.'),
    checks: Type.Array(
      Type.Object(
        {
          name: Type.String({ maxLength: 20, description: 'Name of the check.', examples: ['chain'] }),
          ok: Type.Boolean({ description: 'Whether the check found no discrepancies.' }),
          findings: Type.Array(Finding, { maxItems: 24, description: 'First discrepancies found.' }),
        },
        { title: 'SoundnessCheck' },
      ),
      { maxItems: 20, description: 'Checks that were run, each over the whole book.' },
    ),
  },
  { title: 'Soundness' },
);
export const VerificationPage = PageOf(Soundness, 'VerificationPage');
export const VerificationListQuery = Type.Object({
  sound: Type.Optional(
    Type.Boolean({
      description: 'Only verifications that found no discrepancies, or only those that did.',
      examples: [false],
    }),
  ),
  ...PageQuery,
});
