import { writeXlsx } from 'hucre/xlsx';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { at, openShop } from '../support/shop.ts';

t.setTimeout(900_000);

const shop = await openShop(t);
const { keeper, clerk } = shop;

const send = (text: string | Buffer, query = '', type = 'text/csv') =>
  keeper('POST', `${at}/goods-imports${query}`, text, {
    'content-type': type,
    'idempotency-key': crypto.randomUUID(),
  });
const catalogue = async () => (await keeper('GET', `${at}/goods?limit=200`)).body.data;
const mistakesOf = (body: { mistakes: { row: number; column: string | null; code: string }[] }) =>
  body.mistakes.map(({ row, column, code }) => `${row} ${column} ${code}`);

const list = [
  '积分超市商品表,,,,,,,',
  '货号,商品名称,规格,单位,条码,兑换积分,进价（元）,库存',
  'A01,大米,5公斤,袋,2000000000015,39,35.10,40',
  ',菜籽油,,桶,,,¥62.5,10',
  ',食盐,400g,包,,3,,7',
  '合计,,,,,,,57',
].join('\n');

t.test('a list is looked at first, then entered, and entered again it changes nothing', async t => {
  const dry = await send(list);
  t.match(
    [dry.status, dry.body],
    [200, { dryRun: true, rows: 4, created: 3, alreadyThere: 0, headerRow: 2 }],
    dry.text,
  );
  t.strictSame(dry.body.ignoredColumns, ['库存']);
  t.strictSame(
    dry.body.columns.map(({ column, heading }: { column: string; heading: string }) => `${heading}: ${column}`),
    [
      '货号: sku',
      '商品名称: name',
      '规格: spec',
      '单位: unit',
      '条码: barcode',
      '兑换积分: points',
      '进价（元）: cost',
    ],
  );
  t.strictSame(mistakesOf(dry.body), ['6 null row-left']);
  t.strictSame(await catalogue(), [], 'nothing is entered yet');

  const made = await send(list, '?dryRun=false');
  t.match([made.status, made.body], [200, { dryRun: false, created: 3 }], made.text);
  const entered = await catalogue();
  t.match(entered, [
    { sku: 'A01', name: '大米（5公斤）', unit: '袋', barcode: '2000000000015', costFen: 3510, category: '未分类' },
    { sku: 'G0001', name: '菜籽油', unit: '桶', barcode: null, costFen: 6250 },
    { sku: 'G0002', name: '食盐（400g）', costFen: null },
  ]);
  t.strictSame(
    made.body.items.map((item: { goodsId: string; points: number | null }) => [item.goodsId, item.points]),
    entered.map(({ id }: { id: string }, place: number) => [id, [39, null, 3][place]]),
    'with what each costs, for a price list',
  );

  const again = await send(list, '?dryRun=false');
  t.match(again.body, { created: 0, alreadyThere: 3 });
  t.strictSame(await catalogue(), entered);
});

t.test('every mistake is named by its row, and the other goods are entered', async t => {
  const { body } = await send(
    [
      '品名,计量单位,货号,条形码,积分,最低库存',
      ',袋,,,,',
      '面粉,,,,,',
      '面条,把,编号 1,,,',
      '酱油,瓶,,6901234567891,,',
      '陈醋,瓶,,,0,',
      '白糖,包,,,,半包',
      '红糖,包,H1,,,',
      '红糖二,包,H1,,,',
      '别的大米,袋,A01,,,',
      '别的油,桶,,2000000000015,,',
      '冰糖,包,,,12,3',
    ].join('\n'),
    '?dryRun=false',
  );
  t.strictSame(mistakesOf(body), [
    '2 name goods-name-bad',
    '3 unit unit-bad',
    '4 sku sku-bad',
    '5 barcode barcode-bad',
    '6 points points-bad',
    '7 min_stock min-stock-bad',
    '9 name goods-twice',
    '10 sku sku-taken',
    '11 barcode barcode-taken',
  ]);
  t.strictSame(
    body.items.map(({ sku, name }: { sku: string; name: string }) => `${sku} ${name}`),
    ['H1 红糖', 'G0003 冰糖'],
  );
  t.match((await catalogue()).at(-2), { sku: 'G0003', minStock: 3 });
});

t.test('a workbook, a file that is none, and one without a name', async t => {
  const book = await writeXlsx({
    sheets: [
      {
        name: '商品',
        rows: [
          ['商品名称', '单位', '编号'],
          ['牙膏', '支', 'X1'],
        ],
      },
    ],
  });
  const xlsx = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
  t.match((await send(Buffer.from(book), '', xlsx)).body, { sheet: '商品', created: 1, items: [{ sku: 'X1' }] });
  t.strictSame(mistakesOf((await send(Buffer.from('PK?'), '', xlsx)).body), ['1 null file-unreadable']);
  t.strictSame(mistakesOf((await send('货号,单位\nA9,袋\n')).body), ['1 name column-missing']);
  const many = Array.from({ length: 2_001 }, (_, place) => `商品${place},袋`).join('\n');
  t.strictSame(mistakesOf((await send(`品名,单位\n${many}\n`)).body), ['1 null too-many-rows']);
  const whole = await send(`品名,单位\n${many.slice(0, many.lastIndexOf('\n'))}\n`);
  t.match(whole.body, { rows: 2_000, created: 2_000 });
  isRefused(t, await send('品名,单位\n', '?dryrun=false'), '400 validation-failed', {
    errors: ['/querystring/dryrun additionalProperties'],
  });
  const refused = await clerk('POST', `${at}/goods-imports`, list, { 'content-type': 'text/csv' });
  isRefused(t, refused, '403 forbidden', { requiredRoles: ['storekeeper', 'villageAdmin'] });
});
