import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Keeps secrets that have to be read again from whoever sees the database alone. */
export interface Sealer {
  /** @param owner whose secret it is: sealed for one, it opens for nobody else */
  seal(secret: string, owner: string): Buffer;
  /** @throws Error when it was sealed with another key, for another owner, or has been changed */
  open(sealed: Buffer, owner: string): string;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** First byte of what is sealed: tells the key from those that may come after it. */
const keyNumber = 1;

/**
 * AES-256-GCM with the key in `folder`, which is made when there is none. Without that file, nobody has a second factor
 * any more, and each has to be set up again.
 */
export function openSealer(folder: string): Sealer {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `sealing-${keyNumber}.key`);
  const key = Buffer.from(keyIn(file), 'base64');
  if (key.length !== 32) throw new Error(`${file} does not hold a key of 32 bytes`);

  return {
    seal(secret, owner) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(owner));
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(keyNumber), nonce, cipher.getAuthTag(), text]);
    },
    open(sealed, owner) {
      if (sealed[0] !== keyNumber) throw new Error('sealed with another key');
      const nonce = sealed.subarray(1, 1 + nonceBytes);
      const tag = sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
        .setAAD(Buffer.from(owner))
        .setAuthTag(tag);
      const text = sealed.subarray(1 + nonceBytes + tagBytes);
      return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
    },
  };
}

/** Processes of one installation may start together: the file is there whole or not at all, and the first one's counts. */
function keyIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // A name that begins with a dot is unfinished, and no backup copies it.
  const own = join(dirname(file), `.${basename(file)}-${randomBytes(6).toString('hex')}`);
  writeFileSync(own, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(own, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(own);
  }
  return readFileSync(file, 'utf8');
}
