// Signed notes and the checkpoint they carry. Sources: C2SP signed-note and tlog-checkpoint.

import { createPublicKey, hash as digest, type KeyObject, sign, verify } from 'node:crypto';

/** A text and who signed it. */
interface Note {
  /** What is signed; it ends with LF. */
  text: string;
  signatures: { name: string; keyId: string; signature: Buffer }[];
}

/** Whose signature one believes. */
export interface Verifier {
  name: string;
  /** Four bytes in lower-case hex. */
  keyId: string;
  /** Raw Ed25519, 32 bytes. */
  publicKey: Buffer;
}

/** What a checkpoint says: of `origin`, the tree over the first `size` leaves has this root. */
interface CheckpointBody {
  origin: string;
  size: number;
  root: Buffer;
}

const ed25519 = 0x01;

/** First four bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ public key), in hex. */
export function keyIdOf(name: string, publicKey: Buffer): string {
  const material = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey]);
  return digest('sha256', material, 'hex').slice(0, 8);
}

/** The 32 bytes of an Ed25519 key, public or private. */
export function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
}

/** The key as it is handed out: `<name>+<key id>+<base64 of 0x01 ‖ public key>`. */
export function verifierText(name: string, publicKey: Buffer): string {
  return `${name}+${keyIdOf(name, publicKey)}+${Buffer.concat([Buffer.of(ed25519), publicKey]).toString('base64')}`;
}

/** Reads what `verifierText` wrote. @throws Error when it is no such text, or its key id is another's */
export function parseVerifier(text: string): Verifier {
  const [, name = '', keyId = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  const key = fromBase64(encoded);
  if (key?.length !== 33 || key[0] !== ed25519) throw new Error(`Not an Ed25519 verifier key: ${text}`);
  const publicKey = key.subarray(1);
  if (keyIdOf(name, publicKey) !== keyId) throw new Error(`The key ID does not match the key: ${text}`);
  return { name, keyId, publicKey };
}

/** Signs `text`, which ends with LF, in the name of `name`. */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const keyId = Buffer.from(keyIdOf(name, rawPublicKey(privateKey)), 'hex');
  const signed = Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n— ${name} ${signed.toString('base64')}\n`;
}

/** Takes a signed note apart; nothing is believed yet. @throws Error that says what is wrong with its form */
export function parseNote(note: string): Note {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note has none but LF
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new Error('A note must not contain control characters.');
  const end = note.lastIndexOf('\n\n');
  if (end < 1) throw new Error('A note consists of a text, an empty line and signatures.');
  const lines = note.slice(end + 2).split('\n');
  if (lines.pop() !== '' || lines.length === 0) throw new Error('A note must end with signature lines.');
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): Note['signatures'][number] {
  const [, name, encoded = ''] = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = fromBase64(encoded);
  if (name === undefined || bytes === undefined || bytes.length < 5) throw new Error(`Not a signature: ${line}`);
  return { name, keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) };
}

/**
 * True when a signature is of one of `verifiers` and every signature that claims to be is. Signatures of others are as
 * if they were not there.
 */
export function verifyNote(note: Note, verifiers: readonly Verifier[]): boolean {
  const results = note.signatures.flatMap(({ name, keyId, signature }) => {
    const verifier = verifiers.find(known => known.name === name && known.keyId === keyId);
    if (verifier === undefined) return [];
    return [verify(null, Buffer.from(note.text), keyObject(verifier.publicKey), signature)];
  });
  return results.length > 0 && results.every(Boolean);
}

function keyObject(publicKey: Buffer): KeyObject {
  const x = publicKey.toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

export function checkpointText({ origin, size, root }: CheckpointBody): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Reads the text of a checkpoint; lines after the third are other people's. @throws Error when it is none */
export function parseCheckpoint(text: string): CheckpointBody {
  const [origin = '', sizeText = '', encoded = ''] = text.split('\n');
  const root = fromBase64(encoded);
  const size = Number(sizeText);
  if (origin === '' || !/^(0|[1-9][0-9]{0,15})$/.test(sizeText) || !Number.isSafeInteger(size) || root?.length !== 32) {
    throw new Error('A checkpoint consists of origin, size and root hash, one per line.');
  }
  return { origin, size, root };
}

/** Only the one way to write it: anything else would be a second text for the same bytes. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
