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

/**
 * Writes down which fields of something change, from what to what, by whom and when, and answers those: the caller, who owns
 * the table and has locked the row, writes them. What is as it was is no change; without any, nothing is written and the
 * version stays.
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
  const changed = Object.keys(fields).filter(field => patch[field] !== undefined && patch[field] !== fields[field]);
  if (changed.length === 0) return {};
  const version = 1 + (await versionOf(tx, subject));
  await tx.insert(correction).values(
    changed.map(field => ({
      village: subject.village,
      id: randomUUIDv7(),
      subject: subject.kind,
      subjectId: subject.id,
      version,
      householdId: subject.householdId,
      field,
      oldValue: textOf(fields[field]!),
      newValue: textOf(patch[field]!),
      byUser: by,
      at: iso(now),
    })),
  );
  return Object.fromEntries(changed.map(field => [field, patch[field]])) as Partial<T>;
}

function textOf(value: Fields[string]): string | null {
  return value === null ? null : String(value);
}
