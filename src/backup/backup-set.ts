// What lies in the backup folder of one installation, `<backups>/<system identifier>`:
//
//   bases/<when>.<sha256>.gz[.age]       a copy of the database as a tar file
//   bases/<when>-files.<sha256>.gz       the list of the keys and photos that belong to it
//   bases/<when>.<sha256>                its manifest, written last: a base without one is none
//   log/<segment>.<until>.<sha256>.gz    PostgreSQL's log, from which a base is brought to any later moment
//   photos/…, keys/…                     the files of these folders of the data folder

import fs from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { iso } from '../calendar.ts';
import { checkStored, listStored, type Named, openStored, type Stored } from './stored-file.ts';
import { parseSegmentName, segmentName } from './wal.ts';

/** The form of what is written here. One that reads it differently has another number. */
export const format = 1;

/** What a base says of itself. */
export interface Manifest {
  format: number;
  /** Version of the service that made it. */
  jifen: string;
  /** Of PostgreSQL, such as `18.4`: the same major version reads it. */
  postgres: string;
  systemIdentifier: string;
  timeline: number;
  segmentBytes: number;
  /** The log that makes a whole of it begins and ends here. */
  from: string;
  to: string;
  /** The first moment it can be brought to is `endedAt`. */
  startedAt: string;
  endedAt: string;
  /** Whom it is encrypted for; null: it is not. */
  recipient: string | null;
  /** Numbers of the log's first segment and of the last that it needs. */
  firstSegment: number;
  lastSegment: number;
  database: Stored;
  /** The list of the keys and photos that belong to it. */
  files: Stored;
  /** Migrations that had run. */
  migrations: string[];
  /** The last checkpoint of each book, as a signed note. */
  checkpoints: string[];
}

/** A file of the log. */
export interface Segment extends Named {
  timeline: number;
  segment: number;
  /** Everything that was committed by this instant stands in the log up to here; undefined where it is not known. */
  until: Temporal.Instant | undefined;
}

export interface BackupSet {
  /** Folder of the installation. */
  folder: string;
  /** In the order of time. */
  bases: Manifest[];
  /** By timeline and number. */
  log: Segment[];
  /** Files that tell which timelines there have been. */
  histories: Named[];
}

/** Folders of the installations whose backups lie in `backups`; or that folder itself, where it is one of those. */
export async function listInstallations(backups: string): Promise<string[]> {
  const names = await namesIn(backups);
  if (names.includes('bases')) return [backups];
  const found: string[] = [];
  for (const name of names.filter(name => /^\d+$/.test(name)))
    if ((await namesIn(join(backups, name))).includes('bases')) found.push(join(backups, name));
  return found;
}

function namesIn(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch((): string[] => []);
}

/** @throws Error for the operator: a manifest is damaged, or of a newer version */
export async function readSet(folder: string): Promise<BackupSet> {
  const bases: Manifest[] = [];
  for (const stored of await listStored(folder, 'bases')) {
    if (isArchive(stored)) continue;
    await checkStored(folder, stored);
    const manifest = JSON.parse(await text(await openStored(folder, stored.file, null))) as Manifest;
    if (manifest.format > format)
      throw new Error(
        `The backup in ${folder} was made by jifen ${manifest.jifen}, which writes it in a newer form: restore it with that version.`,
      );
    bases.push(manifest);
  }
  bases.sort((a, b) => (a.endedAt < b.endedAt ? -1 : 1));
  const segmentBytes = bases[0]?.segmentBytes ?? 16 * 2 ** 20;
  const log: Segment[] = [];
  const histories: Named[] = [];
  for (const stored of await listStored(folder, 'log')) {
    const [, name, until] = /^log\/([0-9A-F]{24})\.(\d+)$/.exec(stored.name) ?? [];
    const place = name === undefined ? undefined : parseSegmentName(name, segmentBytes);
    if (place === undefined) histories.push(stored);
    else
      log.push({
        ...stored,
        ...place,
        until: until === '0' ? undefined : Temporal.Instant.fromEpochMilliseconds(Number(until)),
      });
  }
  return { folder, bases, log, histories: histories.filter(({ name }) => historyOf(name) !== undefined) };
}

/** Keys and photos of a base, as they are stored; their names hold their SHA-256. */
export interface FileList {
  keys: string[];
  /** Empty where they lie in a bucket. */
  photos: string[];
}

/** Apart from the manifest, which is read every few minutes: there may be a hundred thousand photos. */
export async function readFileList(folder: string, { files }: Manifest): Promise<FileList> {
  return JSON.parse(await text(await openStored(folder, files.file, null))) as FileList;
}

/** Of the files in `bases`: no manifest. */
export function isArchive({ file }: Named): boolean {
  return /\.gz(\.age)?$/.test(file);
}

/** `log/00000002.history` is of timeline 2. */
export function historyOf(name: string): string | undefined {
  return /^log\/([0-9A-F]{8}\.history)$/.exec(name)?.[1];
}

/** The log that is there for a base: from its beginning without a gap, and the first file after the gap if there is one. */
export function logFrom(set: BackupSet, base: Manifest): { segments: Segment[]; missing: string | undefined } {
  const later = new Map(
    set.log
      .filter(({ timeline, segment }) => timeline === base.timeline && segment >= base.firstSegment)
      .map(one => [one.segment, one]),
  );
  const segments: Segment[] = [];
  for (let next = later.get(base.firstSegment); next !== undefined; next = later.get(next.segment + 1))
    segments.push(next);
  const isWhole = segments.length === later.size && segments.length > base.lastSegment - base.firstSegment;
  const first = segmentName(base.timeline, base.firstSegment + segments.length, base.segmentBytes);
  return { segments, missing: isWhole ? undefined : first };
}

/** What the log that is there for a base reaches to; undefined where even its own part is not whole. */
export function reach(set: BackupSet, base: Manifest): Temporal.Instant | undefined {
  const { segments } = logFrom(set, base);
  if (segments.length <= base.lastSegment - base.firstSegment) return undefined;
  return segments.findLast(({ until }) => until !== undefined)?.until;
}

/** A base's place among others in a file name: `20261129T183000.123Z`. */
export function stampOf(instant: Temporal.Instant): string {
  return iso(instant).replaceAll(/[-:]/g, '');
}
