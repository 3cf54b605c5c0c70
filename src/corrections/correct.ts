import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Subject } from './subjects.ts';
import { correction } from './tables.ts';
import { versionOf } from './versions.ts';

/** Fields that can be corrected, as the table holds them. */
type Fields = Record<string, string | number | boolean | null>;

/** What a merge patch says (RFC 7396): absent means unchanged, null cleared. */
export type Patch<T extends Fields> = { [K in keyof T]?: T[K] | undefined };

/** The fields that a patch changes: what is as it was is no change. */
export function changesIn<T extends Fields>(fields: T, patch: Patch<T>): Partial<T> {
  const changed = Object.keys(fields).filter(field => patch[field] !== undefined && patch[field] !== fields[field]);
  return Object.fromEntries(changed.map(field => [field, patch[field]])) as Partial<T>;
}

/**
 * Writes down which fields of something change, from what to what, by whom and when, and answers those: the caller, who owns
 * the table and has locked the row, writes them. Without any (`changesIn`), nothing is written and the version stays.
 * @param fields those that can be corrected, as they are
 * @param by the user who corrects
 */
export async function correct<T extends Fields>(
  tx: Tx,
  by: string,
  subject: Subject,
  { fields, patch }: { fields: T; patch: Patch<T> },
  now: Temporal.Instant,
): Promise<Partial<T>> {
  const changed = changesIn(fields, patch);
  if (Object.keys(changed).length === 0) return changed;
  const version = 1 + (await versionOf(tx, subject));
  const fieldsChanged = Object.keys(changed);
  // In their order, which is that of their ids.
  const ids = fieldsChanged.map(() => randomUUIDv7()).sort();
  await tx.insert(correction).values(
    fieldsChanged.map((field, place) => ({
      village: subject.village,
      id: ids[place]!,
      subject: subject.kind,
      subjectId: subject.id,
      version,
      householdId: subject.householdId,
      field,
      oldValue: textOf(fields[field] ?? null),
      newValue: textOf(changed[field] ?? null),
      byUser: by,
      at: iso(now),
    })),
  );
  return changed;
}

function textOf(value: Fields[string]): string | null {
  return value === null ? null : String(value);
}
