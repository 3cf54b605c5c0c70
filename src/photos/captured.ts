import { iso, zone } from '../calendar.ts';

/** When and where a camera says it was. Anybody can edit it: a hint, never a proof. */
export interface Captured {
  /** RFC 3339, UTC. */
  at: string | null;
  /** Millionths of a degree, north and east positive; both or neither. */
  latitudeMicrodegrees: number | null;
  longitudeMicrodegrees: number | null;
}

const nothing: Captured = { at: null, latitudeMicrodegrees: null, longitudeMicrodegrees: null };

/**
 * Reads time and place from the Exif part of a picture. What is malformed, or lies before 2000 or after tomorrow, counts
 * as absent. Only the few entries that are asked for are looked at, each of at most 32 bytes: a reader of all of them can be
 * made to copy a 64 KB segment 5,000 times over, by entries that all point at the same place.
 * Source: CIPA DC-008-2012 (Exif 2.3), 4.6.
 */
export function capturedIn(exif: Buffer | undefined, now: Temporal.Instant): Captured {
  if (exif === undefined) return nothing;
  try {
    const read = readerOf(exif.toString('latin1', 0, 4) === 'Exif' ? exif.subarray(6) : exif);
    return { at: timeIn(read, now), ...placeIn(read) };
  } catch {
    return nothing;
  }
}

type Read = ReturnType<typeof readerOf>;

function timeIn(read: Read, now: Temporal.Instant): string | null {
  const entries = read.directory(read.pointer(read.first, 0x8769));
  const match = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(read.text(entries, 0x9003));
  if (match === null) return null;
  const offset = /^[+-]\d\d:\d\d/.exec(read.text(entries, 0x9011))?.[0] ?? zone;
  try {
    const local = Temporal.PlainDateTime.from(`${match[1]}-${match[2]}-${match[3]}T${match[4]}`);
    const at = local.toZonedDateTime(offset).toInstant();
    const [earliest, latest] = [Temporal.Instant.from('2000-01-01T00:00Z'), now.add({ hours: 24 })];
    const credible = Temporal.Instant.compare(at, earliest) >= 0 && Temporal.Instant.compare(at, latest) <= 0;
    return credible ? iso(at) : null;
  } catch {
    return null;
  }
}

function placeIn(read: Read): Omit<Captured, 'at'> {
  const entries = read.directory(read.pointer(read.first, 0x8825));
  const latitude = signed(read.degrees(entries, 2), read.text(entries, 1), 'NS');
  const longitude = signed(read.degrees(entries, 4), read.text(entries, 3), 'EW');
  const there = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && (latitude !== 0 || longitude !== 0);
  return {
    latitudeMicrodegrees: there ? Math.round(latitude * 1e6) : null,
    longitudeMicrodegrees: there ? Math.round(longitude * 1e6) : null,
  };
}

function signed(degrees: number, letter: string, [plus, minus]: string | string[]): number {
  if (letter.startsWith(plus!)) return degrees;
  return letter.startsWith(minus!) ? -degrees : Number.NaN;
}

type Entries = Map<number, { type: number; count: number; at: number }>;

/** Reads directories of TIFF 6.0, section 2. Whatever lies outside the buffer throws a RangeError. */
function readerOf(tiff: Buffer) {
  const big = tiff.toString('latin1', 0, 2) === 'MM';
  const short = (at: number) => (big ? tiff.readUInt16BE(at) : tiff.readUInt16LE(at));
  const long = (at: number) => (big ? tiff.readUInt32BE(at) : tiff.readUInt32LE(at));

  const directory = (at: number | undefined): Entries => {
    const entries: Entries = new Map();
    if (at === undefined) return entries;
    const count = Math.min(short(at), 200);
    for (let n = 0; n < count; n += 1) {
      const entry = at + 2 + n * 12;
      entries.set(short(entry), { type: short(entry + 2), count: long(entry + 4), at: entry + 8 });
    }
    return entries;
  };

  return {
    first: directory(long(4)),
    directory,
    /** Where another directory begins. */
    pointer(entries: Entries, tag: number): number | undefined {
      const entry = entries.get(tag);
      return entry?.type === 4 && entry.count === 1 ? long(entry.at) : undefined;
    },
    text(entries: Entries, tag: number): string {
      const entry = entries.get(tag);
      if (entry?.type !== 2 || entry.count > 32) return '';
      const start = entry.count <= 4 ? entry.at : long(entry.at);
      return tiff.toString('latin1', start, start + entry.count).split('\0')[0]!;
    },
    /** Degrees, minutes and seconds, each a fraction; NaN when they are none. */
    degrees(entries: Entries, tag: number): number {
      const entry = entries.get(tag);
      if (entry?.type !== 5 || entry.count !== 3) return Number.NaN;
      const start = long(entry.at);
      const part = (n: number) => long(start + n * 8) / long(start + n * 8 + 4);
      return part(0) + part(1) / 60 + part(2) / 3600;
    },
  };
}
