// The RFC 6962 tree over the leaf hashes of a book: roots, proofs, and how a stranger verifies them. It knows no book.

import assert from 'node:assert/strict';
import { hash as digest } from 'node:crypto';

/** Of the tree so far, what is needed to go on: the roots of its complete subtrees, the largest first. */
export interface Range {
  size: number;
  roots: Buffer[];
}

/** Leaves `start` (in) to `end` (out) of a tree. */
export interface Span {
  start: number;
  end: number;
}

export function newRange(): Range {
  return { size: 0, roots: [] };
}

/**
 * Adds a leaf, or the root of a complete subtree of `width` leaves that begins where the range ends. It keeps no more
 * than log2(size) hashes, so that a book of any length passes through.
 */
export function append(range: Range, hash: Buffer, width = 1): void {
  assert(range.size % width === 0, 'a subtree begins at a multiple of its width');
  let root = hash;
  for (let pairs = range.size / width; pairs % 2 === 1; pairs = (pairs - 1) / 2) {
    root = nodeHash(range.roots.pop()!, root);
  }
  range.roots.push(root);
  range.size += width;
}

/** The root of the tree over all leaves of the range; of none, SHA-256 of nothing. */
export function rootOf(range: Range): Buffer {
  if (range.size === 0) return digest('sha256', '', 'buffer');
  return range.roots.reduceRight((right, left) => nodeHash(left, right));
}

/** The range over these leaves. */
export function rangeOver(leaves: Iterable<Buffer>): Range {
  const range = newRange();
  for (const leaf of leaves) append(range, leaf);
  return range;
}

/**
 * Of which subtrees the roots prove that leaf `index` (from 0) is in the tree over `size` leaves, from the leaf to the
 * root. Source: RFC 6962, section 2.1.1.
 */
export function inclusionSpans(index: number, size: number): Span[] {
  const spans: Span[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + leftWidth(end - start);
    if (index < middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
    }
  }
  return spans.reverse();
}

/**
 * Of which subtrees the roots prove that the tree over `from` leaves is the beginning of the tree over `to`, from the
 * leaves to the root. Everything begins with the empty tree. Source: RFC 6962, section 2.1.2.
 */
export function consistencySpans(from: number, to: number): Span[] {
  if (from === 0) return [];
  const spans: Span[] = [];
  let [start, end] = [0, to];
  while (end !== from) {
    const middle = start + leftWidth(end - start);
    if (from <= middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
    }
  }
  // Where the smaller tree is itself a subtree of the larger, whoever asks has its root.
  if (start > 0) spans.push({ start, end });
  return spans.reverse();
}

/** True when `hashes` prove that `leaf` is leaf `index` of the tree of `size` leaves whose root is `root`. */
export function verifyInclusion(claim: {
  leaf: Buffer;
  index: number;
  size: number;
  hashes: readonly Buffer[];
  root: Buffer;
}): boolean {
  const { leaf, index, size, hashes, root } = claim;
  if (!isSize(size) || !isSize(index) || index >= size) return false;
  const spans = inclusionSpans(index, size);
  if (spans.length !== hashes.length) return false;
  const made = spans.reduce(
    (hash, { start }, i) => (start > index ? nodeHash(hash, hashes[i]!) : nodeHash(hashes[i]!, hash)),
    leaf,
  );
  return made.equals(root);
}

/** True when `hashes` prove that the tree of `from` leaves is the beginning of the tree of `to` leaves. */
export function verifyConsistency(claim: {
  from: number;
  to: number;
  fromRoot: Buffer;
  toRoot: Buffer;
  hashes: readonly Buffer[];
}): boolean {
  const { from, to, fromRoot, toRoot, hashes } = claim;
  if (!isSize(from) || !isSize(to) || from > to) return false;
  if (from === 0) return hashes.length === 0 && fromRoot.equals(rootOf(newRange()));
  const spans = consistencySpans(from, to);
  if (spans.length !== hashes.length) return false;
  const [first] = spans;
  const given = first?.end === from ? 1 : 0;
  let [older, newer] = given === 1 ? [hashes[0]!, hashes[0]!] : [fromRoot, fromRoot];
  for (let i = given; i < spans.length; i += 1) {
    if (spans[i]!.start >= from) newer = nodeHash(newer, hashes[i]!);
    else [older, newer] = [nodeHash(hashes[i]!, older), nodeHash(hashes[i]!, newer)];
  }
  return older.equals(fromRoot) && newer.equals(toRoot);
}

/** SHA-256(0x01 ‖ left ‖ right). */
function nodeHash(left: Buffer, right: Buffer): Buffer {
  pair.set(left, 1);
  pair.set(right, 33);
  // By way of hex: a digest that is made as a buffer takes twice the time, memory outside the heap that it is.
  return Buffer.from(digest('sha256', pair, 'hex'), 'hex');
}

/** One for all pairs: to make one for each doubles the time of a long book. */
const pair = Buffer.alloc(65, 1);

/** The largest power of two below `size`: how many leaves stand under the root's left hand. */
function leftWidth(size: number): number {
  let width = 1;
  while (width * 2 < size) width *= 2;
  return width;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
