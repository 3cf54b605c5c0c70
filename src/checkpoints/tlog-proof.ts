// A proof that a transaction is in a book, on one page that can be verified offline. Source: C2SP tlog-proof.

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
