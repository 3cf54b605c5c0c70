import { zone } from '../calendar.ts';
import { type BackupSet, logFrom, type Manifest, reach, type Segment } from './backup-set.ts';
import { segmentName } from './wal.ts';

/** What a restore begins with, and where it ends. */
export interface Choice {
  base: Manifest;
  segments: Segment[];
  /** Null: as far as the log goes. */
  at: Temporal.Instant | null;
  /** What was committed by then is there. */
  until: Temporal.Instant;
}

/**
 * The base before a moment, and the log from it to there; without a moment, the newest base and all of its log.
 * @throws Error, in words for the operator: that moment cannot be restored, and which ones can
 */
export function chooseBase(set: BackupSet, at: Temporal.Instant | null): Choice {
  const [first] = set.bases;
  const base = set.bases.findLast(({ endedAt }) => at === null || Temporal.Instant.compare(endedAt, at) <= 0);
  if (first === undefined) throw new Error(`There is no backup in ${set.folder}.`);
  if (at !== null && base === undefined)
    throw new Error(
      `The first backup in ${set.folder} is of ${local(first.endedAt)}: no earlier moment can be restored.`,
    );
  const { segments, missing } = logFrom(set, base!);
  const until = reach(set, base!);
  if (until === undefined)
    throw new Error(
      `The log of the backup of ${local(base!.endedAt)} is not whole: ${missing} is missing in ${set.folder}/log. An earlier backup may be whole: --at a moment before.`,
    );
  if (at === null) {
    if (missing !== undefined && laterThan(set, base!, segments.length))
      throw new Error(
        `The log has a gap: ${missing} is missing in ${set.folder}/log. Put it back, or restore what was before: --at '${local(until)}'.`,
      );
    return { base: base!, segments: whole(segments), at, until };
  }
  const last = segments.findIndex(one => one.until !== undefined && Temporal.Instant.compare(one.until, at) >= 0);
  if (last < 0) {
    const why = laterThan(set, base!, segments.length) ? `${missing} is missing after it` : 'that is its end';
    throw new Error(
      `The log that is kept from the backup of ${local(base!.endedAt)} reaches to ${local(until)} (${why}): the moment asked for is later.`,
    );
  }
  return { base: base!, segments: segments.slice(0, last + 1), at, until: at };
}

/** Without the last files of a round that was cut off: nobody knows what else belongs to them. */
function whole(segments: Segment[]): Segment[] {
  return segments.slice(0, segments.findLastIndex(({ until }) => until !== undefined) + 1);
}

function laterThan(set: BackupSet, base: Manifest, there: number): boolean {
  const next = base.firstSegment + there;
  return set.log.some(({ timeline, segment }) => timeline === base.timeline && segment > next);
}

/**
 * A moment as an operator writes it: an instant, or a time of day in China such as `2026-11-29 17:30`.
 * @throws Error for the operator
 */
export function parseMoment(text: string): Temporal.Instant {
  try {
    return Temporal.Instant.from(text);
  } catch {}
  try {
    // A day alone would be its first moment, which is hardly what is meant.
    if (!text.includes(':')) throw new Error('no time of day');
    return Temporal.PlainDateTime.from(text).toZonedDateTime(zone).toInstant();
  } catch (cause) {
    throw new Error(`--at is a moment such as '2026-11-29 17:30', not ${text}.`, { cause });
  }
}

/** In China, and as `--at` takes it. */
export function local(moment: Temporal.Instant | string): string {
  const instant = Temporal.Instant.from(moment.toString());
  return instant.toZonedDateTimeISO(zone).toPlainDateTime().toString({ fractionalSecondDigits: 3 }).replace('T', ' ');
}

/** Name of a file of the log as PostgreSQL looks for it. */
export function nameOf({ base }: Choice, { timeline, segment }: Segment): string {
  return segmentName(timeline, segment, base.segmentBytes);
}
