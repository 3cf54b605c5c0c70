import { Type } from 'typebox';
import { BookNumber, Digest } from '../book/shapes.ts';
import { exampleVillage, Instant } from '../http/shapes.ts';

export const exampleName = `jifen.example/books/${exampleVillage}`;
const root = 'WUI5flpWpAeilPuMRqVWNwJFE2Jv5+wCnssC2mHdGeg=';
const signature = Buffer.alloc(68, 7).toString('base64');
export const exampleNote = `${exampleName}\n1\n${root}\n\n— ${exampleName} ${signature}\n`;

export const Note = Type.String({
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
      examples: [exampleName],
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
