import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { goodsAccounts, skuOf, supply } from '../ledger/accounts.ts';
import { openAccounts } from '../ledger/post.ts';
import { stockReceipt, stockWriteOff } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { getStore, goodsById } from '../store/read.ts';
import { getStockDocument, type StockDocumentView } from './read.ts';
import { type DocumentKey, insertDocument, lockDraft, recordVerdict } from './stock-document.ts';

interface NewStockDocument {
  type: 'receipt' | 'writeOff';
  storeId: string;
  reason: string;
  lines: {
    goodsId: string;
    quantity: number;
    costFen?: number | null | undefined;
    expiresOn?: string | null | undefined;
  }[];
}

/**
 * Writes down goods that came in or are to be written off. Nothing moves before another person has agreed.
 * @throws Refusal `not-found` (store, goods) | `out-of-bounds` (a line of a service; goods that have expired)
 */
export async function draftStockDocument(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewStockDocument,
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  await getStore(tx, village, input.storeId);
  const found = await goodsById(
    tx,
    village,
    input.lines.map(line => line.goodsId),
  );
  const service = input.lines.findIndex(line => found.get(line.goodsId)!.isService);
  if (service !== -1) throw new Refusal('out-of-bounds', { field: `lines/${service}/quantity`, min: 0, max: 0 });
  refuseExpired(input, now);
  const id = randomUUIDv7();
  await insertDocument(
    tx,
    {
      village,
      id,
      type: input.type,
      storeId: input.storeId,
      reason: input.reason,
      state: 'draft',
      draftedBy: actor.id,
      draftedAt: iso(now),
    },
    input.lines,
  );
  return getStockDocument(tx, village, id);
}

/**
 * Posts a draft: the goods reach the shelf, or leave it.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `out-of-bounds` (expired meanwhile) |
 *   `insufficient-stock`
 */
export async function postStockDocument(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  const view = await decide(tx, actor, key, { state: 'posted', note: null }, now);
  refuseExpired(view, now);
  const { village } = key;
  const goodsIds = [...new Set(view.lines.map(line => line.goodsId))];
  await openAccounts(
    tx,
    village,
    goodsIds.flatMap(id => [
      ...goodsAccounts(view.storeId, id),
      ...(view.type === 'receipt' ? [{ code: supply(view.id), asset: skuOf(id) }] : []),
    ]),
  );
  const event = {
    actor: view.draftedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const order = { documentId: view.id, storeId: view.storeId, lines: view.lines };
  const posted = await postOrder(
    tx,
    village,
    view.type === 'receipt' ? stockReceipt(event, order) : stockWriteOff(event, order),
  );
  return { ...view, transactionNumber: posted.number };
}

/** Turns a draft down. @throws Refusal `not-found` | `wrong-state` | `second-person-required` */
export async function rejectStockDocument(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  note: string,
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  return decide(tx, actor, key, { state: 'rejected', note }, now);
}

async function decide(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  verdict: { state: 'posted' | 'rejected'; note: string | null },
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  const { draftedBy } = await lockDraft(tx, key);
  if (draftedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: draftedBy });
  await recordVerdict(tx, actor.id, key, verdict, now);
  return getStockDocument(tx, key.village, key.documentId);
}

/** What has expired is not received: it is looked at at the door, and once more when the document is posted. */
function refuseExpired(
  input: { type: string; lines: { expiresOn?: string | null | undefined }[] },
  now: Temporal.Instant,
): void {
  if (input.type !== 'receipt') return;
  const today = dayOf(now);
  const at = input.lines.findIndex(line => line.expiresOn != null && line.expiresOn <= today.toString());
  if (at === -1) return;
  throw new Refusal('out-of-bounds', {
    field: `lines/${at}/expiresOn`,
    min: today.add({ days: 1 }).toString(),
    max: null,
  });
}
