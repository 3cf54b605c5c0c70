import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Refusal } from '../refusals.ts';

/** argon2id as OWASP's password storage cheat sheet asks for it at the least: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };

const derive = promisify(argon2);

/** As many hashes at once as there are cores, and a short queue behind them: a flood of sign-ins is told to wait. */
const atOnce = availableParallelism();
const queueMax = 32;
let running = 0;
const queue: (() => void)[] = [];

/** Hashes a password or PIN. Answers a PHC string. Never called inside a database transaction. */
export async function hashSecret(secret: string): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await inTurn(() => derive('argon2id', { ...cost, message: secret.normalize('NFKC'), nonce }));
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(nonce)}$${base64(tag)}`;
}

/** True when `secret` is the one that was hashed to `phc`. Without a hash it takes as long and answers false. */
export async function verifySecret(secret: string, phc: string | undefined): Promise<boolean> {
  const parsed = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc ?? dummy);
  if (parsed === null) throw new Error('not a PHC string of argon2id');
  const [, memory, passes, parallelism, nonce, expected] = parsed;
  const tag = Buffer.from(expected!, 'base64');
  const parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: tag.length,
    message: secret.normalize('NFKC'),
    nonce: Buffer.from(nonce!, 'base64'),
  };
  const equal = timingSafeEqual(await inTurn(() => derive('argon2id', parameters)), tag);
  return phc !== undefined && equal;
}

/** Unknown names are compared with this, so that they answer no sooner than known ones. */
const dummy = `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(randomBytes(16))}$${base64(randomBytes(32))}`;

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/={1,2}$/, '');
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) {
    if (queue.length >= queueMax) throw new Refusal('unavailable', { retryAfterSeconds: 2 });
    // The one that leaves hands its place over: `running` stays as it is.
    await new Promise<void>(resolve => queue.push(resolve));
  } else {
    running += 1;
  }
  try {
    return await work();
  } finally {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}
