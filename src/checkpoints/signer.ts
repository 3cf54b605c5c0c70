import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, dayOf } from '../calendar.ts';
import { rawPublicKey, signNote } from './note.ts';

/** Signs checkpoints in the names of books. */
export interface BookSigner {
  /** Name of a village's book, and the first line of its checkpoints. */
  nameOf(village: string): string;
  sign(text: string, name: string): { note: string; publicKey: Buffer };
  /** Of every key in the folder, raw: the one in use first, one that is to come after it, then those before. */
  publicKeys(): Buffer[];
}

interface Key {
  /** First day on which it signs. */
  from: string;
  id: string;
  privateKey: KeyObject;
}

/**
 * The Ed25519 keys that checkpoints are signed with: one file each in `folder`, named by its first day and the beginning
 * of its public key. Made when there is none. It is not renewed by itself, for others keep the public key; the operator
 * puts a second file next to the first, and from its day it signs.
 */
export function openBookSigner(folder: string, { origin, clock }: { origin: string; clock: Clock }): BookSigner {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const today = () => dayOf(clock.now()).toString();
  const due = (keys: Key[]) => keys.findLast(key => key.from <= today());
  if (due(read(folder)) === undefined) make(folder, today());
  const keys = read(folder);

  return {
    nameOf: village => `${origin.replace(/^[a-z]+:\/\//, '')}/books/${village}`,
    sign(text, name) {
      const { privateKey } = due(keys)!;
      return { note: signNote(text, name, privateKey), publicKey: rawPublicKey(privateKey) };
    },
    publicKeys() {
      const current = due(keys)!;
      return [current, ...keys.toReversed().filter(key => key !== current)].map(key => rawPublicKey(key.privateKey));
    },
  };
}

function make(folder: string, from: string): void {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeFileSync(join(folder, `checkpoint-${from}-${idOf(privateKey)}.pem`), pem, { mode: 0o600, flag: 'wx' });
}

function read(folder: string): Key[] {
  return readdirSync(folder)
    .map(name => /^checkpoint-(\d{4}-\d{2}-\d{2})-.+\.pem$/.exec(name))
    .filter(match => match !== null)
    .map(match => {
      const privateKey = createPrivateKey(readFileSync(join(folder, match[0]), 'utf8'));
      return { from: match[1]!, id: idOf(privateKey), privateKey };
    })
    .sort((a, b) => a.from.localeCompare(b.from) || a.id.localeCompare(b.id));
}

function idOf(privateKey: KeyObject): string {
  return rawPublicKey(privateKey).toString('hex', 0, 8);
}
