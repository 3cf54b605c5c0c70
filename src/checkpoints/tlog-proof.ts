// A proof that a transaction is in a book, on one page that can be judged offline. Source: C2SP tlog-proof.

import { fromBase64, parseCheckpoint, parseNote, type Verifier, verifyNote } from './note.ts';
import { verifyInclusion } from './tree.ts';

export interface TlogProof {
  /** Of the leaf, from 0: the transaction's number less one. */
  index: number;
  /** From the leaf to the root. */
  hashes: Buffer[];
  /** A signed note. */
  checkpoint: string;
}

const firstLine = 'c2sp.org/tlog-proof@v1';

export function tlogProofText({ index, hashes, checkpoint }: TlogProof): string {
  const lines = [firstLine, `index ${index}`, ...hashes.map(hash => hash.toString('base64'))];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** Reads what `tlogProofText` wrote; nothing is believed yet. @throws Error that says what is wrong with its form */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n');
  const [first, ...lines] = text.slice(0, Math.max(0, end)).split('\n');
  if (first !== firstLine) throw new Error(`A proof must start with ${firstLine}`);
  // Extra data is nobody's word: it is let pass unread.
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const [, index] = /^index (0|[1-9][0-9]{0,14})$/.exec(lines.shift() ?? '') ?? [];
  if (index === undefined) throw new Error('A proof must name the index of its leaf.');
  const hashes = lines.map(line => {
    const hash = fromBase64(line);
    if (hash?.length !== 32) throw new Error(`Not a hash: ${line}`);
    return hash;
  });
  return { index: Number(index), hashes, checkpoint: text.slice(end + 2) };
}

/**
 * True when `text` proves that `leaf` is in a book one of `verifiers` has signed for, under the name that it has there.
 * @throws Error when it is no proof at all
 */
export function verifyTlogProof(text: string, leaf: Buffer, verifiers: readonly Verifier[]): boolean {
  const { index, hashes, checkpoint } = parseTlogProof(text);
  const note = parseNote(checkpoint);
  const { origin, size, root } = parseCheckpoint(note.text);
  const named = verifiers.filter(verifier => verifier.name === origin);
  return verifyNote(note, named) && verifyInclusion({ leaf, index, size, hashes, root });
}
