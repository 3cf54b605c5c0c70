import { spawnSync } from 'node:child_process';
import decodeQR from 'qr/decode.js';
import stringWidth from 'string-width';
import t from 'tap';
import { printed } from '../../src/receipts/text.ts';
import { spokenNumber } from '../../src/redemptions/speech.ts';
import { glyphsOf } from '../support/pdf.ts';
import { isRefused } from '../support/refusal.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('numbers as they are read aloud', async t => {
  const spoken = {
    0: '零',
    7: '七',
    10: '十',
    15: '十五',
    20: '二十',
    21: '二十一',
    100: '一百',
    101: '一百零一',
    110: '一百一十',
    115: '一百一十五',
    1000: '一千',
    1001: '一千零一',
    1010: '一千零一十',
    1100: '一千一百',
    9999: '九千九百九十九',
    10000: '一万',
    10005: '一万零五',
    10500: '一万零五百',
    15000: '一万五千',
    100000: '十万',
    110010: '十一万零一十',
    1000000: '一百万',
  };
  for (const [number, words] of Object.entries(spoken)) t.equal(spokenNumber(Number(number)), words);
});

t.test('long names go on in the next line, and wide characters take two columns', async t => {
  const text = printed(
    [
      {
        kind: 'row',
        cells: [
          { text: '非常非常长的商品名称（大包装）×12', width: 24 },
          { text: '1200', width: 8, align: 'right' },
        ],
      },
      { kind: 'text', align: 'center', size: 2, text: '积分超市' },
      { kind: 'cut' },
    ],
    32,
  );
  t.equal(text, '非常非常长的商品名称（大    1200\n包装）×12\n            积分超市\n');
  for (const line of text.split('\n')) t.ok(stringWidth(line) <= 32);
});

t.test('a receipt on paper and aloud', async t => {
  const shop = await openShop(t, { now: '2026-11-23T02:10:00Z' });
  const { keeper, clerk, service } = shop;
  const soap = await shop.goods('洗衣粉');
  const cut = await shop.goods('理发', { isService: true, unit: '次' });
  await shop.prices({ [soap]: 15, [cut]: 5 });
  await shop.stock({ [soap]: 10 });
  const household = await shop.household(60);
  const { body } = await shop.redeem(clerk, shop.order(household, { [soap]: 2, [cut]: 1 }, { handOver: true }));
  const url = `${at}/redemptions/${body.id}/receipt`;

  const json = await keeper('GET', url);
  t.match([json.status, json.headers['content-type']], [200, 'application/json; charset=utf-8']);
  t.match(json.body, {
    number: body.number,
    opNumber: null,
    synced: true,
    columns: 32,
    speech: '兑换成功，用去三十五分，还剩二十五分。',
  });
  t.match(json.body.blocks[0], { kind: 'text', align: 'center', size: 2, text: '积分超市' });
  t.same(json.body.blocks[8], {
    kind: 'row',
    cells: [
      { text: '洗衣粉 ×2', width: 24 },
      { text: '30', width: 8, align: 'right' },
    ],
  });
  t.same(json.body.blocks.slice(-3), [{ kind: 'qr', text: body.number }, { kind: 'feed', lines: 3 }, { kind: 'cut' }]);

  const text = await keeper('GET', url, undefined, { accept: 'text/plain' });
  t.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(text.text, json.body.text);
  t.equal(
    text.text,
    [
      '            积分超市',
      '      封家湾社区 积分超市',
      '            兑换小票',
      '--------------------------------',
      `单号${body.number.padStart(28)}`,
      '户                   H0001 张*三',
      '时间            2026-11-23 10:10',
      '--------------------------------',
      '洗衣粉 ×2                     30',
      '理发 ×1                        5',
      '--------------------------------',
      '合计                       35 分',
      '剩余积分                   25 分',
      `凭证号${String(body.transactionNumbers[0]).padStart(26)}`,
      '',
    ].join('\n'),
  );
  for (const line of text.text.split('\n')) t.ok(stringWidth(line) <= 32, line);
  t.notMatch(json.text, /张小三|138/, 'masked, though the clerk may see it whole');
  t.match((await clerk('GET', url)).text, /张\*三/);

  await service.givePoints(household, 100);
  t.equal((await keeper('GET', url)).text, json.text, 'printed again, it says the same');
  const pdf = await keeper('GET', url, undefined, { accept: 'application/pdf' });
  t.match([pdf.status, pdf.headers['content-type']], [200, 'application/pdf']);
  const word = await keeper('GET', url, undefined, { accept: 'application/msword, image/*' });
  isRefused(t, word, '406 not-acceptable', { supported: ['application/json', 'text/plain', 'application/pdf'] });

  const wide = await keeper('GET', `${url}?columns=48`, undefined, { accept: 'text/plain' });
  t.ok(wide.text.includes(`${'理发 ×1'.padEnd(48 - 2 - 1)}5\n`), wide.text);
  t.equal(Math.max(...wide.text.split('\n').map(line => stringWidth(line))), 48);

  const own = await service.asHousehold(household);
  t.equal((await own('GET', url)).status, 200);
  const other = await service.asHousehold(await service.household());
  isRefused(t, await other('GET', url), '404 not-found');

  await t.test('a slip for what waits', async t => {
    const waiting = await shop.redeem(own, shop.order(undefined, { [soap]: 1 }, { mode: 'pickup' }));
    const slip = `${at}/redemptions/${waiting.body.id}/receipt`;
    const seen = await own('GET', slip);
    t.equal(seen.body.speech, '预约成功，留出十五分，还剩一百一十分，请十一月三十日十点十分之前取货。');
    t.ok(seen.body.text.includes(waiting.body.pickupCode));
    t.notOk((await keeper('GET', slip)).text.includes(waiting.body.pickupCode), 'the code is the household’s');
    await settled(own, `${at}/redemptions/${waiting.body.id}/cancel`);
    t.equal((await own('GET', slip)).body.speech, '预约已取消，退回十五分，还剩一百二十五分。');
  });
});

t.test('the paper of what came back, in part', async t => {
  const shop = await openShop(t, { now: '2026-11-23T02:10:00Z' });
  const { keeper, clerk, admin } = shop;
  const rice = await shop.goods('六枝特区岩脚镇手工晾晒面条（礼盒装）');
  const soap = await shop.goods('肥皂');
  await shop.prices({ [rice]: 20, [soap]: 3 });
  await shop.stock({ [rice]: 10, [soap]: 10 });
  const household = await shop.household(60);
  const { body } = await shop.redeem(clerk, shop.order(household, { [rice]: 2, [soap]: 1 }, { handOver: true }));
  const lines = [{ goodsId: rice, quantity: 1 }];
  const back = await settled(keeper, `${at}/returns`, {
    redemptionId: body.id,
    lines,
    reason: '包装破损',
    restock: true,
  });
  const paper = `${at}/returns/${back.body.id}/receipt`;
  const asText = async (url: string) => (await keeper('GET', url, undefined, { accept: 'text/plain' })).text;
  t.match(await asText(paper), /退货申请（待审核）[\s\S]*申请退回 +20 分\n原因 +包装破损\n$/);
  const { transactionNumber } = (await settled(admin, `${at}/returns/${back.body.id}/approve`)).body;
  t.equal((await keeper('GET', paper)).body.speech, '退货成功，退回二十分，还剩三十七分。');
  t.equal(
    await asText(paper),
    [
      '            积分超市',
      '      封家湾社区 积分超市',
      '            退货小票',
      '--------------------------------',
      `单号${body.number.padStart(28)}`,
      '户                   H0001 张*三',
      '时间            2026-11-23 10:10',
      '--------------------------------',
      '六枝特区岩脚镇手工晾晒面      20',
      '条（礼盒装） ×1',
      '--------------------------------',
      '退回积分                   20 分',
      '剩余积分                   37 分',
      `凭证号${String(transactionNumber).padStart(26)}`,
      '原因                    包装破损',
      '',
    ].join('\n'),
  );

  const url = `${at}/redemptions/${body.id}/receipt`;
  const order = await keeper('GET', url);
  t.equal(order.body.speech, '兑换用去四十三分，已退回二十分，还剩三十七分。');
  t.match(order.body.text, /兑换小票（部分退货）[\s\S]*　已退 ×1 +-20\n肥皂 ×1 +3\n-+\n合计 +43 分\n已退积分 +20 分\n/);

  for (const columns of [32, 48]) {
    const headers = { accept: 'application/pdf', authorization: `Bearer ${keeper.token}` };
    const pdf = () =>
      shop.service.app.inject({ url: `${url}?columns=${columns}`, headers }).then(got => got.rawPayload);
    const file = await pdf();
    t.ok(file.equals(await pdf()), 'the same file');
    t.equal(glyphsOf(file).missing, 0);
    const code = qrOnPicture(file);
    if (code === undefined) t.comment('no pdftoppm here');
    else t.equal(code, body.number, 'its QR code is read from the picture');
  }
});

/** The text of the QR code on a page, read from its picture; undefined where pdftoppm is not installed. */
function qrOnPicture(pdf: Buffer): string | undefined {
  const shown = spawnSync('pdftoppm', ['-r', '200', '-gray', '-singlefile', '-'], { input: pdf, maxBuffer: 2 ** 26 });
  if (shown.error !== undefined) return undefined;
  const [header, width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(shown.stdout.subarray(0, 40).toString('latin1'))!;
  const gray = shown.stdout.subarray(header.length);
  const data = new Uint8Array(gray.length * 4);
  for (const [n, value] of gray.entries()) data.fill(value, 4 * n, 4 * n + 3).fill(255, 4 * n + 3, 4 * n + 4);
  return decodeQR({ width: Number(width), height: Number(height), data });
}
