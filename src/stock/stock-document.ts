import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { stockDocument, stockLine } from './tables.ts';

/** The row of a stock document: how it is written, locked and decided. */

export interface DocumentKey {
  village: string;
  documentId: string;
}

export async function insertDocument(
  tx: Tx,
  row: typeof stockDocument.$inferInsert,
  lines: readonly {
    goodsId: string;
    quantity: number;
    costFen?: number | null | undefined;
    expiresOn?: string | null | undefined;
  }[],
): Promise<void> {
  await tx.insert(stockDocument).values(row);
  await tx.insert(stockLine).values(
    lines.map((line, at) => ({
      village: row.village,
      documentId: row.id,
      line: at + 1,
      goodsId: line.goodsId,
      quantity: line.quantity,
      costFen: line.costFen ?? null,
      expiresOn: line.expiresOn ?? null,
    })),
  );
}

/** A draft, which nobody else decides on until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockDraft(tx: Tx, key: DocumentKey): Promise<typeof stockDocument.$inferSelect> {
  const row = one(await tx.select().from(stockDocument).where(byKey(key)).for('update'));
  if (row.state !== 'draft') throw new Refusal('wrong-state', { state: row.state, since: row.decidedAt });
  return row;
}

export async function recordVerdict(
  tx: Tx,
  decidedBy: string,
  key: DocumentKey,
  { state, note }: { state: 'posted' | 'rejected'; note: string | null },
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .update(stockDocument)
    .set({ state, decidedBy, decidedAt: iso(now), decisionNote: note })
    .where(byKey(key));
}

function byKey({ village, documentId }: DocumentKey) {
  return and(eq(stockDocument.village, village), eq(stockDocument.id, documentId));
}
