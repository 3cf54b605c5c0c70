import { Type } from 'typebox';
import { BookNumber, Digest } from '../book/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleVillage, Instant } from '../http/shapes.ts';

const name = `jifen.example/books/${exampleVillage}`;
const root = 'WUI5flpWpAeilPuMRqVWNwJFE2Jv5+wCnssC2mHdGeg=';
const signature = Buffer.alloc(68, 7).toString('base64');
const exampleNote = `${name}\n1\n${root}\n\n— ${name} ${signature}\n`;

const Note = Type.String({
  maxLength: 2_000,
  description:
    'C2SP signed note: name of the book, tree size, root hash in base64, an empty line, and the Ed25519 signature.',
  examples: [exampleNote],
});

export const Checkpoint = Type.Object(
  {
    size: BookNumber,
    rootHash: Digest,
    name: Type.String({
      maxLength: 200,
      description: 'Name under which the book signs. Never changes.',
      examples: [name],
    }),
    keyId: Type.String({
      maxLength: 8,
      description: 'ID of the key that signed the checkpoint.',
      examples: ['7a1c09ee'],
    }),
    note: Note,
    madeAt: Instant('When the checkpoint was signed.'),
  },
  { title: 'Checkpoint' },
);
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
