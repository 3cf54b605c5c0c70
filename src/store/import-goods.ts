import { eq } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import { folded } from '../households/folding.ts';
import type { Actor } from '../http/route.ts';
import { type Mistake, wordsOf } from '../rosters/mistakes.ts';
import { readApart } from '../rosters/read-apart.ts';
import { mistakeIn } from '../rosters/rows.ts';
import { createGoods } from './goods.ts';
import type { GoodsList, ListedGoods } from './goods-list.ts';
import { goodsMax } from './shapes.ts';
import { goods } from './tables.ts';

/** Told of a file that is nothing but mistakes. */
const mistakesMax = 1_000;

/** Long enough for two thousand rows, and short enough for whoever waits for the answer. */
const readingMaxMs = 30_000;

interface GoodsImportView {
  dryRun: boolean;
  encoding: string | null;
  sheet: string | null;
  headerRow: number | null;
  columns: GoodsList['columns'];
  ignoredColumns: string[];
  rows: number;
  created: number;
  alreadyThere: number;
  mistakes: { row: number; column: string | null; code: string; zh: string; en: string }[];
  /** What the list says each costs, as a price list has it. Of goods that a dry run would create, the id is null. */
  items: { row: number; goodsId: string | null; sku: string; name: string; points: number | null }[];
}

/** Reads a list of goods, before any database transaction. `file` goes over to the thread that reads it. */
export async function readGoodsFile(file: Buffer, format: 'csv' | 'xlsx'): Promise<GoodsList> {
  const thread = new URL('./goods-reading-thread.ts', import.meta.url);
  // A copy: the body is looked at again, for its digest.
  const task = { file: new Uint8Array(file), format };
  try {
    return await readApart<GoodsList>(thread, task, async () => undefined, { maxMs: readingMaxMs });
  } catch (error) {
    const code = mistakeIn(error);
    if (code === undefined) throw error;
    const facts: Mistake['facts'] = code === 'too-many-rows' ? { number: goodsMax } : {};
    const mistakes = [{ row: 1, column: '', code, facts }];
    return { encoding: '', sheet: null, headerRow: 0, columns: [], ignored: [], rows: 0, goods: [], mistakes };
  }
}

/**
 * Enters goods of a list that the catalogue does not have; those that it has stay as they are, so that the same file twice
 * changes nothing. Goods are known by their sku, else their barcode, else their name. A dry run enters none.
 * @throws Refusal `already-exists`: somebody enters the same goods at this moment
 */
export async function importGoods(
  tx: Tx,
  actor: Actor,
  village: string,
  { list, dryRun }: { list: GoodsList; dryRun: boolean },
  now: Temporal.Instant,
): Promise<GoodsImportView> {
  const known = await tx.select().from(goods).where(eq(goods.village, village));
  const bySku = new Map(known.map(row => [row.sku, row]));
  const byBarcode = new Map(known.filter(row => row.barcode !== null).map(row => [barcodeKey(row.barcode!), row]));
  const byName = new Map(known.map(row => [folded(row.name), row]));
  const mistakes = [...list.mistakes];
  const items: GoodsImportView['items'] = [];
  const nextSku = skusAfter([...bySku.keys(), ...list.goods.map(one => one.sku ?? '')]);
  let created = 0;
  for (const one of list.goods) {
    const [sku, barcode] = [one.sku && bySku.get(one.sku), one.barcode && byBarcode.get(barcodeKey(one.barcode))];
    const there =
      sku || barcode || (one.sku === null && one.barcode === null ? byName.get(folded(one.name)) : undefined);
    if (there && (folded(there.name) !== folded(one.name) || (barcode && barcode !== there))) {
      const [column, code] = sku ? (['sku', 'sku-taken'] as const) : (['barcode', 'barcode-taken'] as const);
      mistakes.push({ row: one.row, column, code, facts: {} });
      continue;
    }
    const { row, name, points } = one;
    if (there) items.push({ row, goodsId: there.id, sku: there.sku, name, points });
    else {
      const fresh = { ...withoutPlace(one), sku: one.sku ?? nextSku(), isService: false };
      const goodsId = dryRun ? null : (await createGoods(tx, actor, village, fresh, now)).id;
      items.push({ row, goodsId, sku: fresh.sku, name, points });
      created += 1;
    }
  }
  mistakes.sort((a, b) => a.row - b.row);
  return {
    ...{ dryRun, encoding: list.encoding || null, sheet: list.sheet, headerRow: list.headerRow || null },
    ...{ columns: list.columns, ignoredColumns: list.ignored, rows: list.rows },
    ...{ created, alreadyThere: items.length - created, items },
    mistakes: mistakes
      .slice(0, mistakesMax)
      .map(({ row, column, code, facts }) => ({ row, column: column || null, code, ...wordsOf({ code, facts }) })),
  };
}

function withoutPlace({ row: _, points: __, ...known }: ListedGoods) {
  return known;
}

function barcodeKey(barcode: string): string {
  return barcode.padStart(14, '0');
}

/** The next of `G0001`, `G0002` …, after all that there are. */
function skusAfter(skus: string[]): () => string {
  const numbers = skus.map(sku => Number(/^G([0-9]{1,9})$/.exec(sku)?.[1] ?? 0));
  let last = numbers.reduce((most, number) => Math.max(most, number), 0);
  return () => {
    last += 1;
    return `G${String(last).padStart(4, '0')}`;
  };
}
