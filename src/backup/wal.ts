// The names of PostgreSQL's log files. Source: PostgreSQL, src/include/access/xlog_internal.h.

/** A place in the log, in bytes from its beginning. */
export type Lsn = number;

/** Reads PostgreSQL's own form, `16/B374D848`. */
export function parseLsn(text: string): Lsn {
  const [high, low] = text.split('/').map(part => Number.parseInt(part, 16));
  return high! * 2 ** 32 + low!;
}

export function formatLsn(lsn: Lsn): string {
  return [Math.floor(lsn / 2 ** 32), lsn % 2 ** 32].map(part => part.toString(16).toUpperCase()).join('/');
}

/** Name of the file of `segmentBytes` on `timeline` that has the number `segment`, counted from 0. */
export function segmentName(timeline: number, segment: number, segmentBytes: number): string {
  const perFile = 2 ** 32 / segmentBytes;
  return [timeline, Math.floor(segment / perFile), segment % perFile]
    .map(part => part.toString(16).toUpperCase().padStart(8, '0'))
    .join('');
}

/** The opposite. Undefined where it is no name of a segment. */
export function parseSegmentName(
  name: string,
  segmentBytes: number,
): { timeline: number; segment: number } | undefined {
  const [, ...parts] = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/.exec(name) ?? [];
  if (parts.length === 0) return undefined;
  const [timeline, high, low] = parts.map(part => Number.parseInt(part, 16));
  return { timeline: timeline!, segment: high! * (2 ** 32 / segmentBytes) + low! };
}
