import { and, desc, eq, gte, lt } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Soundness } from './findings.ts';
import { verification } from './tables.ts';

type VerificationView = Soundness & { checkedAt: string };

export async function findLastVerification(db: Db, village: string): Promise<VerificationView | undefined> {
  const [row] = await db
    .select()
    .from(verification)
    .where(eq(verification.village, village))
    .orderBy(desc(verification.checkedAt))
    .limit(1);
  return row && viewOf(row);
}

/** The newest first. */
export async function listVerifications(
  db: Db,
  village: string,
  query: { sound?: boolean | undefined; limit: number; cursor?: string | undefined },
): Promise<Page<VerificationView>> {
  const { sound } = query;
  const filters = { list: 'verifications', village, sound };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(verification)
    .where(
      and(
        eq(verification.village, village),
        sound === undefined ? undefined : eq(verification.sound, sound),
        start && lt(verification.checkedAt, start[0]),
      ),
    )
    .orderBy(desc(verification.checkedAt))
    .limit(query.limit + 1);
  return page(rows.map(viewOf), query.limit, filters, row => [row.checkedAt]);
}

/** Those of a span of time that found something, the newest first. */
export async function listUnsound(
  db: Db,
  village: string,
  { fromAt, toAt }: { fromAt: string; toAt: string },
): Promise<VerificationView[]> {
  const rows = await db
    .select()
    .from(verification)
    .where(
      and(
        eq(verification.village, village),
        eq(verification.sound, false),
        gte(verification.checkedAt, fromAt),
        lt(verification.checkedAt, toAt),
      ),
    )
    .orderBy(desc(verification.checkedAt));
  return rows.map(viewOf);
}

function viewOf(row: typeof verification.$inferSelect): VerificationView {
  const { number, sound, headHash, rootHash, checks, checkedAt } = row;
  return { sound, number, headHash: headHash.toString('hex'), rootHash: rootHash.toString('hex'), checks, checkedAt };
}
