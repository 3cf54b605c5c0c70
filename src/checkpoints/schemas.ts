import { Type } from 'typebox';
import { BookNumber, Digest } from '../book/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Checkpoint, exampleNote, Note, exampleName as name } from './shapes.ts';

export const CheckpointPage = PageOf(Checkpoint, 'CheckpointPage');
export const CheckpointListQuery = Type.Object(PageQuery);

export const NoteAnswer = {
  description: 'The latest checkpoint.',
  content: { 'text/plain': { schema: Note } },
};

export const KeysAnswer = {
  description: 'The verifier keys of the book.',
  content: {
    'text/plain': {
      schema: Type.String({
        maxLength: 50_000,
        description:
          'One key per line, as `<name>+<key id>+<base64 of 0x01 and the public key>`. The current key comes first.',
        examples: [`${name}+7a1c09ee+${Buffer.alloc(33, 1).toString('base64')}\n`],
      }),
    },
  },
};

export const ProofAnswer = {
  description: 'The proof.',
  content: {
    'text/plain': {
      schema: Type.String({
        maxLength: 8_000,
        description: 'C2SP tlog-proof: index, hashes in base64 from leaf to root, an empty line, and the checkpoint.',
        examples: [`c2sp.org/tlog-proof@v1\nindex 0\n\n${exampleNote}`],
      }),
    },
  },
};

export const ConsistencyQuery = Type.Object({ from: BookNumber, to: BookNumber });
export const Consistency = Type.Object(
  {
    from: BookNumber,
    to: BookNumber,
    hashes: Type.Array(Digest, { maxItems: 64, description: 'Hashes from leaf to root, as defined in RFC 6962.' }),
  },
  { title: 'Consistency' },
);
