import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { listStored, openFile, store } from './stored-file.ts';
import { type Lsn, parseLsn, segmentName } from './wal.ts';

/** The end of a part of the log that is complete: what was committed by `until` stands in it. */
interface LogEnd {
  timeline: number;
  /** Number of the last complete segment. */
  last: number;
  until: Temporal.Instant;
}

/**
 * Ends the segment that is being written, so that it can be copied. The mark that is written into it before is a commit of
 * a later moment than `until`: there, a recovery to `until` finds that it has come past it.
 */
export async function closeSegment(client: pg.Client, segmentBytes: number): Promise<LogEnd> {
  const { rows: marks } = await client.query(
    `select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as until,
            pg_logical_emit_message(true, 'jifen.backup', '') as mark`,
  );
  const { rows } = await client.query(
    `select pg_switch_wal() as ended, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as timeline`,
  );
  const until = Temporal.Instant.fromEpochMilliseconds(Number(marks[0].until));
  // The end of a segment is the beginning of the next.
  const last = Math.floor((parseLsn(rows[0].ended) - 1) / segmentBytes);
  return { timeline: rows[0].timeline, last, until };
}

/**
 * Copies the segments from the one that holds `from` up to the end that `closeSegment` has made, but for those that are
 * there, and the histories of timelines beside them. The last one is written last: with it, all of them are there.
 */
export async function copyLog(
  dataFolder: string,
  folder: string,
  { from, end, segmentBytes, recipient }: { from: Lsn; end: LogEnd; segmentBytes: number; recipient: string | null },
): Promise<void> {
  const there = new Set((await listStored(folder, 'log')).map(({ name }) => name.split('.')[0]));
  const wal = join(dataFolder, 'pg_wal');
  const names = await readdir(wal);
  for (const history of names.filter(name => /^[0-9A-F]{8}\.history$/.test(name))) {
    if (there.has(`log/${history.split('.')[0]}`)) continue;
    await store(folder, `log/${history}`, () => openFile(join(wal, history)), { gzip: true, recipient });
  }
  for (let segment = Math.floor(from / segmentBytes); segment <= end.last; segment += 1) {
    const name = segmentName(end.timeline, segment, segmentBytes);
    // A part before the timeline began has other names, and no base of this timeline needs it.
    if (there.has(`log/${name}`) || !names.includes(name)) continue;
    const until = segment === end.last ? end.until.epochMilliseconds : 0;
    await store(folder, `log/${name}.${until}`, () => openFile(join(wal, name)), { gzip: true, recipient });
  }
}
