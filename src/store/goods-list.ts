import { folded } from '../households/folding.ts';
import { type Cells, cellsReader } from '../rosters/cells.ts';
import { type Header, headingsOf } from '../rosters/columns.ts';
import type { Mistake } from '../rosters/mistakes.ts';
import { type OpenRoster, unreadable } from '../rosters/rows.ts';
import { isGtin } from './goods.ts';
import { goodsMax } from './shapes.ts';

/** What the columns of a list of goods are called. */
const names = {
  sku: ['sku', '货号', '编号', '编码', '商品编号', '商品编码', '商品货号', '物品编号', '物品编码', '货品编号'],
  name: ['name', '名称', '品名', '商品', '商品名称', '商品名', '物品', '物品名称', '货品名称', '兑换物品', '兑换商品'],
  spec: ['spec', 'size', '规格', '规格型号', '型号', '商品规格'],
  unit: ['unit', '单位', '计量单位', '商品单位'],
  barcode: ['barcode', 'ean', '条码', '条形码', '商品条码', '商品条形码', '69码'],
  category: ['category', '类别', '分类', '品类', '商品类别', '商品分类', '物品类别'],
  points: ['points', '积分', '分值', '兑换积分', '所需积分', '兑换分值', '积分价', '积分值', '兑换所需积分'],
  cost: ['cost', '单价', '进价', '成本', '成本价', '采购价', '采购单价', '进货价'],
  min_stock: ['minstock', '最低库存', '库存下限', '最低库存量', '安全库存'],
} as const satisfies Record<string, string[]>;

type GoodsColumn = keyof typeof names;
export const goodsColumns = Object.keys(names) as GoodsColumn[];

export const goodsHeadings = headingsOf<GoodsColumn>(names, {
  several: new Set(),
  missing: found => (['name', 'unit'] as const).filter(column => !found.has(column)),
});

/** Goods as a row of the list has them. */
export interface ListedGoods {
  row: number;
  /** Null where the list has none. */
  sku: string | null;
  name: string;
  unit: string;
  barcode: string | null;
  category: string;
  minStock: number;
  costFen: number | null;
  points: number | null;
}

export interface GoodsList {
  encoding: string;
  sheet: string | null;
  headerRow: number;
  columns: Header<GoodsColumn>['understood'];
  ignored: string[];
  rows: number;
  goods: ListedGoods[];
  mistakes: Mistake[];
}

/**
 * Goods by the rows of a list; those with a mistake are left out, and named. The size belongs to the name: 大米（5公斤）.
 * @throws `unreadable`
 */
export async function readGoodsList(
  { encoding, sheet, otherSheets, header, rows }: OpenRoster<GoodsColumn>,
  progress: (rows: number) => void,
): Promise<GoodsList> {
  const { ignored, understood: columns } = header;
  const mistakes = [...header.mistakes];
  const list: GoodsList = { encoding, sheet, headerRow: header.row, columns, ignored, rows: 0, goods: [], mistakes };
  if (mistakes.length > 0) return list;
  if (otherSheets > 0) mistakes.push({ row: 1, column: '', code: 'sheets-left', facts: { number: otherSheets } });
  const read = cellsReader(header, mistakes);
  const firsts = new Map<string, number>();
  for await (const row of rows) {
    list.rows += 1;
    if (list.rows > goodsMax) throw unreadable('too-many-rows');
    if (list.rows % 1_000 === 0) progress(list.rows);
    const cells = read(row);
    if (cells === undefined) continue;
    const before = mistakes.length;
    const goods = goodsOf(cells);
    refuseTwice(goods, cells, firsts);
    if (mistakes.length === before) list.goods.push(goods);
  }
  if (list.rows === 0) throw unreadable('file-empty');
  return list;
}

function goodsOf({ row, text, written, wrong }: Cells<GoodsColumn>): ListedGoods {
  const spec = written('spec');
  const name = spec === '' || written('name').includes(spec) ? written('name') : `${written('name')}（${spec}）`;
  if (written('name') === '' || name.length > 60) wrong('name', 'goods-name-bad');
  if (written('unit').length < 1 || written('unit').length > 10) wrong('unit', 'unit-bad');
  if (written('category').length > 30) wrong('category', 'category-bad');
  const sku = text('sku');
  if (!/^[A-Za-z0-9._-]{0,20}$/.test(sku)) wrong('sku', 'sku-bad');
  const barcode = text('barcode').replace(/\s/g, '');
  if (barcode !== '' && !(/^[0-9]+$/.test(barcode) && isGtin(barcode))) wrong('barcode', 'barcode-bad');
  const points = wholeOf(text('points'));
  if (points !== null && !(points >= 1 && points <= 100_000)) wrong('points', 'points-bad');
  const minStock = wholeOf(text('min_stock')) ?? 0;
  if (!(minStock >= 0 && minStock <= 1_000_000)) wrong('min_stock', 'min-stock-bad');
  const cost = text('cost').replace(/^[¥￥]|元$/g, '');
  if (cost !== '' && !/^[0-9]{1,7}(?:\.[0-9]{1,2})?$/.test(cost)) wrong('cost', 'cost-bad');
  return {
    ...{ row, sku: sku || null, name, unit: written('unit'), barcode: barcode || null },
    ...{ category: written('category') || '未分类', minStock, points },
    costFen: cost === '' ? null : Math.round(Number(cost) * 100),
  };
}

/** Null for nothing, NaN for what is no whole number. */
function wholeOf(text: string): number | null {
  if (text === '') return null;
  return /^[0-9]{1,7}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** One sku, one barcode, and where a list has neither, one name. */
function refuseTwice(goods: ListedGoods, { row, wrong }: Cells<GoodsColumn>, firsts: Map<string, number>): void {
  const keys = keysOf(goods);
  const first = keys.map(key => firsts.get(key)).find(found => found !== undefined);
  if (first !== undefined) wrong('name', 'goods-twice', { row: first });
  else for (const key of keys) firsts.set(key, row);
}

function keysOf({ sku, barcode, name }: ListedGoods): string[] {
  const keys = [sku && `sku ${sku}`, barcode && `barcode ${barcode.padStart(14, '0')}`].filter(key => key !== null);
  return keys.length > 0 ? keys : [`name ${folded(name)}`];
}
