import type { Readable } from 'node:stream';
import { Refusal } from '../refusals.ts';

/** Where the bytes of photos lie. They are written before the row that tells of them: what has no row does no harm. */
export interface PhotoStore {
  /** Whole or not at all: afterwards the bytes survive a power cut. */
  put(key: string, bytes: Buffer): Promise<void>;
  get(key: string): Promise<Readable | undefined>;
  /** Removing what is not there is done already. */
  remove(key: string): Promise<void>;
}

/** What the store answers; a store that fails is to be tried again later. @throws Refusal `unavailable`, with its cause */
export async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw Object.assign(new Refusal('unavailable', { retryAfterSeconds: 5 }), { cause: error });
  }
}

export const variants = ['thumb', 'full'] as const;
export type Variant = (typeof variants)[number];

/**
 * Where a variant of a photo lies. Made of codes and ids of ours alone, so it leads nowhere else; the last two characters
 * of an id are random and spread a village's photos over 256 folders.
 */
export function keyOf(village: string, photoId: string, variant: Variant): string {
  if (!/^[0-9]{12}$/.test(village) || !/^[0-9a-f-]{36}$/.test(photoId)) throw new Error('no key of ours');
  return `${village}/${photoId.slice(-2)}/${photoId}-${variant}.jpg`;
}
