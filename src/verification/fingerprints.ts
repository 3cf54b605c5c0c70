// Memory for millions of texts and numbers without an object for each: a book of any length is checked in a few dozen
// bytes a transaction.

const chunkBits = 16;

/** A column of numbers that grows in pieces, so that growing copies nothing. */
interface Column {
  get(index: number): number;
  set(index: number, value: number): void;
}

export function newColumn(of: typeof Uint8Array | typeof Uint32Array | typeof Float64Array): Column {
  const chunks: (Uint8Array | Uint32Array | Float64Array)[] = [];
  const mask = 2 ** chunkBits - 1;
  return {
    get: index => chunks[index >>> chunkBits]?.[index & mask] ?? 0,
    set(index, value) {
      const chunk = index >>> chunkBits;
      while (chunks.length <= chunk) chunks.push(new of(mask + 1));
      chunks[chunk]![index & mask] = value;
    },
  };
}

/** 64 bits of a text: of 10 million texts two have the same once in 400,000 books. */
type Fingerprint = [high: number, low: number];

/** Made anew in every process, so that nobody can look for two texts with one fingerprint beforehand. */
const [seedHigh, seedLow] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];

/** Of a short text it takes a third of the time of SHA-256, and leaves nothing behind to be collected. */
export function fingerprintOf(text: string): Fingerprint {
  let [high, low] = [seedHigh, seedLow];
  for (let i = 0; i < text.length; i += 1) {
    const sign = text.charCodeAt(i);
    high = Math.imul(high ^ sign, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low ^ sign, 0x5f356495);
    low ^= low >>> 13;
  }
  high = Math.imul(high ^ (low >>> 16), 0x85ebca6b) ^ (high >>> 13);
  low = Math.imul(low ^ (high >>> 13), 0xc2b2ae35) ^ (low >>> 16);
  return [high >>> 0, low >>> 0];
}

/** A set of texts that remembers of each only its fingerprint, and in which place (0, 1, …) it first came. */
export interface Fingerprints {
  size(): number;
  /** The place of `text`, which is put in last when it is new: then its place is what `size` was. */
  put(text: string): number;
  /** The place of `text`, or -1. */
  find(text: string): number;
}

export function newFingerprints(): Fingerprints {
  const [high, low] = [newColumn(Uint32Array), newColumn(Uint32Array)];
  let size = 0;
  /** Open addressing, at most half full: a slot holds a place + 1, or 0. */
  let slots = new Uint32Array(1024);

  const slotOf = ([h, l]: Fingerprint): number => {
    let slot = l & (slots.length - 1);
    while (slots[slot] !== 0 && (high.get(slots[slot]! - 1) !== h || low.get(slots[slot]! - 1) !== l)) {
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  };
  const grow = () => {
    slots = new Uint32Array(slots.length * 2);
    for (let place = 0; place < size; place += 1) slots[slotOf([high.get(place), low.get(place)])] = place + 1;
  };

  return {
    size: () => size,
    find: text => slots[slotOf(fingerprintOf(text))]! - 1,
    put(text) {
      if (size * 2 >= slots.length) grow();
      const fingerprint = fingerprintOf(text);
      const slot = slotOf(fingerprint);
      if (slots[slot] === 0) {
        high.set(size, fingerprint[0]);
        low.set(size, fingerprint[1]);
        size += 1;
        slots[slot] = size;
      }
      return slots[slot]! - 1;
    },
  };
}
