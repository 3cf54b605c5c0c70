import { and, eq, max } from 'drizzle-orm';
import type { Db, Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import type { Subject } from './subjects.ts';
import { correction } from './tables.ts';

type Key = Pick<Subject, 'village' | 'kind' | 'id'>;

/** 1 for what was never corrected, and one more with each correction. */
export async function versionOf(db: Db, { village, kind, id }: Key): Promise<number> {
  const [row] = await db
    .select({ version: max(correction.version) })
    .from(correction)
    .where(and(eq(correction.village, village), eq(correction.subject, kind), eq(correction.subjectId, id)));
  return row?.version ?? 1;
}

/** The version, as it stands in the header `ETag`. */
export async function etagOf(db: Db, key: Key): Promise<string> {
  return tagOf(await versionOf(db, key));
}

/**
 * Refuses a change by somebody who does not name the version that stands. To be called with the row locked.
 * @param ifMatch the header `If-Match`
 * @throws Refusal `version-required` | `version-stale` (facts: `etag`, the one that stands)
 */
export async function refuseStale(tx: Tx, key: Key, ifMatch: string | undefined): Promise<void> {
  refuseUnlessNamed(ifMatch, await versionOf(tx, key));
}

/**
 * The same for what counts its versions itself. Entity tags are compared strongly (RFC 9110, section 13.1.1); `*` would match
 * whatever is there, and protects nobody.
 * @throws Refusal as above
 */
export function refuseUnlessNamed(ifMatch: string | undefined, version: number): void {
  const named = ifMatch?.split(',').map(tag => tag.trim()) ?? [];
  const etag = tagOf(version);
  if (named.length === 0 || named.includes('*') || named.includes('')) throw new Refusal('version-required', { etag });
  if (!named.includes(etag)) throw new Refusal('version-stale', { etag });
}

/** A version as a strong entity tag (RFC 9110, section 8.8.3): `"7"`. */
export function tagOf(version: number): string {
  return `"${version}"`;
}
