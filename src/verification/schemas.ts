import { Type } from 'typebox';
import { BookNumber, Digest } from '../book/shapes.ts';
import { Instant } from '../http/shapes.ts';

const Finding = Type.Object(
  {
    check: Type.String({ maxLength: 20, description: 'The check', examples: ['leaves'] }),
    place: Type.String({ maxLength: 400, description: 'Where', examples: ['transaction 12'] }),
    expected: Type.String({ maxLength: 20_000, description: 'What should be there' }),
    found: Type.String({ maxLength: 20_000, description: 'What is there' }),
  },
  { title: 'Finding' },
);
export const Soundness = Type.Object(
  {
    sound: Type.Boolean({ description: 'Whether every check is' }),
    number: BookNumber,
    headHash: Digest,
    rootHash: Digest,
    checkedAt: Instant('When it was recomputed'),
    checks: Type.Array(
      Type.Object(
        {
          name: Type.String({ maxLength: 20, description: 'The check', examples: ['chain'] }),
          ok: Type.Boolean({ description: 'Whether it found nothing' }),
          findings: Type.Array(Finding, { maxItems: 24, description: 'The first of what is wrong' }),
        },
        { title: 'SoundnessCheck' },
      ),
      { maxItems: 20, description: 'Each looks at the whole book' },
    ),
  },
  { title: 'Soundness' },
);
