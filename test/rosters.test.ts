import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import { sql } from 'drizzle-orm';
import { writeXlsx } from 'hucre/xlsx';
import tap, { test } from 'tap';
import { startWorker } from '../src/app.ts';
import type { Database, Tx } from '../src/db/database.ts';
import { rosterHeadings } from '../src/rosters/columns.ts';
import { sweepImports } from '../src/rosters/jobs.ts';
import { wordsOf } from '../src/rosters/mistakes.ts';
import { readApart } from '../src/rosters/read-apart.ts';
import type { Roster } from '../src/rosters/roster.ts';
import { openRoster } from '../src/rosters/rows.ts';
import { runImport } from '../src/rosters/run-import.ts';
import { checkWorkbook } from '../src/rosters/workbook.ts';
import { digestOf } from './support/digest.ts';
import { isRefused } from './support/refusal.ts';
import { patch } from './support/sample-calls.ts';
import { type Caller, connect, openService, type Reply, type Service, villages } from './support/service.ts';
import { until } from './support/waiting.ts';

tap.setTimeout(900_000);

const at = `/v1/villages/${villages.own}`;
const imports = `${at}/household-imports`;
const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const header = ['number', 'grid_number', 'head_name', 'members', 'phone', 'id_last4', 'is_five_guarantee'];

test('markup that would occupy or fill the reader is not read', async t => {
  const million = 1_000_000;
  const hostile: [text: string, verdict: string, part?: string][] = [
    ['<'.repeat(million), 'file-unreadable'],
    ['<!-->'.repeat(million), 'file-unreadable'],
    [`<row ${'a'.repeat(million)}`, 'file-unreadable'],
    [`<row ${'a="" '.repeat(100_000)}/>`, 'file-unreadable'],
    ['<row/>'.repeat(2 * million + 1), 'file-too-large'],
    ['<si><t>a</t></si>'.repeat(million / 4 + 1), 'file-too-large', 'xl/sharedStrings.xml'],
    ['<si><t>a</t></si>'.repeat(million / 5), 'sound', 'xl/sharedStrings.xml'],
    ['<row><c><v>1</v></c></row>'.repeat(20_000), 'sound'],
  ];
  for (const [text, verdict, part = 'xl/worksheets/sheet1.xml'] of hostile) {
    t.equal(
      await checkWorkbook(zip(part, Buffer.from(text), text.length)),
      verdict,
      `${text.slice(0, 20)}… in ${part}`,
    );
  }
});

/** Sends a file as it is. */
async function send(
  service: Service,
  by: Caller,
  file: Buffer | string,
  options: { type?: string; query?: string } = {},
) {
  const { type = 'text/csv', query = '' } = options;
  const answer = await service.app.inject({
    method: 'POST',
    url: `${imports}${query}`,
    headers: { authorization: `Bearer ${by.token}`, 'content-type': type, 'idempotency-key': randomUUID() },
    payload: file,
  });
  const headers = answer.headers as Record<string, string>;
  return { status: answer.statusCode, body: answer.json(), headers, url: String(headers.location) };
}

/** Sends a file and has it read. Answers the import as it then stands, and every mistake. */
async function imported(
  service: Service,
  by: Caller,
  file: Buffer | string,
  options: { type?: string; query?: string } = {},
) {
  const sent = await send(service, by, file, options);
  if (sent.status !== 201) throw new Error(JSON.stringify(sent.body));
  await runImport(service, { village: villages.own, importId: sent.body.id });
  return { ...(await reportOf(by, sent.url)), url: sent.url, id: sent.body.id as string };
}

async function reportOf(by: Caller, url: string) {
  const mistakes: {
    row: number;
    column: string | null;
    code: string;
    zh: string;
    en: string;
    difference: string | null;
    takenOver: boolean;
  }[] = [];
  let next: string | null = '';
  while (next !== null) {
    const { body }: Reply = await by('GET', `${url}/errors?limit=20${next && `&cursor=${next}`}`);
    mistakes.push(...body.data);
    next = body.nextCursor;
  }
  return {
    body: (await by('GET', url)).body,
    mistakes,
    rows: mistakes.map(({ row, column, code }) => [row, column, code]),
  };
}

/** A thousand households, and thirty mistakes in their rows, none twice in one. */
function plantedRoster() {
  const rows = Array.from({ length: 1_000 }, (_, n) => [
    `H${String(n + 1).padStart(4, '0')}`,
    String((n % 3) + 1),
    `户主${String.fromCodePoint(0x4e00 + n)}`,
    String((n % 6) + 1),
    `1990000${String(n).padStart(4, '0')}`,
    String(1_000 + n),
    'false',
  ]);
  const expected: [number, string | null, string][] = [];
  let place = 13;
  const plant = (column: string, code: string, ...cells: string[]) => {
    for (const cell of cells) {
      place += 32;
      rows[place]![header.indexOf(column)] = cell;
      expected.push([place + 2, column, code]);
    }
  };
  plant('number', 'number-missing', '', '  ');
  plant('number', 'number-bad', 'HH01', '12-3', 'H123456789');
  plant('number', 'number-twice', 'H0001', 'h0002', 'Ｈ０００３');
  plant('grid_number', 'grid-unknown', '4', '第九组', '-1');
  plant('head_name', 'head-missing', '', ' ');
  plant('head_name', 'name-bad', '=1+1', '12345', '长'.repeat(61));
  plant('members', 'members-bad', '0', '三', '1.5');
  plant('members', 'too-many-members', '31', '400');
  plant('phone', 'phone-bad', '1.99E+10', '1234');
  plant('id_last4', 'id-bad', '12A', 'X123', '522121199001011234');
  plant('head_name', 'control-character', '张\u0007三', '李\u200b四');
  for (const other of [0, 5]) {
    place += 32;
    rows[place]![2] = rows[other]![2]!;
    rows[place]![5] = rows[other]![5]!;
    expected.push([place + 2, 'head_name', 'person-twice']);
  }
  return { rows, expected };
}

test('a thousand households with thirty mistakes', async t => {
  const service = await openService(t);
  const [clerk, admin] = [await service.as('clerk'), await service.as('villageAdmin')];
  for (const number of [2, 3]) await admin('POST', `${at}/grids`, { number, name: `第${number}组` });
  const owner = await connect(t, service.ownerUrl);
  const { rows, expected } = plantedRoster();
  t.equal(expected.length, 30);
  t.ok(new Set(expected.map(([, , code]) => code)).size >= 12);
  const csv = stringify([header, ...rows]);

  let url = '';
  await t.test('a dry run names every one by its row, and enters nothing', async t => {
    const before = (await clerk('GET', `${at}/households?limit=1`)).body;
    const dry = await imported(service, clerk, csv);
    url = dry.url;
    t.strictSame(
      dry.rows,
      expected.sort(([a], [b]) => a - b),
    );
    t.match(dry.body, {
      state: 'reported',
      dryRun: true,
      encoding: 'utf-8',
      rows: 1_000,
      households: 1_000,
      good: 970,
      alreadyThere: 0,
      mistakes: 30,
      entered: 0,
      ignoredColumns: ['is_five_guarantee'],
      committedBy: null,
    });
    t.ok(dry.mistakes.every(({ zh, en }) => /[一-鿿]/.test(zh) && /[a-z]/.test(en) && !/[{?]/.test(zh + en)));
    t.notMatch(JSON.stringify(dry.mistakes), /1234|长长|张/, 'no mistake repeats what a cell says');
    t.strictSame((await clerk('GET', `${at}/households?limit=1`)).body, before);
  });

  await t.test('committed, the others are enrolled', async t => {
    const started = performance.now();
    t.match((await admin('POST', `${url}/commit`, {})).body, { state: 'committing', committedBy: admin.actor.id });
    isRefused(t, await admin('POST', `${url}/commit`, {}), '409 wrong-state', {
      state: 'committing',
      allowedFrom: ['reported'],
      since: '2026-11-23T02:00:00.000Z',
    });
    await runImport(service, { village: villages.own, importId: url.split('/').at(-1)! });
    const seconds = (performance.now() - started) / 1_000;
    t.comment(`entered in ${seconds.toFixed(1)} s`);
    const { body, rows: input } = await reportOf(clerk, url);
    t.match(body, { state: 'done', entered: 970, good: 970, alreadyThere: 0, mistakes: 30 });
    t.strictSame(input, expected);
    t.equal((await admin('POST', `${url}/commit`, {})).body.state, 'done');
    const { data } = (await clerk('GET', `${at}/households?q=H0006`)).body;
    t.match(data, [{ grid: 3, memberCount: 6, headName: `户主${String.fromCodePoint(0x4e05)}` }]);
    t.match(data[0].members[1], { name: '家庭成员2', phone: null });
    const points = await clerk('GET', `${at}/households/${data[0].id}/points`);
    t.match(points.body, { available: 0, pending: 0, honour: 0 }, 'its accounts are open');
    await service.givePoints(data[0].id, 5);
    await owner.query(`set jifen.scope = '52'`);
    const { rows: left } = await owner.query(
      'select count(*)::integer as n from households.roster_import where content is not null',
    );
    t.equal(left[0].n, 0, 'the file is gone');
  });

  await t.test('imported again, nothing changes', async t => {
    const tables = async () => {
      const all = await digestOf(owner);
      return Object.fromEntries(
        Object.entries(all).filter(([name]) => /^(households\.(household|member|card|kin)|ledger\.)/.test(name)),
      );
    };
    const before = await tables();
    const again = await imported(service, clerk, csv, { query: '?dryRun=false' });
    t.match(again.body, { state: 'done', entered: 0, good: 0, alreadyThere: 970, mistakes: 30 });
    t.strictSame(again.rows, expected);

    const workbook = Buffer.from(await writeXlsx({ sheets: [{ name: '名册', rows: [header, ...rows] }] }));
    const asWorkbook = await imported(service, clerk, workbook, { type: xlsxType, query: '?dryRun=false' });
    t.match(asWorkbook.body, { state: 'done', format: 'xlsx', entered: 0, alreadyThere: 970, mistakes: 30 });
    t.strictSame(asWorkbook.rows, expected, 'as a workbook the same');
    t.strictSame(await tables(), before);
  });

  await t.test('as a workbook, in a village that has none', async t => {
    const other = await openService(t);
    const by = await other.as('villageAdmin');
    for (const number of [2, 3]) await by('POST', `${at}/grids`, { number, name: `第${number}组` });
    const cells = rows.map(row => row.map(cell => (/^[1-9][0-9]{0,12}$/.test(cell) ? Number(cell) : cell)));
    const workbook = Buffer.from(await writeXlsx({ sheets: [{ name: '名册', rows: [header, ...cells] }] }));
    const made = await imported(other, by, workbook, { type: xlsxType, query: '?dryRun=false' });
    t.match(made.body, { state: 'done', entered: 970, mistakes: 30 });
    t.strictSame(made.rows, expected);
  });
});

test('the sample village', async t => {
  const service = await openService(t, { now: '2026-11-23T02:00:00Z' });
  const admin = await service.as('villageAdmin');
  for (let number = 2; number <= 12; number += 1) await admin('POST', `${at}/grids`, { number, name: `第${number}组` });
  const file = await readFile(new URL('../sample/households-sample.csv', import.meta.url));
  const { body, mistakes } = await imported(service, admin, file, { query: '?dryRun=false' });
  t.strictSame(mistakes, []);
  t.match(body, { state: 'done', households: 512, entered: 512 });
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '52'`);
  const { rows } = await owner.query('select count(*)::integer as people from households.member');
  t.equal(rows[0].people, 1_485);
});

test('what a roster may look like', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  t.strictSame((await clerk('GET', imports)).body, { data: [], nextCursor: null, hasMore: false });
  const direct = (file: Buffer | string, type?: string) =>
    imported(service, clerk, file, { query: '?dryRun=false', ...(type !== undefined && { type }) });
  const household = async (number: string) => (await clerk('GET', `${at}/households?q=${number}`)).body.data[0];

  await t.test('Chinese names of columns, in the order and encoding of an office', async t => {
    // 户号,户主姓名,村民小组,联系电话（必填）,身份证后四位,家庭人口 / G1,张三,第一组,13812341234,166x,2 in GB18030
    const words = [
      '户号,户主姓名,村民小组,联系电话（必填）,身份证后四位,家庭人口',
      'G1,张三,第一组,138 1234 1234,166x,2',
      '',
    ];
    const made = await direct(gb18030(words.join('\r\n')));
    t.match(
      made.body,
      { state: 'done', entered: 1, encoding: 'gb18030', ignoredColumns: { length: 0 } },
      JSON.stringify(made.mistakes),
    );
    t.match(await household('G1'), {
      grid: 1,
      headName: '张三',
      memberCount: 2,
      members: [{ phone: '13812341234', idLast4: '166X' }],
    });
  });

  await t.test('members with names, tabs, a byte-order mark and empty rows', async t => {
    const lines = [
      '\ufeff户号\t户主\t成员姓名\t身份证后4位\t人数\t备注',
      'M1\t马明\t\t1111\t4\t',
      '\t\t马小明\t2222\t\t',
      '\t\t\t\t\t',
      'M1\t\t马小红\t\t\t',
      'M2\t李明\t\t\t\t低保',
    ];
    const made = await direct(lines.join('\n'));
    t.match(
      made.body,
      { state: 'done', rows: 4, households: 2, entered: 2, ignoredColumns: ['备注'] },
      JSON.stringify(made.mistakes),
    );
    const names = (await household('M1')).members.map(({ name }: { name: string }) => name);
    t.strictSame(names, ['马明', '马小明', '马小红', '家庭成员4']);

    const wrong = await direct(
      '户号,户主,成员姓名,身份证后4位,人数\n,,谁家的,,\nM3,周某,,,2\nM9,,别家的,,\n,,马小明,2222,\n,,又一人,3,\nM4,吴某,,2222,',
    );
    t.strictSame(
      wrong.rows,
      [
        [2, 'number', 'member-astray'],
        [4, 'number', 'member-astray'],
        [5, 'member_name', 'person-elsewhere'],
        [6, 'id_last4', 'id-bad'],
      ]
        .concat([[3, 'members', 'members-bad']])
        .sort(([a], [b]) => Number(a) - Number(b)),
    );
    t.match(
      wrong.mistakes.find(({ code }) => code === 'person-elsewhere'),
      { zh: '此人已登记在 M1 户。' },
    );
    t.match(wrong.body, { entered: 1 }, 'a mistake in one row is its household’s');
  });

  await t.test('the same number with another head, and rows that are too long', async t => {
    const made = await direct('number,head_name,id_last4\nG1,李四,166X\nG1,张三,\nG2,王五,1234,x\n');
    t.strictSame(made.rows, [
      [2, 'number', 'number-taken'],
      [3, 'number', 'number-twice'],
      [4, null, 'row-too-long'],
    ]);
    const other = await direct('number,head_name,id_last4\nG1,张三,9999\n');
    t.strictSame(other.rows, [[2, 'number', 'number-taken']]);
  });

  await t.test('a formula is neither a name nor an address', async t => {
    const made = await direct('number,head_name,address\nF1,"=HYPERLINK(""http://x"")",\nF2,赵六,=1+1\n');
    t.strictSame(made.rows, [
      [2, 'head_name', 'name-bad'],
      [3, 'address', 'address-bad'],
    ]);
  });

  await t.test('what is no roster at all', async t => {
    const failed = async (file: Buffer | string, type: string | undefined, ...codes: string[]) => {
      const made = await direct(file, type);
      t.match(made.body, { state: 'failed', entered: 0 }, codes.join());
      t.strictSame(
        made.mistakes.map(({ code }) => code),
        codes,
      );
    };
    await failed('number,head_name\n', undefined, 'file-empty');
    await failed('\n\n', undefined, 'file-empty');
    await failed('phone,grid\n1,2\n', undefined, 'column-missing', 'column-missing');
    await failed('number,户号,head_name\n1,2,3\n', undefined, 'column-twice');
    await failed('number,head_name\nA1,"half a quote\n', undefined, 'file-unreadable');
    await failed(Buffer.from([0x6e, 0xff, 0xff, 0x0a]), undefined, 'encoding-unknown');
    await failed(`number,head_name\n${'A1,x\n'.repeat(20_001)}`, undefined, 'too-many-rows');
    await failed('not a workbook', xlsxType, 'file-unreadable');
    await failed(`a\n${'x'.repeat(60_000)}`, undefined, 'file-unreadable');
    await failed(bomb(), xlsxType, 'file-too-large');
    await failed(bomb(1_000), xlsxType, 'file-too-large');
    await failed(bomb(0), xlsxType, 'file-unreadable');
  });

  await t.test('what is not taken', async t => {
    isRefused(t, await send(service, clerk, '{}', { type: 'application/json' }), '415 media-type-unsupported');
    isRefused(t, await send(service, clerk, 'x', { type: 'text/plain' }), '415 media-type-unsupported');
    isRefused(t, await send(service, clerk, Buffer.alloc(20 * 1024 * 1024 + 1)), '413 body-too-large');
    isRefused(t, await send(service, clerk, 'x', { query: '?dryRun=maybe' }), '400 validation-failed', {
      errors: ['/querystring/dryRun type'],
    });
    const award = await service.app.inject({
      method: 'POST',
      url: `${at}/households`,
      headers: { authorization: `Bearer ${clerk.token}`, 'content-type': 'text/csv', 'idempotency-key': 'csv' },
      payload: 'number\n1',
    });
    t.equal(award.statusCode, 415, 'a file is accepted only here');
  });

  await t.test('one key, one import', async t => {
    const headers = { 'content-type': 'text/csv', 'idempotency-key': randomUUID() };
    const first = await clerk('POST', imports, 'number,head_name\nK1,钱七\n', headers);
    const again = await clerk('POST', imports, 'number,head_name\nK1,钱七\n', headers);
    t.strictSame([again.status, again.body], [201, first.body]);
    isRefused(t, await clerk('POST', imports, 'number,head_name\nK2,钱七\n', headers), '422 idempotency-key-reused');
    isRefused(
      t,
      await clerk('POST', `${first.headers.location}/commit`, {}),
      '409 wrong-state',
      { state: 'received', allowedFrom: ['reported'], since: '2026-11-23T02:00:00.000Z' },
      'before it is reported',
    );
    const page = (await clerk('GET', `${imports}?limit=1`)).body;
    t.equal(page.data[0].id, first.body.id);
    t.equal((await clerk('GET', `${imports}?limit=1&cursor=${page.nextCursor}`)).body.data.length, 1);
  });

  await t.test('a full file of 20 MiB is read, in little memory', async t => {
    const line = `${'备注'.repeat(170)}`;
    const rows = Array.from({ length: 19_000 }, (_, n) => `L${n + 1},户主${n},${line}`);
    const file = Buffer.from(`number,head_name,备注\n${rows.join('\n')}`).subarray(0, 20 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    const dry = await imported(service, clerk, file);
    t.match(dry.body, { state: 'reported' });
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    t.comment(`${(file.length / 1024 / 1024).toFixed(1)} MiB, ${dry.body.rows} rows, ${Math.round(grown)} MiB more`);
    t.ok(grown < 600);
  });
});

test('an import that is broken off', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const rows = Array.from({ length: 900 }, (_, n) => `K${n + 1},户主${n},${1_000 + n}`);
  const csv = ['number,head_name,id_last4', ...rows].join('\n');
  const sent = await send(service, clerk, csv, { query: '?dryRun=false' });
  const key = { village: villages.own, importId: sent.body.id };
  const run = (database = service.database) => runImport({ ...service, database }, key);
  const progress = async () => (await clerk('GET', sent.url)).body;

  // Before the report commits; with it committed and nobody told; in the second batch; with the third committed.
  await t.rejects(run(dying(service.database, { at: 2, committed: false })), /died/);
  t.match(await progress(), { state: 'checking', mistakes: 0 });
  await t.rejects(run(dying(service.database, { at: 2, committed: true })), /died/);
  t.match(await progress(), { state: 'committing', good: 900, entered: 0 });
  await t.rejects(run(dying(service.database, { at: 3, committed: false })), /died/);
  t.match(await progress(), { state: 'committing', entered: 200 });
  await t.rejects(run(dying(service.database, { at: 3, committed: true })), /died/);
  t.match(await progress(), { state: 'committing', entered: 400 });
  await Promise.all([run(), sweepImports(service)]);
  t.match(await progress(), { state: 'done', entered: 900, alreadyThere: 0, mistakes: 0 });
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '52'`);
  const { rows: counted } = await owner.query(
    'select count(*)::integer as n, count(distinct number)::integer as numbers from households.household',
  );
  t.strictSame(counted, [{ n: 900, numbers: 900 }]);

  const poison = await send(service, clerk, 'number,head_name\nP1,某\n');
  const its = { village: villages.own, importId: poison.body.id };
  for (let left = 2; left > 0; left -= 1) {
    await t.rejects(
      runImport({ ...service, database: dying(service.database, { at: 2, committed: false }) }, its),
      /died/,
    );
  }
  await runImport(service, its);
  const parked = await reportOf(clerk, poison.url);
  t.match(parked, { body: { state: 'failed' }, rows: [[1, null, 'broken-off-twice']] }, 'it is parked');

  const broken = await send(service, clerk, 'number,head_name\nP3,欧阳某\n', { query: '?dryRun=false' });
  await owner.query('alter table households.member add constraint planted check (name <> $$欧阳某$$) not valid');
  const failure = await runImport(service, { village: villages.own, importId: broken.body.id }).catch(error => error);
  t.match(String(failure), /23514 planted/);
  t.notMatch(String(failure), /欧阳/, 'no log and no queue is told of people');
  await owner.query('alter table households.member drop constraint planted');

  const left = await imported(service, clerk, 'number,head_name\nP2,某\n');
  service.clock.pass({ hours: 24 * 8 });
  await sweepImports(service);
  t.match((await clerk('GET', left.url)).body, { state: 'failed' }, 'nobody came back for it');
});

test('a file that keeps its reader busy stops nobody', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const [many, header] = ['('.repeat(200_000), ['number', 'head_name']];
  const planted = async (rows: string[][]) => {
    const workbook = Buffer.from(await writeXlsx({ sheets: [{ name: '名册', rows }] }));
    return imported(service, clerk, workbook, { type: xlsxType });
  };
  const inHeader = await planted([
    [...header, many],
    ['A1', '张三', ''],
  ]);
  t.match(inHeader.body, { state: 'reported', good: 1, ignoredColumns: ['('.repeat(60)] });
  const inRow = await planted([
    [...header, 'address', 'phone', 'id_last4'],
    ['A1', many, many, many, many],
  ]);
  t.match(inRow.body, { state: 'reported', good: 0 });
  t.strictSame(inRow.rows.map(([, column]) => column).sort(), ['address', 'head_name', 'id_last4', 'phone']);
  const { rows } = await openRoster(Buffer.from(`number,head_name\nA1,${'('.repeat(40_000)}\n`), 'csv', rosterHeadings);
  for await (const { cells } of rows) t.ok(cells.every(cell => cell.length <= 1_000));
});

test('the thread that reads can be ended', async t => {
  const grids = new Map<string, number>();
  const rows = Array.from({ length: 20_000 }, (_, n) => `L${n},户主${n},${'住址'.repeat(50)}`).join('\n');
  const task = () => ({
    file: new TextEncoder().encode(`number,head_name,address\n${rows}`),
    format: 'csv' as const,
    grids,
  });
  const thread = new URL('../src/rosters/reading-thread.ts', import.meta.url);
  const never = () => t.fail('it got nowhere') as never;
  await t.rejects(readApart(thread, task(), never, { maxMs: 1 }), /file-too-slow/);
  await t.rejects(
    readApart(thread, task(), async () => {}, { maxMb: 12 }),
    /file-too-large/,
  );
  let turns = 0;
  const count = setInterval(() => (turns += 1), 1);
  const told: number[] = [];
  const roster = await readApart<Roster>(thread, task(), async rows => void told.push(rows));
  clearInterval(count);
  t.equal(roster.households.length, 20_000);
  t.strictSame([told.length, told.at(-1)], [20, 20_000]);
  t.ok(turns > 3, 'meanwhile others were served');
});

test('what happens between the report and the commit', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const dry = await imported(
    service,
    clerk,
    'number,head_name,id_last4\nC1,甲某,1111\nC2,乙某,2222\nC3,丙某,3333\nC4,丁某,4444\n',
  );
  t.match(dry.body, { good: 4 });
  await service.household({ number: 'C1', members: [{ name: '甲某', idLast4: '1111' }] });
  await service.household({ number: 'C2', members: [{ name: '另一人' }] });
  await service.household({ number: 'X9', members: [{ name: '丙某', idLast4: '3333' }] });
  await clerk('POST', `${dry.url}/commit`, {});
  await runImport(service, { village: villages.own, importId: dry.id });
  const { body, rows: input } = await reportOf(clerk, dry.url);
  t.match(body, { state: 'done', entered: 1, good: 1, alreadyThere: 1, mistakes: 2 });
  t.strictSame(input, [
    [3, 'number', 'number-taken'],
    [4, 'head_name', 'person-elsewhere'],
  ]);
});

test('the roster again, with a newborn and a new phone', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const header = 'number,grid_number,head_name,member_name,phone,id_last4,members,address';
  const send = (lines: string[], query = '?dryRun=false') =>
    imported(service, clerk, [header, ...lines].join('\n'), { query });
  const first = await send([
    'N1,,张三,,13800000001,1111,,',
    ',,,李梅,,,,',
    'N2,,王五,,13800000002,,2,',
    'N3,,赵六,,,,,',
  ]);
  t.match(first.body, { entered: 3, mistakes: 0 });

  const same = await send(['N01,,张 三,,138-0000-0001,,,', ',,,李梅,,,,', 'N2,,王五,,,,2,']);
  t.strictSame([same.body.alreadyThere, same.rows], [2, []], 'another spelling is no difference');

  const lines = [
    'N1,1,张三,,13900000001,1111,,一组8号',
    ',,,李梅,,2222,,',
    ',,,张小宝,,3333,,',
    ',,,赵六,13800000009,,,',
    'N2,,王五,,,,3,',
    'N4,,钱七,,,,,',
  ];
  await service.household({ number: 'X1', members: [{ name: '张小宝', idLast4: '3333' }] });
  const before = (await clerk('GET', `${at}/households?q=N1`)).body;
  const dry = await send(lines, '');
  const differences = [
    [2, 'address', 'address-differs'],
    [2, 'grid_number', 'grid-differs'],
    [2, 'phone', 'phone-differs'],
    [3, 'id_last4', 'id-differs'],
    [4, 'member_name', 'person-elsewhere'],
    [5, 'member_name', 'member-new'],
    [6, 'members', 'members-differ'],
  ];
  t.strictSame(dry.rows, differences);
  t.match(dry.body, { state: 'reported', good: 1, alreadyThere: 2, mistakes: 7 });
  const entered = await send(lines);
  t.strictSame(entered.rows, differences);
  t.match(entered.body, { state: 'done', entered: 1, alreadyThere: 2 }, 'and keep nobody out');
  t.strictSame((await clerk('GET', `${at}/households?q=N1`)).body, before, 'the register is as it was');
});

test('what a roster says differently is taken over, each by choice', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  await admin('POST', `${at}/grids`, { number: 2, name: '第二组' });
  const header = 'number,grid_number,head_name,member_name,phone,id_last4,members,address';
  const send = (lines: string[], query = '') => imported(service, clerk, [header, ...lines].join('\n'), { query });
  await send(
    ['N1,,张三,,13800000001,1111,,', ',,,李梅,,,,', 'N2,,王五,,13800000002,,,', 'N3,,赵六,,,,2,', 'N5,,孙八,,,,,'],
    '?dryRun=false',
  );
  const household = async (number: string) => (await clerk('GET', `${at}/households?q=${number}`)).body.data[0];
  const seen = async (number: string) => {
    const { grid, address, members } = await household(number);
    return [
      grid,
      address,
      ...members.map((one: { name: string; phone: string; idLast4: string }) => [one.name, one.phone, one.idLast4]),
    ];
  };
  const lines = [
    'N1,1,张三,,13900000001,1111,,一组8号',
    ',,,李梅,,2222,,',
    ',,,张小宝,,3333,,',
    'N2,2,王五,,13900000002,,,',
    ',,,王小妹,,,,',
    'N3,,赵六,,,,3,',
    'N4,,钱七,,,,,',
    'N5,,孙八,,,555X,,',
  ];
  const dry = await send(lines);
  t.strictSame(
    dry.mistakes.map(({ difference, takenOver }: { difference: string | null; takenOver: boolean }) => [
      difference,
      takenOver,
    ]),
    [
      ['2/address-differs', false],
      ['2/grid-differs', false],
      ['2/phone-differs', false],
      ['3/id-differs', false],
      ['4/member-new', false],
      ['5/grid-differs', false],
      ['5/phone-differs', false],
      ['6/member-new', false],
      [null, false],
      ['9/id-differs', false],
    ],
    'who is only counted has no name to be taken over',
  );

  const commit = (takeOver: unknown, url = dry.url) => clerk('POST', `${url}/commit`, { takeOver });
  for (const key of ['2/id-differs', '7/members-differ', '44/phone-differs']) {
    isRefused(t, await commit(['2/phone-differs', key]), '400 validation-failed', { errors: ['/takeOver/1 unknown'] });
  }
  t.equal((await commit('some')).status, 400);
  const before = await seen('N5');
  // Between the report and the commit somebody corrects one of them, and another household becomes one's own.
  const { members } = await household('N2');
  const call = patch(`${at}/members/${members[0].id}`, { phone: '13700000002' });
  t.equal((await clerk('PATCH', call.url, call.body, call.headers)).status, 200);
  await admin('PUT', `${at}/users/${clerk.actor.id}/kin`, {
    entries: [{ householdId: (await household('N5')).id, relation: 'own' }],
  });
  const chosen = [
    '2/phone-differs',
    '2/grid-differs',
    '3/id-differs',
    '4/member-new',
    '5/phone-differs',
    '9/id-differs',
  ];
  t.match((await commit(chosen)).body, { state: 'committing', takenOver: 0 });
  const run = () => runImport(service, { village: villages.own, importId: dry.id });
  await t.rejects(
    runImport(
      { ...service, database: dying(service.database, { at: 2, committed: false }) },
      { village: villages.own, importId: dry.id },
    ),
    /died/,
  );
  t.strictSame((await seen('N1'))[0], null, 'broken off, nothing is taken over');
  await run();
  await run();

  t.strictSame(
    await seen('N1'),
    [1, null, ['张三', '13900000001', '1111'], ['李梅', null, '2222'], ['张小宝', null, '3333']],
    'what was chosen, and no more',
  );
  t.strictSame(await seen('N2'), [null, null, ['王五', '13700000002', null]], 'and nothing newer is overwritten');
  t.strictSame(await seen('N5'), before, 'nor the own household');
  t.ok(await household('N4'), 'and others are enrolled');
  const report = await reportOf(clerk, dry.url);
  t.match(report.body, { state: 'done', entered: 1, alreadyThere: 4, takenOver: 4 });
  t.strictSame(
    report.mistakes.flatMap(({ difference, takenOver }) => (takenOver ? [difference] : [])),
    chosen.slice(0, 4).sort(),
  );
  t.strictSame(
    report.rows.filter(([, , code]) => code === 'changed-since' || code === 'own-household'),
    [
      [5, 'phone', 'changed-since'],
      [9, 'id_last4', 'own-household'],
    ],
  );
  const { data } = (await clerk('GET', `${at}/corrections?householdId=${(await household('N1')).id}`)).body;
  t.strictSame(
    data.map(({ field, from, to, byUserId }: Record<string, string>) => [field, from, to, byUserId]).sort(),
    [
      ['grid', null, '1', clerk.actor.id],
      ['idLast4', null, '2222', clerk.actor.id],
      ['phone', '13800000001', '13900000001', clerk.actor.id],
    ],
  );

  const again = await send(lines);
  t.strictSame(
    again.rows,
    [
      [2, 'address', 'address-differs'],
      [5, 'grid_number', 'grid-differs'],
      [5, 'phone', 'phone-differs'],
      [6, 'member_name', 'member-new'],
      [7, 'members', 'members-differ'],
      [9, 'id_last4', 'id-differs'],
    ],
    'the same roster again differs in what was left',
  );
  await service.household({ number: 'X1', members: [{ name: '王小妹', phone: '13600000000' }] });
  t.equal((await commit('all', again.url)).status, 200);
  await runImport(service, { village: villages.own, importId: again.id });
  t.match((await reportOf(clerk, again.url)).body, { state: 'done', entered: 0, takenOver: 4 });
  t.strictSame(
    await seen('N2'),
    [2, null, ['王五', '13900000002', null], ['王小妹', null, null]],
    'a namesake is no hindrance',
  );
  t.strictSame(
    (await send(lines)).rows.map(([, , code]) => code),
    ['members-differ', 'id-differs'],
  );
});

test('a difference is not taken over where the person would be registered twice, or the household is closed', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const send = (lines: string[], query = '') =>
    imported(service, clerk, ['number,head_name,phone,id_last4', ...lines].join('\n'), { query });
  await send(['N1,张三,13800000001,', 'N2,李四,13800000002,', 'X1,张三,13900000001,7777'], '?dryRun=false');
  const dry = await send(['N1,张三,13900000001,', 'N2,李四,13900000002,']);
  t.strictSame(
    dry.rows.map(([, , code]) => code),
    ['phone-differs', 'phone-differs'],
  );
  await service.inVillage(villages.own, tx =>
    tx.execute(
      sql`select households.set_state(village, id, 'closed', gen_random_uuid(), now(), null) from households.household where number = 'N2'`,
    ),
  );
  await clerk('POST', `${dry.url}/commit`, { takeOver: 'all' });
  await runImport(service, { village: villages.own, importId: dry.id });
  const report = await reportOf(clerk, dry.url);
  t.match(report.body, { state: 'done', takenOver: 0 });
  t.strictSame(report.rows, [
    [2, 'phone', 'person-elsewhere'],
    [2, 'phone', 'phone-differs'],
    [3, 'phone', 'household-closed'],
    [3, 'phone', 'phone-differs'],
  ]);
  t.equal((await clerk('GET', `${at}/corrections`)).body.data.length, 0, 'and no history tells of what was not done');
});

test('a worker does it', async t => {
  const service = await openService(t, {
    now: Temporal.Now.instant().subtract({ minutes: 1 }).toString(),
    worker: true,
  });
  const clerk = await service.as('clerk');
  await startWorker(service);
  const sent = await send(service, clerk, 'number,head_name\nW1,某人\n', { query: '?dryRun=false' });
  const state = async () => (await clerk('GET', sent.url)).body.state;
  await until(async () => !['received', 'checking', 'reported', 'committing'].includes(await state()), 'it is done');
  t.equal(await state(), 'done');
});

test('a mistake is told in words', async t => {
  t.strictSame(wordsOf({ code: 'person-twice', facts: { row: 12 } }), {
    zh: '此人与第 12 行是同一人。',
    en: 'The same person is listed in row 12.',
  });
});

/** A database whose process dies in the `at`-th database transaction from now, before or after it commits. */
function dying(database: Database, { at, committed }: { at: number; committed: boolean }): Database {
  let left = at;
  const die = () => {
    throw new Error('died');
  };
  return {
    ...database,
    async inTransaction<T>(scope: string, work: (tx: Tx) => Promise<T>): Promise<T> {
      left -= 1;
      if (left > 0) return database.inTransaction(scope, work);
      const result = await database.inTransaction(scope, async tx => {
        const done = await work(tx);
        return committed ? done : die();
      });
      die();
      return result;
    },
  };
}

/** Chinese text as an office writes it: what the decoder reads is turned round, character by character. */
function gb18030(text: string): Buffer {
  const decoder = new TextDecoder('gb18030');
  const codes = new Map<string, number[]>();
  for (let high = 0x81; high <= 0xfe; high += 1) {
    for (let low = 0x40; low <= 0xfe; low += 1) codes.set(decoder.decode(Uint8Array.of(high, low)), [high, low]);
  }
  return Buffer.from([...text].flatMap(one => (one < '\x80' ? [one.charCodeAt(0)] : codes.get(one)!)));
}

/** A ZIP of one sheet that unpacks to sixty megabytes, and says so, or says another size. */
function bomb(declaredSize = 60 * 1024 * 1024): Buffer {
  return zip('xl/worksheets/sheet1.xml', Buffer.alloc(60 * 1024 * 1024, ' '), declaredSize);
}

function zip(name: string, content: Buffer, declaredSize: number): Buffer {
  const packed = deflateRawSync(content, { level: 1 });
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(packed.length, 18);
  local.writeUInt32LE(declaredSize, 22);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(declaredSize, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, entry, Buffer.from(name), end]);
}
