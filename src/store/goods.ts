import { randomUUIDv7 } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { type GoodsView, getStore, goodsView, type StoreView } from './read.ts';
import { goods, type LimitPer, store } from './tables.ts';

/** Opens a store: an empty shelf with a name. @throws Refusal `already-exists` (the name) */
export async function createStore(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { name: string; place?: string | null | undefined },
  now: Temporal.Instant,
): Promise<StoreView> {
  const id = randomUUIDv7();
  await tx
    .insert(store)
    .values({ village, id, name: input.name, place: input.place ?? null, createdBy: actor.id, createdAt: iso(now) });
  return getStore(tx, village, id);
}

export interface NewGoods {
  sku: string;
  name: string;
  nameEn?: string | null | undefined;
  unit: string;
  barcode?: string | null | undefined;
  category: string;
  isService: boolean;
  minStock: number;
  costFen?: number | null | undefined;
  limitQuantity?: number | null | undefined;
  limitPer?: LimitPer | null | undefined;
}

/**
 * Creates goods, or a service, which has no stock.
 * @throws Refusal `already-exists` (sku or barcode) | `validation-failed` (check digit) | `out-of-bounds` (a minimum
 *   stock of a service)
 */
export async function createGoods(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewGoods,
  now: Temporal.Instant,
): Promise<GoodsView> {
  refuseWrongGoods(input);
  const [row] = await tx
    .insert(goods)
    .values({
      ...input,
      village,
      id: randomUUIDv7(),
      nameEn: input.nameEn ?? null,
      barcode: input.barcode ?? null,
      costFen: input.costFen ?? null,
      limitQuantity: input.limitQuantity ?? null,
      limitPer: input.limitPer ?? null,
      createdBy: actor.id,
      createdAt: iso(now),
    })
    .returning();
  return goodsView(row!);
}

/** What the schema cannot say. @throws Refusal `validation-failed` (check digit; half a limit) | `out-of-bounds` (a minimum stock of a service) */
export function refuseWrongGoods({
  barcode,
  isService,
  minStock,
  limitQuantity,
  limitPer,
}: Pick<NewGoods, 'barcode' | 'isService' | 'minStock' | 'limitQuantity' | 'limitPer'>): void {
  if (barcode != null && !isGtin(barcode)) {
    throw malformed('/barcode', 'checkDigit', {
      zh: '商品条码的校验位不对，请重新扫码或核对。',
      en: 'The check digit of the barcode is wrong.',
    });
  }
  if ((limitQuantity == null) !== (limitPer == null)) {
    throw malformed(limitPer == null ? '/limitPer' : '/limitQuantity', 'dependency', {
      zh: '每户限兑的数量和周期须同时填写，或都不填。',
      en: 'A limit per household has a quantity and a period, or neither.',
    });
  }
  if (isService && minStock > 0) throw new Refusal('out-of-bounds', { field: 'minStock', min: 0, max: 0 });
}

/** Takes goods off every offer. What lies on a shelf stays there. @throws Refusal `not-found` | `wrong-state` */
export async function archiveGoods(
  tx: Tx,
  actor: Actor,
  key: { village: string; goodsId: string },
  now: Temporal.Instant,
): Promise<GoodsView> {
  return setArchived(tx, key, { archivedBy: actor.id, archivedAt: iso(now) });
}

/** The opposite of `archiveGoods`. @throws Refusal `not-found` | `wrong-state` */
export async function restoreGoods(tx: Tx, key: { village: string; goodsId: string }): Promise<GoodsView> {
  return setArchived(tx, key, { archivedBy: null, archivedAt: null });
}

async function setArchived(
  tx: Tx,
  key: { village: string; goodsId: string },
  to: { archivedBy: string | null; archivedAt: string | null },
): Promise<GoodsView> {
  const byKey = and(eq(goods.village, key.village), eq(goods.id, key.goodsId));
  const before = one(await tx.select().from(goods).where(byKey).for('update'));
  if ((before.archivedAt === null) === (to.archivedAt === null)) {
    throw new Refusal('wrong-state', { state: goodsView(before).state, since: before.archivedAt });
  }
  const [row] = await tx.update(goods).set(to).where(byKey).returning();
  return goodsView(row!);
}

/**
 * Whether a number of 8, 12, 13 or 14 digits ends with its check digit: weights 3 and 1 in turn, from the left of 14 digits.
 * Source: GS1 General Specifications, section on check digits.
 */
export function isGtin(barcode: string): boolean {
  const digits = [...barcode.padStart(14, '0')];
  const sum = digits.reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 3 : 1), 0);
  return [8, 12, 13, 14].includes(barcode.length) && sum % 10 === 0;
}

/** @throws Refusal `validation-failed` when a list of the body names goods twice */
export function refuseRepeats(items: readonly { goodsId: string }[], list: string): void {
  const at = items.findIndex((item, index) => items.findIndex(other => other.goodsId === item.goodsId) < index);
  if (at === -1) return;
  throw malformed(`/${list}/${at}/goodsId`, 'uniqueItems', {
    zh: '同一商品只能填一行，请合并数量。',
    en: 'Goods may appear only once.',
  });
}
