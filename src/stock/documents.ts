import { randomUUIDv7 } from 'node:crypto';
import type { Static } from 'typebox';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { type AccountKey, countAccount, goodsAccounts, skuOf, supply } from '../ledger/accounts.ts';
import { openAccounts } from '../ledger/post.ts';
import {
  type Command,
  type Event,
  stockCount,
  stockIssue,
  stockReceipt,
  stockTransfer,
  stockWriteOff,
} from '../ledger/transactions.ts';
import { giveBackPhotos, usePhotos } from '../photos/use.ts';
import { malformed, Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { getStore, goodsById } from '../store/read.ts';
import { getStockDocument, type StockDocumentView } from './read.ts';
import type { StockDocumentCreate } from './schemas.ts';
import { type DocumentKey, insertDocument, lockDraft, recordVerdict } from './stock-document.ts';
import type { DocumentType } from './tables.ts';

/** By these, goods come in. */
const receipts: ReadonlySet<DocumentType> = new Set(['receipt', 'purchase', 'donation']);

/** Goods of a paper, with what it says beside them: of each kind its own (`schemas.ts`). */
type NewStockDocument = Static<typeof StockDocumentCreate>;

/**
 * Writes down goods that came in, go elsewhere or are to be written off. Nothing moves before another person has agreed.
 * @throws Refusal `not-found` (store, goods, photos) | `already-exists` (the supplier's invoice) | `photo-reused` |
 *   `out-of-bounds` (a line of a service; goods that have expired; a transfer to the same store)
 */
export async function draftStockDocument(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewStockDocument,
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  await getStore(tx, village, input.storeId);
  if (input.type === 'transfer') await refuseSameStore(tx, village, input);
  const found = await goodsById(
    tx,
    village,
    input.lines.map(line => line.goodsId),
  );
  const service = input.lines.findIndex(line => found.get(line.goodsId)!.isService);
  if (service !== -1) throw new Refusal('out-of-bounds', { field: `lines/${service}/quantity`, min: 0, max: 0 });
  refuseExpired(input, now);
  const id = randomUUIDv7();
  const { lines, photoIds = [], ...said } = input;
  await usePhotos(tx, village, { claimId: id, householdId: null, photoIds }, now);
  const row = { ...said, photoIds, village, id, state: 'draft' as const, draftedBy: actor.id, draftedAt: iso(now) };
  await insertDocument(tx, row, lines);
  return getStockDocument(tx, village, id);
}

async function refuseSameStore(
  tx: Tx,
  village: string,
  { storeId, toStoreId }: { storeId: string; toStoreId: string },
) {
  await getStore(tx, village, toStoreId);
  if (toStoreId !== storeId) return;
  throw malformed('/toStoreId', 'dependency', {
    zh: '调入的兑换点不能与调出的相同。',
    en: 'Goods go to another store than the one they come from.',
  });
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
  await openAccounts(
    tx,
    village,
    [...new Set(view.lines.map(line => line.goodsId))].flatMap(goodsId => accountsOf(view, goodsId)),
  );
  const event = {
    actor: view.draftedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const posted = await postOrder(tx, village, commandOf(event, view));
  return { ...view, transactionNumber: posted.number };
}

function accountsOf({ type, id, storeId, toStoreId }: StockDocumentView, goodsId: string): AccountKey[] {
  const accounts = goodsAccounts(storeId, goodsId);
  if (receipts.has(type)) accounts.push({ code: supply(id), asset: skuOf(goodsId) });
  if (toStoreId !== null) accounts.push(...goodsAccounts(toStoreId, goodsId));
  if (type === 'countShortage' || type === 'countSurplus') accounts.push(countAccount(goodsId));
  return accounts;
}

function commandOf(event: Event, view: StockDocumentView): Command {
  const { type, id: documentId, storeId, toStoreId, lines } = view;
  const document = { documentId, storeId, lines };
  switch (type) {
    case 'issue':
      return stockIssue(event, document);
    case 'transfer':
      return stockTransfer(event, { ...document, toStoreId: toStoreId! });
    case 'writeOff':
      return stockWriteOff(event, document);
    case 'countShortage':
    case 'countSurplus':
      return stockCount(event, { ...document, type });
    default:
      return stockReceipt(event, document);
  }
}

/** Turns a draft down; another may have its invoice and photos. @throws Refusal `not-found` | `wrong-state` | `second-person-required` */
export async function rejectStockDocument(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  note: string,
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  const view = await decide(tx, actor, key, { state: 'rejected', note }, now);
  await giveBackPhotos(tx, key.village, view.id, view.photoIds);
  return view;
}

async function decide(
  tx: Tx,
  actor: Actor,
  key: DocumentKey,
  verdict: { state: 'posted' | 'rejected'; note: string | null },
  now: Temporal.Instant,
): Promise<StockDocumentView> {
  const { draftedBy, countedBy } = await lockDraft(tx, key);
  if (draftedBy === actor.id || countedBy === actor.id) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }
  await recordVerdict(tx, actor.id, key, verdict, now);
  return getStockDocument(tx, key.village, key.documentId);
}

/** What has expired is not received: it is looked at at the door, and once more when the document is posted. */
function refuseExpired(
  input: { type: DocumentType; lines: { expiresOn?: string | null | undefined }[] },
  now: Temporal.Instant,
): void {
  if (!receipts.has(input.type)) return;
  const today = dayOf(now);
  const at = input.lines.findIndex(line => line.expiresOn != null && line.expiresOn <= today.toString());
  if (at === -1) return;
  throw new Refusal('out-of-bounds', {
    field: `lines/${at}/expiresOn`,
    min: today.add({ days: 1 }).toString(),
    max: null,
  });
}
