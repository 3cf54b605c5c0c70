// RFC 6962, section 2.1, as it stands there: by recursion over lists, slowly. What the service's tree is compared with.

import { sha256 } from './book.ts';

export function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256('');
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

/** PATH(m, D[n]). */
export function pathOf(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return m < k
    ? [...pathOf(m, leaves.slice(0, k)), treeHash(leaves.slice(k))]
    : [...pathOf(m - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

/** PROOF(m, D[n]). */
export function consistencyOf(m: number, leaves: readonly Buffer[]): Buffer[] {
  return subproof(m, leaves, true);
}

function subproof(m: number, leaves: readonly Buffer[], known: boolean): Buffer[] {
  if (m === leaves.length) return known ? [] : [treeHash(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), known), treeHash(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), treeHash(leaves.slice(0, k))];
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1));
}
