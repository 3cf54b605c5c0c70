// What an outsider does with a proof: nothing of the service is asked. Source: C2SP tlog-proof.

import { fromBase64, parseCheckpoint, parseNote, type Verifier, verifyNote } from '../../src/checkpoints/note.ts';
import type { TlogProof } from '../../src/checkpoints/tlog-proof.ts';
import { verifyInclusion } from '../../src/checkpoints/tree.ts';

const firstLine = 'c2sp.org/tlog-proof@v1';

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
