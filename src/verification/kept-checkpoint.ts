import { parseCheckpoint, parseNote, type Verifier, verifyNote } from '../checkpoints/note.ts';
import type { KeptRoot } from './check-book.ts';

/** A checkpoint that somebody hands in, to compare a book with. */
export interface KeptCheckpoint extends KeptRoot {
  village: string;
}

/**
 * Reads a checkpoint. With a verifier key its signature is checked; without one it is as good as its keeper.
 * @throws Error in words for the operator
 */
export function readCheckpoint(note: string, verifier: Verifier | undefined): KeptCheckpoint {
  const parsed = parseNote(note);
  const { origin, size, root } = parseCheckpoint(parsed.text);
  const [, village] = /\/books\/([0-9]{12})$/.exec(origin) ?? [];
  if (village === undefined) throw new Error(`The checkpoint does not belong to a village’s book: ${origin}`);
  if (verifier !== undefined && (verifier.name !== origin || !verifyNote(parsed, [verifier]))) {
    throw new Error(
      `The checkpoint of ${size} transactions is not signed with the key ${verifier.name}+${verifier.keyId}.`,
    );
  }
  return { origin, size, root, village };
}
