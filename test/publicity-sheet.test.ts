import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { type Test, t } from 'tap';
import { manyHouseholds } from './support/expiry.ts';
import { textOfPdf } from './support/pdf.ts';
import { at, type Board, openBoard, publicAt } from './support/publicity.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import type { Service } from './support/service.ts';

t.setTimeout(900_000);

const browserPath = '/usr/bin/chromium';
const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const longTitle = '参加村组环境清扫并协助邻里整理房前屋后柴草堆放及沟渠清淤（含节假日）<b>&"\'';
const people = [
  '张小三',
  '李四',
  '阿卜杜热合曼·买买提依明·吐尔逊江·阿不力孜·古丽巴哈尔·艾尔肯',
  '䶮䶮䶮',
  '𠮷野𠮷',
  '🀄麻🀄',
  '<script>alert(1)</script>',
  'ئابدۇراخمان',
];

t.test('the sheet: masked, with everything a villager needs to know', async t => {
  const board = await openBoard(t);
  const { notice, homes } = await strangeNotice(board);
  const url = `${publicAt}/notices/${notice.id}`;
  const { service } = board;

  const shown = await service.anonymous('GET', url);
  t.match(shown.body, { number: notice.number, totals: { onNotice: 6, paused: 1, cancelled: 1, posted: 1 } });
  t.match(shown.body.lines.data[0], { headName: '张*三', groupName: '第一组', ruleTitle: longTitle, unit: '人次' });
  t.strictSame(Object.keys(shown.body.lines.data[0]).sort(), [
    'awardId',
    'groupName',
    'headName',
    'householdNumber',
    'place',
    'points',
    'quantity',
    'ruleTitle',
    'state',
    'unit',
  ]);
  const listed = await service.anonymous('GET', `${publicAt}/notices`);
  t.match(listed.body.data, [{ id: notice.id, lineCount: 9 }]);
  const kiosk = await service.asKiosk();
  t.equal((await kiosk('GET', url)).text, shown.text, 'a kiosk sees the same');
  isRefused(t, await service.anonymous('GET', `${publicAt}/notices/${homes[0]}`), '404 not-found');
  isRefused(t, await service.anonymous('GET', `${publicAt}/notices/${homes[0]}/sheet`), '404 not-found');

  const html = await service.anonymous('GET', `${url}/sheet?format=html`);
  t.equal(html.headers['content-type'], 'text/html; charset=utf-8');
  for (const text of [shown.text, listed.text, html.text]) {
    for (const secret of ['张小三', '李四', '13812341234', '0015', '买买提', '登记错户', '当天没有看见', ...homes]) {
      t.notOk(text.includes(secret), secret);
    }
    t.notOk(text.includes(board.publisher.actor.id) || text.includes(board.clerk.actor.id));
  }
  t.notMatch(html.text, /<script|<b>| on\w+=/);
  await t.test('in a browser', t => inBrowser(t, board, `${url}/sheet?format=html`));
  await t.test('as PDF', async t => {
    const bytes = await download(service, `${url}/sheet`);
    if (process.env.JIFEN_SHEETS !== undefined) await writeFile(`${process.env.JIFEN_SHEETS}/short.pdf`, bytes);
    const words = textOfPdf(bytes);
    if (words === undefined) return t.pass('skipped: needs pdftotext');
    for (const word of expected) t.match(words.replaceAll(/\s+/g, ''), word);
    t.match(words, '䶮*䶮');
    t.notMatch(words, '张小三');
  });
});

t.test('a thousand lines', async t => {
  const board = await openBoard(t);
  const homes = await manyHouseholds(board.service, 1_000, () => 0, null);
  await board.award(homes);
  const notice = await board.publish();
  const bytes = await download(board.service, `${publicAt}/notices/${notice.id}/sheet?format=pdf`);
  if (process.env.JIFEN_SHEETS !== undefined) await writeFile(`${process.env.JIFEN_SHEETS}/long.pdf`, bytes);
  t.ok(bytes.length < 1_000_000, `${bytes.length} bytes`);
  const words = textOfPdf(bytes);
  if (words === undefined) return t.pass('skipped: needs pdftotext');
  for (const number of ['M00000', 'M00499', 'M00999']) t.match(words, number);
  const pages = Number(/第 1 页，共 (\d+) 页/.exec(words)![1]);
  t.match(words, `第 ${pages} 页，共 ${pages} 页`);
  t.equal(words.split('\f').length - 1, pages, 'as many as it says');
  t.match(words, '合计：1,000 项，5,000 分');
});

const expected = [
  '封家湾社区积分公示',
  'GS-20261123-1',
  '2026年11月24日至2026年11月26日（3个整天）',
  '张*三',
  '李*',
  '已入账',
  '有异议',
  '已撤销',
  '合计：8项，38分',
  '2026年11月26日24时前',
  '监督小组签字',
];

/** Names of every kind, a title as long as there is, and a line in each state. */
async function strangeNotice(board: Board) {
  const { service } = board;
  const rules = await adoptRules(
    service,
    [
      ruleDraft('ENV03', { title: longTitle, unit: '人次' }),
      ruleDraft('EXE01', { title: '敬老', publicity: 'exempt', points: 3 }),
    ],
    { inForceFrom: '2026-11-01' },
  );
  const homes: string[] = [];
  for (const name of people) {
    homes.push(await service.household({ members: [{ name, phone: '13812341234', idLast4: '0015' }] }));
  }
  const awards = await board.award(homes, { ruleId: rules.ENV03 });
  await board.award([homes[0]!], { ruleId: rules.EXE01 });
  const notice = await board.publish();
  const strike = { awardId: awards[1], reason: '登记错户' };
  const struck = await board.admin('POST', `${at}/notices/${notice.id}/strike`, strike);
  const objector = await service.asHousehold(homes[0]!);
  const lodged = await objector('POST', `${at}/objections`, { awardId: awards[2], reason: '当天没有看见' });
  if (struck.status !== 200 || lodged.status !== 201) throw new Error(`${struck.text} ${lodged.text}`);
  return { notice, homes };
}

async function inBrowser(t: Test, board: Board, path: string) {
  if (!existsSync(browserPath)) return t.pass('skipped: needs chromium');
  const address = await board.service.app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await chromium.launch({ executablePath: browserPath, args: quiet });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 794, height: 1123 } });
  const complaints: string[] = [];
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('dialog', () => complaints.push('a dialog'));
  page.on('request', request => request.url().startsWith(address) || complaints.push(`asked ${request.url()}`));
  await page.goto(`${address}${path}`);
  t.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  t.equal(await page.locator('tbody tr').count(), 9);
  const words = (await page.locator('body').textContent())!.replaceAll(/\s+/g, '');
  for (const word of [...expected, longTitle.replaceAll(/\s+/g, '')]) t.ok(words.includes(word), word);
  const background = await page.evaluate("getComputedStyle(document.querySelector('th')).backgroundColor");
  t.equal(background, 'rgb(233, 238, 242)', 'its style is let through');
  const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  t.equal(wide, 0, 'nothing sticks out');
  if (process.env.JIFEN_SHEETS !== undefined) {
    await page.screenshot({ path: `${process.env.JIFEN_SHEETS}/screen.png`, fullPage: true });
    await page.pdf({ path: `${process.env.JIFEN_SHEETS}/printed.pdf`, preferCSSPageSize: true, printBackground: true });
    await page.setViewportSize({ width: 360, height: 700 });
    await page.screenshot({ path: `${process.env.JIFEN_SHEETS}/phone.png`, fullPage: true });
  }
  t.same(complaints, []);
}

async function download(service: Service, url: string): Promise<Buffer> {
  const answer = await service.app.inject({ method: 'GET', url });
  if (answer.statusCode !== 200) throw new Error(answer.payload.slice(0, 300));
  return answer.rawPayload;
}
