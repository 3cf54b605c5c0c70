import type { Content } from '../book/canonical.ts';
import type { Report } from './findings.ts';
import { fingerprintOf, newColumn } from './fingerprints.ts';

/** A stretch of transactions without a gap, the first of them the `start`th (from 0) of the book. */
interface Stretch {
  number: number;
  start: number;
  length: number;
}

/** Of every transaction a fingerprint of its mirror is kept, to compare with a later reversal. */
export function checkReversals(report: Report): { take(t: Content): void } {
  const [high, low, state] = [newColumn(Uint32Array), newColumn(Uint32Array), newColumn(Uint8Array)];
  const [isReversal, isReversed] = [1, 2];
  const stretches: Stretch[] = [];
  let count = 0;

  const placeOf = (number: number): number => {
    const stretch = stretches.find(({ number: from, length }) => number >= from && number < from + length);
    return stretch === undefined ? -1 : stretch.start + number - stretch.number;
  };

  const check = (t: Content, reverses: number) => {
    const place = `transaction ${t.number}`;
    const original = placeOf(reverses);
    if (original < 0 || state.get(original) & isReversal) {
      return report(
        'reversals',
        place,
        'an earlier transaction that is not itself a reversal',
        `transaction ${reverses}`,
      );
    }
    if (state.get(original) & isReversed) {
      report('reversals', place, `the only reversal of ${reverses}`, 'already reversed by an earlier transaction');
    }
    state.set(original, state.get(original) | isReversed);
    const [h, l] = fingerprintOf(movedText(t));
    if (h !== high.get(original) || l !== low.get(original)) {
      report('reversals', place, `the mirror of ${reverses}`, movedText(t).replaceAll('\n', ', ').slice(0, 1_000));
    }
  };

  return {
    take(t) {
      if (t.reverses !== null) check(t, t.reverses);
      const stretch = stretches.at(-1);
      if (stretch !== undefined && t.number === stretch.number + stretch.length) stretch.length += 1;
      // A book with so many gaps is wrong enough: it is not searched any longer for what is reversed.
      else if (stretches.length < 1_000) stretches.push({ number: t.number, start: count, length: 1 });
      const [h, l] = fingerprintOf(mirrorText(t));
      high.set(count, h);
      low.set(count, l);
      if (t.reverses !== null) state.set(count, isReversal);
      count += 1;
    },
  };
}

function movedText(t: Content): string {
  const lines = t.transfers.map(({ asset, amount, from, to }) => `${asset} ${amount} ${from} ${to}\n`);
  return lines.join('') + usesText(t, use => use);
}

/** What a reversal of this transaction moves: line by line from the last, each the other way, the limits given back. */
function mirrorText(t: Content): string {
  let text = '';
  for (let i = t.transfers.length - 1; i >= 0; i -= 1) {
    const { asset, amount, from, to } = t.transfers[i]!;
    text += `${asset} ${amount} ${to} ${from}\n`;
  }
  return text + usesText(t, use => (use.startsWith('-') ? use.slice(1) : `-${use}`));
}

function usesText(t: Content, turned: (use: string) => string): string {
  const uses: string[] = [];
  for (const name in t.frozen) {
    if (name.startsWith('limit:')) uses.push(`${name} ${turned(String(t.frozen[name]))}\n`);
  }
  return uses.sort().join('');
}
