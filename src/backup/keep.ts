import fs from 'node:fs/promises';
import { join } from 'node:path';
import { dayOf } from '../calendar.ts';
import type { BackupSettings } from '../config.ts';
import { isArchive, type Manifest, readFileList, readSet } from './backup-set.ts';
import type { Source } from './source.ts';
import { listFiles, listStored, type Named } from './stored-file.ts';

type Keep = BackupSettings['keep'];

/**
 * Of bases in the order of time, those that stay, and those of them whose log stays too: all of the last days that have
 * any, for each may be the only one before a gap or before a restore; then the last of a week and of a month.
 */
function chooseKept(bases: readonly Manifest[], keep: Keep): { kept: Manifest[]; daily: Manifest[] } {
  const periods = (periodOf: (day: Temporal.PlainDate) => string) =>
    Map.groupBy(bases, base => periodOf(dayOf(Temporal.Instant.from(base.endedAt))));
  const last = <T>(all: T[], count: number) => all.slice(Math.max(0, all.length - count));
  const lastOf = (count: number, periodOf: (day: Temporal.PlainDate) => string) =>
    last([...periods(periodOf).values()], count).map(ofPeriod => ofPeriod.at(-1)!);

  const daily = last([...periods(day => day.toString()).values()], keep.daily).flat();
  const weekly = lastOf(keep.weekly, day => `${day.yearOfWeek}-${day.weekOfYear}`);
  const monthly = lastOf(keep.monthly, day => day.toPlainYearMonth().toString());
  const wanted = new Set([...daily, ...weekly, ...monthly]);
  return { kept: bases.filter(base => wanted.has(base)), daily };
}

/**
 * Removes what nobody wants any more: bases beyond the rule, the log before the oldest daily base (older ones keep what
 * makes a whole of them), and photos that are gone from the service and from every base that stays.
 */
export async function prune(source: Source, folder: string, keep: Keep): Promise<void> {
  const set = await readSet(folder);
  const { kept, daily } = chooseKept(set.bases, keep);
  const oldest = daily[0];
  if (oldest === undefined) return;

  // Manifests go first: what is left when this is cut off has none, which the next time removes.
  const archives = new Set(kept.flatMap(({ database, files }) => [database.file, files.file]));
  const stamps = new Set(kept.map(({ database }) => stampOf(database.file)));
  const bases = await listStored(folder, 'bases');
  for (const one of bases) if (!isArchive(one) && !stamps.has(one.name)) await remove(folder, one);
  for (const one of bases) if (isArchive(one) && !archives.has(one.file)) await remove(folder, one);

  let isLate = true;
  for (const segment of set.log.toReversed()) {
    // From the last on: what has no time of its own is older than the next that has one.
    if (segment.until !== undefined) isLate = Temporal.Instant.compare(segment.until, oldest.startedAt) >= 0;
    if (!isLate && !kept.some(base => isOf(base, segment))) await remove(folder, segment);
  }

  const present = new Set(source.folders.photos === null ? [] : await listFiles(source.folders.photos));
  const listed = new Set<string>();
  for (const base of kept) for (const photo of (await readFileList(folder, base)).photos) listed.add(photo);
  for (const photo of await listStored(folder, 'photos')) {
    if (listed.has(photo.file) || present.has(photo.name.slice('photos/'.length))) continue;
    // It may have come and gone between two bases: a moment when it was there can be asked for as long as the log can.
    const { ctimeMs } = await fs.stat(join(folder, photo.file));
    if (ctimeMs < Temporal.Instant.from(oldest.startedAt).epochMilliseconds) await remove(folder, photo);
  }
}

function isOf(base: Manifest, { timeline, segment }: { timeline: number; segment: number }): boolean {
  return timeline === base.timeline && segment >= base.firstSegment && segment <= base.lastSegment;
}

function stampOf(file: string): string {
  return file.replace(/\.[0-9a-f]{64}.*$/, '');
}

async function remove(folder: string, { file }: Named): Promise<void> {
  await fs.rm(join(folder, file), { force: true });
}
