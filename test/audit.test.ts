import { spawnSync } from 'node:child_process';
import { randomUUIDv7 } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { t } from 'tap';
import { post } from '../src/ledger/post.ts';
import { type Command, reversal } from '../src/ledger/transactions.ts';
import { canonicalText, leafOf } from './support/book.ts';
import { textOfPdf } from './support/pdf.ts';
import { isRefused } from './support/refusal.ts';
import {
  type Caller,
  connect,
  type DeviceCaller,
  nobody,
  openService,
  type Service,
  villages,
} from './support/service.ts';
import { until } from './support/waiting.ts';

const path = `/v1/villages/${villages.own}`;
const bulk = `/v1/villages/${villages.sibling}`;

/** Points from `from` to `to`, on a day of their own. */
function move(from: string, to: string, amount: number, businessDate: string, fields: Partial<Command> = {}): Command {
  const id = randomUUIDv7();
  return {
    id,
    kind: to === 'redeemed' ? 'redemption' : 'award',
    cause: `test:${id}`,
    actor: nobody.id,
    occurredAt: `${businessDate}T02:10:00.000Z`,
    businessDate,
    transfers: [{ from, to, asset: 'PTS', amount }],
    ...fields,
  };
}

const availableOf = (household: string) => `household:${household}:available`;

/** Bytes of an answer that is no JSON. */
async function download(service: Service, caller: Caller | DeviceCaller, url: string, headers = {}) {
  const method = 'GET';
  const who =
    'key' in caller
      ? service.proving(caller.key, { method, url }, caller.token)
      : { authorization: `Bearer ${caller.token}` };
  const answer = await service.app.inject({ method, url, headers: { ...who, ...headers } });
  return { status: answer.statusCode, bytes: answer.rawPayload, text: answer.payload, headers: answer.headers };
}

function rowsOfCsv(text: string): Record<string, string>[] {
  return parse(text, { bom: true, columns: true, record_delimiter: '\r\n' });
}

t.test('statements, journal, trial balance, the book', async t => {
  const service = await openService(t);
  const auditor = await service.as('auditor');
  const clerk = await service.as('clerk');
  const put = async (commands: Command[], village: string = villages.own) => {
    const results = await service.inVillage(village, tx => post(tx, village, commands, { atomic: true }));
    t.ok(
      results.every(result => result.status === 'posted'),
      'fixtures are posted',
    );
    return results as { number: number }[];
  };
  const ok = async (caller: Caller, url: string, headers?: Record<string, string>) => {
    const answer = await caller('GET', url, undefined, headers);
    t.equal(answer.status, 200, `${url}: ${answer.text.slice(0, 200)}`);
    return answer;
  };

  await t.test('the book', async t => {
    const household = await service.household();
    const other = await service.household();
    const ours = availableOf(household);
    const [first] = await put([
      move('issued', ours, 5, '2026-10-02', { memo: '第一组\n清扫', frozen: { ruleCode: 'A01' } }),
      move('issued', ours, 7, '2026-10-03'),
      move(ours, 'redeemed', 4, '2026-10-03'),
      move('issued', availableOf(other), 9, '2026-10-04'),
    ]);
    const { number } = first!;
    const self = await service.asHousehold(household);

    await t.test('head', async t => {
      const { body } = await ok(auditor, `${path}/book`);
      t.match(body, { number: number + 3, headHash: /^[0-9a-f]{64}$/, accounts: Number });
      t.equal((await ok(auditor, `${path}/transactions/${body.number}`)).body.hash, body.headHash);
      t.match((await ok(auditor, `/v1/villages/${villages.sibling}/book`)).body, { number: 0 });
    });

    await t.test('accounts', async t => {
      const all = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { body } = await ok(auditor, `${path}/accounts?limit=5${cursor && `&cursor=${cursor}`}`);
        all.push(...body.data);
        cursor = body.nextCursor;
      }
      t.strictSame(
        all.map(account => account.number),
        all.map((_, index) => index + 1),
      );
      const { body: ofHousehold } = await ok(clerk, `${path}/accounts?householdId=${household}`);
      t.match(ofHousehold.data, [
        { code: ours, asset: 'PTS', floor: 0, balance: 8, entries: 3 },
        { asset: 'PTS', balance: 0 },
        { asset: 'PTS', balance: 0 },
        { asset: 'HON', balance: 0 },
      ]);
      t.equal((await ok(clerk, `${path}/accounts?prefix=issued&asset=HON`)).body.data.length, 1);
      t.equal((await ok(clerk, `${path}/accounts?prefix=shelf:&householdId=${household}`)).body.data.length, 0);
      isRefused(t, await auditor('GET', `${path}/accounts?prefix=x&cursor=${'A'.repeat(20)}`), '400 cursor-mismatch');
      isRefused(t, await auditor('GET', `${path}/accounts/99999`), '404 not-found');
    });

    await t.test('entries, either way round', async t => {
      const [account] = (await ok(clerk, `${path}/accounts?householdId=${household}`)).body.data;
      const { body } = await ok(auditor, `${path}/accounts/${account.number}/entries`);
      t.match(body.data, [
        { seq: 3, amount: -4, balance: 8, transactionNumber: number + 2, counterAccountCode: 'redeemed' },
        { seq: 2, amount: 7, balance: 12 },
        { seq: 1, amount: 5, balance: 5, memo: '第一组\n清扫', ruleCode: 'A01', businessDate: '2026-10-02', line: 1 },
      ]);
      const url = `${path}/accounts/${account.number}/entries?sort=number&limit=2`;
      const { body: page } = await ok(auditor, url);
      t.match(page, { data: [{ seq: 1 }, { seq: 2 }], hasMore: true });
      t.match((await ok(auditor, `${url}&cursor=${page.nextCursor}`)).body, { data: [{ seq: 3 }], nextCursor: null });
      const otherWay = `${path}/accounts/${account.number}/entries?limit=2&cursor=${page.nextCursor}`;
      isRefused(t, await auditor('GET', otherWay), '400 cursor-mismatch');
    });

    await t.test('a household reads its own and no other', async t => {
      const { body } = await ok(self, `${path}/households/${household}/entries`);
      t.match(body.data, [{ amount: -4 }, { amount: 7 }, { amount: 5 }]);
      t.strictSame((await ok(self, `${path}/households/${household}/entries?account=honour`)).body.data, []);
      const { body: own } = await ok(self, `${path}/accounts`);
      t.equal(own.data.length, 4);
      t.ok(own.data.every((account: { code: string }) => account.code.startsWith(`household:${household}:`)));
      t.equal((await ok(self, `${path}/accounts/${own.data[0].number}/entries`)).body.data.length, 3);
      const [foreign] = (await ok(clerk, `${path}/accounts?householdId=${other}`)).body.data;
      for (const url of [
        `${path}/accounts?householdId=${other}`,
        `${path}/accounts/${foreign.number}`,
        `${path}/accounts/${foreign.number}/entries`,
        `${path}/accounts/1`,
        `${path}/households/${other}/entries`,
        `${path}/households/${other}/statement`,
        `${path}/households/${randomUUIDv7()}/entries`,
      ]) {
        const answer = await self('GET', url);
        isRefused(t, answer, '404 not-found', {}, url);
      }
      t.strictSame((await ok(self, `${path}/accounts?prefix=household:${other}`)).body.data, []);
      t.strictSame((await ok(self, `${path}/accounts?prefix=issued`)).body.data, []);
      isRefused(t, await self('GET', `${path}/transactions`), '403 forbidden', {
        requiredRoles: ['villageAdmin', 'clerk', 'supervisionBoard', 'supervisor', 'auditor'],
      });
      isRefused(t, await clerk('GET', `${path}/households/${randomUUIDv7()}/entries`), '404 not-found');
    });

    await t.test('transactions', async t => {
      const { body } = await ok(
        auditor,
        `${path}/transactions?kind=award&businessFrom=2026-10-02&businessTo=2026-10-04`,
      );
      t.match(body.data, [{ number: number + 1 }, { number }]);
      const { body: upwards } = await ok(auditor, `${path}/transactions?sort=number&fromNumber=${number + 1}&limit=2`);
      t.match(upwards, { data: [{ number: number + 1 }, { number: number + 2 }], hasMore: true });
      const url = `${path}/transactions?sort=number&fromNumber=${number + 1}&limit=2&cursor=${upwards.nextCursor}`;
      t.match((await ok(auditor, url)).body, { data: [{ number: number + 3 }], hasMore: false });

      const { body: one } = await ok(auditor, `${path}/transactions/${number}`);
      t.strictSame(one.balances, { 'issued PTS': -5, [`${ours} PTS`]: 5 });
      t.equal(
        leafOf(canonicalText({ ...one, actor: one.actorId, approver: one.approverId })).toString('hex'),
        one.leafHash,
      );
      t.equal(one.reversedBy, null);
      const event = { actor: nobody.id, occurredAt: '2026-10-05T02:00:00.000Z', businessDate: '2026-10-05' };
      const [undone] = await put([reversal(event, number)]);
      t.equal((await ok(auditor, `${path}/transactions/${number}`)).body.reversedBy, undone!.number);
      t.equal((await ok(auditor, `${path}/transactions/${undone!.number}`)).body.reverses, number);
      isRefused(t, await auditor('GET', `${path}/transactions/999999`), '404 not-found');
    });
  });

  await t.test('a statement', async t => {
    const household = await service.household({ members: [{ name: '王小明' }] });
    const own = availableOf(household);
    const url = `${path}/households/${household}/statement`;
    const [first] = await put([
      move('issued', own, 10, '2026-10-31'),
      move('issued', own, 5, '2026-11-20', { memo: '清扫', frozen: { ruleCode: 'A01' } }),
      move(own, 'redeemed', 6, '2026-11-21'),
      // Entered late, for an earlier day: it stands where its day is.
      move('issued', own, 3, '2026-11-19', { memo: '=1+1' }),
      move(own, 'redeemed', 1, '2026-12-01'),
    ]);
    const { number } = first!;

    await t.test('orders by business day and makes the balance anew', async t => {
      const { body } = await ok(clerk, url);
      t.match(body, {
        villageName: '封家湾社区',
        headName: '王*明',
        account: 'available',
        from: '2026-11-01',
        to: '2026-12-01',
        throughNumber: number + 4,
        opening: 10,
        received: 8,
        spent: 6,
        closing: 12,
        entryCount: 3,
      });
      t.match(body.entries, [
        { transactionNumber: number + 3, amount: 3, balance: 13, businessDate: '2026-11-19' },
        { transactionNumber: number + 1, amount: 5, balance: 18, ruleCode: 'A01', memo: '清扫' },
        { transactionNumber: number + 2, amount: -6, balance: 12, counterAccountCode: 'redeemed' },
      ]);
    });

    await t.test('half-open days, any of the accounts', async t => {
      const { body } = await ok(clerk, `${url}?from=2026-10-31&to=2026-11-20`);
      t.match(body, { opening: 0, closing: 13, entryCount: 2 });
      t.match((await ok(clerk, `${url}?from=2026-12-01`)).body, { to: '2027-01-01', opening: 12, closing: 11 });
      t.match((await ok(clerk, `${url}?account=honour`)).body, {
        asset: 'HON',
        opening: 0,
        entryCount: 0,
        entries: { length: 0 },
      });
      const answer = await clerk('GET', `${url}?from=2026-11-20&to=2026-11-20`);
      isRefused(t, answer, '422 out-of-bounds', { field: 'to', min: '2026-11-21', max: '2999-12-31' });
    });

    await t.test('frozen: with throughNumber it is the same, byte for byte', async t => {
      const at = `throughNumber=${number + 4}`;
      const formats = ['json', 'csv', 'pdf'];
      const all = () => Promise.all(formats.map(format => download(service, auditor, `${url}?format=${format}&${at}`)));
      const before = await all();
      await put([move('issued', own, 50, '2026-11-20')]);
      service.clock.pass({ hours: 1 });
      const again = await all();
      for (const [index, format] of formats.entries()) {
        t.equal(before[index]!.status, 200);
        t.ok(before[index]!.bytes.equals(again[index]!.bytes), format);
      }
      const now = (await ok(auditor, url)).body;
      t.match(now, { throughNumber: number + 5, closing: 62 });
      t.equal((await ok(auditor, `${url}?throughNumber=0`)).body.closing, 0);
      const early = (await ok(auditor, `${url}?throughNumber=${number + 1}`)).body;
      t.match(early, { closing: 15, throughHash: (await ok(auditor, `${path}/transactions/${number + 1}`)).body.hash });
      const late = await auditor('GET', `${url}?throughNumber=${number + 6}`);
      isRefused(t, late, '422 out-of-bounds', { field: 'throughNumber', max: number + 5, min: 0 });
    });

    await t.test('as CSV for spreadsheets', async t => {
      const at = `throughNumber=${number + 4}`;
      const { bytes, text, headers } = await download(service, clerk, `${url}?format=csv&${at}`);
      t.strictSame([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
      t.equal(text.split('\r\n').length, text.split('\n').length, 'every line ends in CRLF');
      t.match(headers['content-type'], 'text/csv');
      t.match(headers['content-disposition'], /^attachment; filename="statement-H\d+-available-2026-11-01-2026-12-01-/);
      t.match(rowsOfCsv(text), [
        { 事项: '期初余额', 余额: '10' },
        { 凭证号: String(number + 3), 事项: '加分', 金额: '3', 备注: `'=1+1`, 入账时间: /\+08:00$/ },
        { 凭证号: String(number + 1), 细则: 'A01', 备注: '清扫' },
        { 凭证号: String(number + 2), 事项: '兑换', 金额: '-6', 余额: '12', 对方账户: 'redeemed' },
        { 事项: '期末余额', 余额: '12' },
      ]);
      const english = await download(service, clerk, `${url}?format=csv&${at}`, { 'accept-language': 'en' });
      t.equal(english.headers['content-language'], 'en');
      t.match(rowsOfCsv(english.text), [
        { kind: 'opening' },
        { kind: 'award' },
        Object,
        { amount: '-6' },
        { kind: 'closing' },
      ]);
    });

    await t.test('as PDF', async t => {
      const { bytes, headers } = await download(service, await service.asHousehold(household), `${url}?format=pdf`);
      t.equal(headers['content-type'], 'application/pdf');
      t.equal(bytes.subarray(0, 5).toString(), '%PDF-');
      t.match(bytes.subarray(-8).toString(), '%%EOF');
      t.ok(bytes.length < 200_000, 'only the letters it needs are in it');
      const words = textOfPdf(bytes);
      if (words === undefined) return t.comment('no pdftotext here');
      for (const word of [
        '封家湾社区积分对账单',
        '王*明',
        '可用积分',
        '期初余额',
        '加分',
        '兑换',
        '第 1 页，共 1 页',
      ]) {
        t.match(words, word);
      }
    });
  });

  await t.test('texts that spreadsheets would take for formulas', async t => {
    const household = await service.household();
    const nasty = [
      '=1',
      '+1',
      '-1',
      '@a',
      '\ta',
      '\ra',
      '＝1',
      '＋1',
      '－1',
      '＠a',
      "'a",
      'a=1',
      '"a"',
      'a,b',
      'a\r\nb',
      '中',
    ];
    await put(nasty.map(memo => move('issued', availableOf(household), 1, '2026-08-01', { memo })));
    const period = 'from=2026-08-01&format=csv';
    const statement = rowsOfCsv(
      (await download(service, clerk, `${path}/households/${household}/statement?${period}`)).text,
    );
    const journal = rowsOfCsv((await download(service, clerk, `${path}/journal?${period}`)).text);
    const expected = nasty.map(memo => (/^[-=+@\t\r＝＋－＠]/.test(memo) ? `'${memo}` : memo));
    const oneLine = (text: string) => text.replaceAll(/[\r\n]+/g, ' ');
    t.strictSame(
      statement.slice(1, -1).map(row => row.备注),
      expected,
    );
    t.strictSame(
      journal.map(row => row.备注),
      expected.map(oneLine),
    );
  });

  await t.test('the journal', async t => {
    const household = await service.household();
    const own = availableOf(household);
    const nasty = '第一组; date:2026-99-99, [2026-99-99]\n2026-01-01 forged\r\n    issued  5 PTS\u2028x "SKU" \\ |';
    const [first] = await put([
      move('issued', own, 10, '2026-07-02', { memo: nasty, frozen: { ruleCode: '=A01' } }),
      move('issued', own, 3, '2026-07-01', {
        transfers: [
          { from: 'issued', to: own, asset: 'PTS', amount: 3 },
          { from: 'issued', to: `household:${household}:honour`, asset: 'HON', amount: 3 },
        ],
      }),
      move(own, 'redeemed', 4, '2026-07-31'),
      move('issued', own, 99, '2026-08-15'),
    ]);
    const { number } = first!;
    const period = 'from=2026-07-01&to=2026-08-01';
    const inOrder = [number + 1, number, number + 2];

    await t.test('as CSV', async t => {
      const { status, bytes, text, headers } = await download(service, auditor, `${path}/journal?${period}`);
      t.equal(status, 200);
      t.strictSame([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
      t.equal(text.split('\r\n').length, text.split('\n').length);
      t.match(headers['content-disposition'], `journal-${villages.own}-2026-07-01-2026-08-01.csv`);
      t.match(rowsOfCsv(text), [
        { 凭证号: String(number + 1), 行: '1', 资产: 'PTS', 金额: '3', 转出账户: 'issued', 转入账户: own },
        { 凭证号: String(number + 1), 行: '2', 资产: 'HON' },
        { 凭证号: String(number), 业务日期: '2026-07-02', 细则: `'=A01`, 转出后余额: /^-\d+$/, 转入后余额: '10' },
        { 凭证号: String(number + 2), 金额: '4', 校验: /^[0-9a-f]{64}$/ },
      ]);
      const english = await download(service, auditor, `${path}/journal?${period}`, { 'accept-language': 'en' });
      t.match(rowsOfCsv(english.text), [{ number: String(number + 1), fromBalance: String }, Object, Object, Object]);
    });

    await t.test('as JSON Lines, from which every leaf can be made again', async t => {
      const { text } = await download(service, auditor, `${path}/journal?${period}&format=jsonl`);
      const rows = text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line));
      t.strictSame(
        rows.map(row => row.number),
        inOrder,
      );
      for (const row of rows) {
        t.equal(
          leafOf(canonicalText({ ...row, actor: row.actorId, approver: row.approverId })).toString('hex'),
          row.leafHash,
        );
      }
      t.equal(rows[1].memo, nasty);
      t.strictSame(Object.keys(rows[0]), Object.keys(rows[0]).sort(), 'in canonical form');
    });

    await t.test('the script of docs/canonical.md recomputes the book from it', async t => {
      if (spawnSync('python3', ['--version']).error !== undefined) return t.comment('no python3 here');
      const page = await readFile(new URL('../docs/canonical.md', import.meta.url), 'utf8');
      const script = /```python\n(.*?)```/s.exec(page)![1]!;
      const whole = `${path}/journal?from=2020-01-01&to=2100-01-01&format=jsonl`;
      const { text } = await download(service, auditor, whole);
      const folder = await mkdtemp(join(tmpdir(), 'jifen-journal-'));
      t.teardown(() => rm(folder, { recursive: true }));
      const run = async (journal: string) => {
        await writeFile(join(folder, 'journal.jsonl'), journal);
        return spawnSync('python3', ['-c', script, join(folder, 'journal.jsonl')], { encoding: 'utf8' });
      };
      t.equal((await run(text)).stdout.trim(), (await ok(auditor, `${path}/book`)).body.headHash);
      t.not((await run(text.replace('"amount":10,', '"amount":11,'))).status, 0, 'and sees what was changed');
    });

    await t.test('for hledger, which finds it in order', async t => {
      const { text } = await download(service, auditor, `${path}/journal?${period}&format=hledger`);
      t.strictSame(
        [...text.matchAll(/^2026-\d\d-\d\d \((\d+)\)/gm)].map(match => Number(match[1])),
        inOrder,
      );
      const [, memo] = /\n {4}; memo:(.*)\n/.exec(text)!;
      t.match(memo, /^第一组； date：2026-99-99， ［2026-99-99］ 2026-01-01 forged +issued +5 PTS x "SKU"/);
      const { text: whole } = await download(
        service,
        auditor,
        `${path}/journal?from=2026-01-01&to=2027-01-01&format=hledger`,
      );
      if (spawnSync('hledger', ['--version']).error !== undefined) return t.comment('no hledger here');
      const run = (...args: string[]) =>
        spawnSync('hledger', ['-f', '-', ...args], { input: whole, env: { LANG: 'C.UTF-8' } });
      const check = run('check', '--strict');
      t.equal(check.status, 0, check.stderr.toString());
      const balances = rowsOfHledger(run('balance', '--flat', '--no-total', '-O', 'csv').stdout.toString());
      const { body } = await ok(auditor, `${path}/trial-balance?from=2026-01-01&to=2027-01-01&detail=account`);
      const listed = body.data.filter((row: { closing: number }) => row.closing !== 0);
      t.ok(listed.length > 5);
      t.strictSame(
        listed
          .map(
            (row: { account: string; asset: string; closing: number }) => `${row.account} ${row.closing} ${row.asset}`,
          )
          .sort(),
        balances.sort(),
      );
    });
  });

  await t.test('the trial balance', async t => {
    const household = await service.household();
    await put([
      move('issued', availableOf(household), 100, '2026-03-05'),
      move(availableOf(household), 'redeemed', 30, '2026-04-05'),
      move('issued', availableOf(household), 7, '2026-05-05'),
    ]);
    const { body } = await ok(auditor, `${path}/trial-balance?from=2026-04-01&to=2026-05-01`);
    t.match(
      body.data.find((row: { account: string }) => row.account === 'household:available'),
      { asset: 'PTS', opening: 100, in: 0, out: 30, closing: 70 },
    );
    t.match(
      body.data.find((row: { account: string }) => row.account === 'redeemed'),
      { accounts: 1, opening: 0, in: 30, out: 0, closing: 30 },
    );
    t.match(body.totals, [
      { asset: 'HON', opening: 0, closing: 0 },
      { asset: 'PTS', opening: 0, in: 30, out: 30, closing: 0 },
    ]);
    t.match(body, { hasMore: false, throughNumber: (await ok(auditor, `${path}/book`)).body.number });

    const one = `household:${household}:available`;
    const pages = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const url = `${path}/trial-balance?from=2026-04-01&to=2026-05-01&detail=account&limit=7${cursor && `&cursor=${cursor}`}`;
      const { body: page } = await ok(auditor, url);
      t.strictSame(page.totals, body.totals, 'the totals are of the whole on every page');
      pages.push(...page.data);
      cursor = page.nextCursor;
    }
    t.equal(pages.length, (await ok(auditor, `${path}/book`)).body.accounts);
    t.match(
      pages.find(row => row.account === one),
      { opening: 100, out: 30, closing: 70, accounts: 1 },
    );
    isRefused(t, await auditor('GET', `${path}/trial-balance?from=2026-04-01&to=2026-03-01`), '422 out-of-bounds', {
      field: 'to',
      min: '2026-04-02',
      max: '2999-12-31',
    });
  });

  await t.test('much', async t => {
    const household = await service.household({}, villages.sibling);
    const own = availableOf(household);
    const memo = '清'.repeat(800);
    for (let posted = 0; posted < 5_000; posted += 250) {
      const commands = Array.from({ length: 250 }, () =>
        move('issued', own, 2, '2026-06-01', {
          memo,
          transfers: [
            { from: 'issued', to: own, asset: 'PTS', amount: 2 },
            { from: own, to: 'redeemed', asset: 'PTS', amount: 1 },
          ],
        }),
      );
      await put(commands, villages.sibling);
    }
    // As autovacuum does within a minute: until then sessions keep the plans they made for a book of ten transactions.
    await (await connect(t, service.ownerUrl)).query('analyze ledger.transaction, ledger.transfer, ledger.account');
    const url = `${bulk}/households/${household}/statement?from=2026-06-01`;

    await t.test('ten thousand entries are a CSV, and too many for a document', async t => {
      const rows = rowsOfCsv((await download(service, auditor, `${url}&format=csv`)).text);
      t.equal(rows.length, 10_002);
      t.match(rows.at(-1), { 事项: '期末余额', 余额: '5000' });
      for (const format of ['json', 'pdf']) {
        const answer = await auditor('GET', `${url}&format=${format}`);
        isRefused(t, answer, '422 export-too-large', { rows: 10_000, maxRows: 5_000 });
      }
    });

    await t.test('a client that goes away gives the connection back', async t => {
      await service.app.listen({ host: '127.0.0.1', port: 0 });
      const { port } = service.app.server.address() as AddressInfo;
      const behind = await connect(t, service.ownerUrl);
      // Twice as many as there are connections for exports, in every format.
      for (const format of ['csv', 'jsonl', 'hledger', 'csv', 'csv', 'jsonl', 'hledger', 'csv']) {
        const request = get({
          port,
          host: '127.0.0.1',
          path: `${bulk}/journal?from=2026-06-01&format=${format}`,
          headers: { authorization: `Bearer ${auditor.token}` },
        });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        t.equal(response.statusCode, 200, format);
        await once(response, 'data');
        response.on('error', () => undefined);
        response.destroy();
      }
      const busy = async () =>
        (
          await behind.query(
            `select count(*)::int as busy from pg_stat_activity
              where usename = 'jifen_app' and datname = current_database() and xact_start is not null`,
          )
        ).rows[0].busy;
      await until(async () => (await busy()) === 0, 'nothing is still being read');
      const whole = await download(service, auditor, `${bulk}/journal?from=2026-06-01&format=jsonl`);
      t.equal(whole.text.split('\n').length, 5_001, 'and the next export comes whole');
    });

    await t.test('the connections for exports are few: one more waits, and holds up nothing else', async t => {
      const { port } = service.app.server.address() as AddressInfo;
      const slow: IncomingMessage[] = [];
      for (let opened = 0; opened < 4; opened += 1) {
        const request = get({
          port,
          host: '127.0.0.1',
          path: `${bulk}/journal?from=2026-06-01`,
          headers: { authorization: `Bearer ${auditor.token}` },
        });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        slow.push(response.pause());
      }
      let answered = false;
      const fifth = auditor('GET', `${bulk}/journal?from=2026-06-01`).finally(() => {
        answered = true;
      });
      // Time enough for it to come to the connections: twenty calls after it were answered.
      for (let left = 20; left > 0; left -= 1) t.equal((await auditor('GET', `${bulk}/book`)).status, 200);
      t.equal(answered, false);
      for (const response of slow) response.on('error', () => undefined).destroy();
      t.equal((await fifth).status, 200);
    });
  });

  await t.test('verify', async t => {
    const { status, body } = await auditor('POST', `${path}/book/verify`);
    t.equal(status, 200);
    t.equal(body.checkedAt, service.clock.now().toString({ fractionalSecondDigits: 3 }));
    const head = (await ok(auditor, `${path}/book`)).body;
    t.match(body, { number: head.number, headHash: head.headHash });
    // This book was written without the records that its transactions speak of, and only that is found.
    const failed = ({ checks }: { checks: { name: string; ok: boolean }[] }) =>
      checks.filter(check => !check.ok && check.name !== 'records');
    t.strictSame(failed(body), []);
    const { body: long } = await auditor('POST', `${bulk}/book/verify`);
    t.equal(long.number, 5_000);
    t.strictSame(failed(long), []);

    const superuser = await connect(t, service.ownerUrl);
    await superuser.query(`set session_replication_role = replica`);
    await superuser.query(`update ledger.transaction set memo = '别的' where village = $1 and number = 2`, [
      villages.own,
    ]);
    const tampered = (await auditor('POST', `${path}/book/verify`)).body;
    t.equal(tampered.sound, false);
    t.match(failed(tampered), [
      { name: 'leaves', findings: [{ check: 'leaves', place: 'transaction 2', expected: /^leaf/, found: /^leaf/ }] },
    ]);
  });
});

/** Account, amount and commodity of every line of hledger's balance report. */
function rowsOfHledger(text: string): string[] {
  return (parse(text, { columns: true }) as { account: string; balance: string }[]).flatMap(({ account, balance }) =>
    balance.split(', ').map(amount => `${account} ${amount}`),
  );
}
