import { and, eq } from 'drizzle-orm';
import { correct, type Patch } from '../corrections/correct.ts';
import type { Subject } from '../corrections/subjects.ts';
import { refuseStale } from '../corrections/versions.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getStockDocument, type StockDocumentView } from './read.ts';
import type { DocumentKey } from './stock-document.ts';
import { stockDocument } from './tables.ts';

export function stockDocumentSubject({ village, documentId }: DocumentKey): Subject {
  return { village, kind: 'stockDocument', id: documentId, householdId: null };
}

/**
 * Corrects what a stock document says of supplier, invoice or loss. Its goods and pieces are the book's: a draft that has them
 * wrong is rejected, and what was posted wrong is put right by another document. What somebody else has agreed to, whoever
 * drafted it no longer changes alone.
 * @throws Refusal `not-found` | `version-required` | `version-stale` | `wrong-state` (it was rejected) |
 *   `second-person-required` (facts: `firstUserId`)
 */
export async function updateStockDocument(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  { patch, ifMatch }: { patch: Patch<{ reason: string }>; ifMatch: string | undefined },
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  const { village, documentId } = key;
  const byKey = and(eq(stockDocument.village, village), eq(stockDocument.id, documentId));
  const row = one(await tx.select().from(stockDocument).where(byKey).for('no key update'));
  const subject = stockDocumentSubject(key);
  await refuseStale(tx, subject, ifMatch);
  const { reason, state, draftedBy } = row;
  if (state === 'rejected') throw new Refusal('wrong-state', { state, since: row.decidedAt });
  if (state === 'posted' && draftedBy === actor.id) {
    throw new Refusal('second-person-required', { firstUserId: draftedBy });
  }
  const changed = await correct(tx, actor.id, subject, { fields: { reason }, patch }, now);
  if (Object.keys(changed).length > 0) await tx.update(stockDocument).set(changed).where(byKey);
  return getStockDocument(tx, village, documentId);
}
