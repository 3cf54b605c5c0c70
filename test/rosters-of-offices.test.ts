import { readFile } from 'node:fs/promises';
import { writeXlsx } from 'hucre/xlsx';
import { test } from 'tap';
import { rosterHeadings } from '../src/rosters/columns.ts';
import { readRoster } from '../src/rosters/roster.ts';
import { openRoster } from '../src/rosters/rows.ts';

/** Rosters as offices make them: the files of `test/rosters`, and brothers of each. */

const grids = new Map([
  ['第一组', 1],
  ['第二组', 2],
]);

async function reading(file: Buffer | string, format: 'csv' | 'xlsx' = 'csv') {
  try {
    const roster = await readRoster(await openRoster(Buffer.from(file), format, rosterHeadings), grids, () => {});
    const households = roster.households.map(({ number, members, grid, address }) => {
      const people = members.map(({ name, phone, idLast4 }) => [name, phone, idLast4].filter(Boolean).join(' '));
      return [number, ...(grid === null ? [] : [grid]), ...(address ? [address] : []), ...people];
    });
    return { roster, households, mistakes: roster.mistakes.map(({ row, column, code }) => [row, column, code]) };
  } catch (error) {
    return { households: [], mistakes: [[0, '', (error as { mistake: string }).mistake]] };
  }
}

async function readingFile(name: string) {
  const file = await readFile(new URL(`rosters/${name}`, import.meta.url));
  return reading(file, name.endsWith('.csv') ? 'csv' : 'xlsx');
}

const workbook = async (rows: (string | number)[][]) =>
  Buffer.from(await writeXlsx({ sheets: [{ name: '名册', rows }] }));

test('nobody in these files is lost or invented', async t => {
  const expected: [file: string, households: (string | number)[][], mistakes?: (string | number)[][]][] = [
    ['a6-fullwidth.csv', [['A61', 1, '张　三 13800000001 123X', '家庭成员2', '家庭成员3']]],
    [
      'a7-mixed-bytes.csv',
      [
        ['A71', '张三 13800000001'],
        ['A72', '李四 13800000002'],
        ['A73', '王五 13800000003'],
      ],
    ],
    ['a8-apostrophe.csv', [['A81', '张三 13800000001 0123']]],
    [
      'b1-relation-layout.csv',
      [
        ['B11', '张三 13800000001 1234', '李梅 1243', '张小明 1252'],
        ['B12', '王五 13800000002 1269'],
      ],
    ],
    ['b2-no-head-column.csv', [['B21', '张三 1234', '李梅 1243']]],
    ['b3-head-and-member-in-one-row.csv', [['B31', '张三', '李梅 1234', '张小明 5678']]],
    [
      'b4-merged-cells.xlsx',
      [
        ['B41', 1, '张三 13800000001', '李梅', '张小明', '张小红'],
        ['B42', 2, '王五 13800000002', '赵兰'],
      ],
    ],
    [
      'b5-title-rows.xlsx',
      [
        ['B51', 1, '张三 13800000001'],
        ['B52', 2, '李四 13800000002'],
      ],
      [[6, '', 'row-left']],
    ],
    [
      'b6-two-header-rows.xlsx',
      [
        ['B61', 1, '张三 13800000001', '家庭成员2', '家庭成员3'],
        ['B62', 2, '李四 13800000002', '家庭成员2'],
      ],
    ],
    [
      'b7-number-per-group.csv',
      [
        ['1', 1, '张三'],
        ['2', 1, '李四'],
        ['1', 2, '王五'],
        ['2', 2, '赵六'],
      ],
      [2, 4, 3, 5].map(row => [row, 'number', 'number-per-group']),
    ],
    ['b8-heads-and-phone-words.csv', [['B81', 1, '第一组8号', '张三 13800000001']]],
    ['b11-title-row.csv', [['B111', '张三 13800000001']]],
    [
      'c1-error-cells.xlsx',
      [
        ['C11', '#N/A 1234'],
        ['C12', '#REF! 1234'],
        ['C13', '#VALUE! 2345'],
        ['C14', '#NAME?'],
        ['C15', '张三 3456'],
      ],
      [2, 3, 4, 5].map(row => [row, 'head_name', 'name-bad']),
    ],
    [
      'c4-formula-not-cached.xlsx',
      [
        ['C41', '张三 1234'],
        ['C42', ''],
      ],
      [[3, 'head_name', 'formula-unkept']],
    ],
    ['c6-phonetic-inline.xlsx', [['C61', '宁东']]],
    ['c7-hidden-first-sheet.xlsx', [['C71', '张三']]],
    ['c8-cover-sheet-first.xlsx', [['C81', '张三']]],
    [
      'c9-leading-zeros-before.csv',
      [
        ['0091', '张三 13800000001 0123'],
        ['0092', '李四 08586666666 0045'],
      ],
    ],
    [
      'c9-leading-zeros.xlsx',
      [
        ['91', '张三 13800000001 0123'],
        ['92', '李四 08586666666 0045'],
      ],
    ],
    [
      'c11-phantom-last-row.xlsx',
      [
        ['C111', '张三'],
        ['C112', '李四'],
      ],
    ],
    ['c14-formatted-far-column.xlsx', [['C141', '张三']]],
    [
      'c16-bare-quote.csv',
      [
        ['C161', '第一组8号', '张三'],
        ['C162', '3组"老槐树"旁', '李四'],
        ['C163', '第二组1号', '王五'],
      ],
    ],
    [
      'c17-multi-phones.csv',
      [
        ['C171', '张三 13800000001'],
        ['C172', '李四 13800000001'],
        ['C173', '王五 13800000001'],
        ['C174', '赵六 0858666666'],
        ['C175', '孙七'],
      ],
    ],
    [
      'd2-same-person-spaced.csv',
      [
        ['D21', '张三 7771'],
        ['D22', '张 三 7771'],
        ['D23', '张　三 7771'],
      ],
      [3, 4].map(row => [row, 'head_name', 'person-twice']),
    ],
    [
      'e16-quote-first.csv',
      [
        ['E161', '"老槐树"旁', '郑六'],
        ['E162', '第一组', '郑七'],
      ],
    ],
    ['e18-old-excel.xlsx', [], [[0, '', 'file-is-xls']]],
    ['e19-html-as-excel.xlsx', [], [[0, '', 'file-is-html']]],
    ['e20-csv-as-excel.xlsx', [], [[0, '', 'file-is-csv']]],
    ['e23-trailing-note.csv', [['E231', '吴六']], [3, 4].map(row => [row, '', 'row-left'])],
  ];
  for (const [file, households, mistakes = []] of expected) {
    const read = await readingFile(file);
    t.strictSame(read.households, households, file);
    t.strictSame(read.mistakes, mistakes, file);
  }
});

test('what the columns mean, and where their names stand', async t => {
  const title = await readingFile('b5-title-rows.xlsx');
  t.match(title.roster, { sheet: '花名册', headerRow: 3 });
  t.strictSame(title.roster!.ignored, []);
  const double = await readingFile('b6-two-header-rows.xlsx');
  t.equal(double.roster!.headerRow, 1);
  t.strictSame(double.roster!.columns, [
    { column: 'number', heading: '户号' },
    { column: 'head_name', heading: '户主姓名' },
    { column: 'phone', heading: '联系电话' },
    { column: 'members', heading: '人数' },
    { column: 'grid_number', heading: '村民小组' },
  ]);
  const people = await reading('522221198001011234,张三\n522221198201011243,李梅\n');
  t.strictSame(people.roster?.ignored, [], 'people are no columns');
  t.strictSame(
    people.mistakes.map(([, , code]) => code),
    ['column-missing', 'column-missing'],
  );
  const grouped = await reading(
    '户号,户主,,家庭成员,\n,姓名,身份证号,姓名,身份证号\n1,张三,522221198001011234,李梅,522221198201011243\n',
  );
  t.strictSame(grouped.mistakes, []);
  t.strictSame(grouped.households, [['1', '张三 1234', '李梅 1243']]);
});

test('people row by row, in every order', async t => {
  const relation = '户编号,姓名,与户主关系,身份证后四位\n';
  const cases: [what: string, file: string, households: string[][], mistakes?: (string | number)[][]][] = [
    [
      'the head last',
      `${relation}1,李梅,妻,1111\n1,张三,户主,2222\n2,王五,户主,\n`,
      [
        ['1', '张三 2222', '李梅 1111'],
        ['2', '王五'],
      ],
    ],
    [
      'the number with the head alone',
      `${relation}1,张三,户主,\n,李梅,妻,\n,张小明,子,\n`,
      [['1', '张三', '李梅', '张小明']],
    ],
    ['no head', `${relation}1,李梅,妻,\n`, [['1', '李梅']], [[2, 'head_name', 'head-missing']]],
    [
      'two heads',
      `${relation}1,张三,户主,\n1,王五,户主,\n`,
      [
        ['1', '张三'],
        ['1', '王五'],
      ],
      [[3, 'number', 'number-twice']],
    ],
    ['nobody’s member', `${relation},李梅,妻,\n`, [], [[2, 'number', 'member-astray']]],
    [
      'an error for a relation',
      `${relation}1,张三,户主,\n1,李梅,#N/A,\n`,
      [['1', '张三', '李梅']],
      [[3, 'relation', 'cell-error']],
    ],
    [
      'a head who is named and never listed',
      '户号,户主姓名,姓名,与户主关系,电话\n1,张三,李梅,妻,13800000002\n2,王五,王五,户主,13800000003\n',
      [
        ['1', '张三', '李梅 13800000002'],
        ['2', '王五 13800000003'],
      ],
    ],
    [
      'number and head in each row',
      '户号,户主姓名,家庭成员\n1,张三,张三\n1,张三,李梅\n01,张 三,张小明\n2,王五,\n',
      [
        ['1', '张三', '李梅', '张小明'],
        ['2', '王五'],
      ],
    ],
    [
      'the head listed again',
      '户号,户主,成员,身份证后四位\n1,张三,李梅,1111\n,,张三,2222\n',
      [['1', '张三 2222', '李梅 1111']],
    ],
    [
      'another head’s name in a row',
      '户号,户主,姓名,关系\n1,张三,王五,户主\n',
      [['1', '王五']],
      [[2, 'head_name', 'head-differs']],
    ],
  ];
  for (const [what, file, households, mistakes = []] of cases) {
    const read = await reading(file);
    t.strictSame(read.households, households, what);
    t.strictSame(read.mistakes, mistakes, what);
  }
});

test('phones, ID numbers and their zeros', async t => {
  const header = '户号,户主,身份证号,联系电话,手机';
  const texts = await reading(
    [
      header,
      '1,张三,522221198001011234,,13900000001',
      '2,李四,12345x,无,-',
      '3,王五,123x,13800000001（儿子）,',
      '4,赵六,522221198001010000,"13800000001\n13900000001",',
      '5,钱七,5.22221E+17,1.38E+10,',
      '6,孙八,,13800000001 13900000001,',
    ].join('\n'),
  );
  t.strictSame(
    texts.households.map(([, person]) => person),
    [
      '张三 13900000001 1234',
      '李四 45X',
      '王五 13800000001 123X',
      '赵六 13800000001 0000',
      '钱七 1.38E+10 E+17',
      '孙八 13800000001',
    ].map(person => person.replace('李四 45X', '李四 345X')),
  );
  t.strictSame(texts.mistakes, [
    [3, 'id_number', 'id-number-bad'],
    [5, 'id_number', 'id-number-bad'],
    [6, 'phone', 'phone-bad'],
    [6, 'id_number', 'id-number-bad'],
  ]);
  const numbers = await reading(
    await workbook([
      ['户号', '户主', '身份证后四位', '身份证号', '电话'],
      [1, '张三', 7, '', 1088888888],
      [2, '李四', '7', '', 75512345678],
      [3, '王五', 1234, 5222211980010112e2, 13800000001],
      [4, '赵六', '', '', 4008001234],
      [5, '钱七', '1235', '522221198001011234', '8586666666'],
    ]),
    'xlsx',
  );
  t.strictSame(
    numbers.households.map(([, person]) => person).filter((_, place) => place !== 2),
    ['张三 01088888888 0007', '李四 075512345678 7', '赵六 4008001234', '钱七 8586666666 1235'],
  );
  t.strictSame(numbers.mistakes, [
    [3, 'id_last4', 'id-bad'],
    [4, 'id_number', 'id-number-bad'],
    [4, 'id_last4', 'id-bad'],
    [6, 'id_last4', 'id-bad'],
  ]);
  for (const { roster } of [texts, numbers]) {
    t.notMatch(JSON.stringify(roster), /52222119800101/, 'nothing else of an ID number is left');
  }
});

test('which sheet is read, and how far', async t => {
  const roster = (number: string) => ({
    rows: [
      ['户号', '户主'],
      [number, '张三'],
    ],
  });
  const book = async (...sheets: Parameters<typeof writeXlsx>[0]['sheets']) => Buffer.from(await writeXlsx({ sheets }));
  const groups = await reading(
    await book(
      { name: '说明', rows: [['填表说明']] },
      { name: '一组', ...roster('1') },
      { name: '二组', ...roster('2') },
    ),
    'xlsx',
  );
  t.strictSame([groups.households, groups.mistakes], [[['1', '张三']], [[1, '', 'sheets-left']]]);
  t.equal(groups.roster!.sheet, '一组');
  const hidden = await reading(
    await book({ name: '甲', ...roster('1'), hidden: true }, { name: '乙', ...roster('2') }),
    'xlsx',
  );
  t.strictSame([hidden.households, hidden.mistakes], [[['2', '张三']], []], 'nor does a hidden sheet count');
  const none = await reading(
    await book({
      name: '甲',
      rows: [
        ['户号', '电话'],
        ['1', '2'],
      ],
    }),
    'xlsx',
  );
  t.strictSame(none.mistakes, [[1, 'head_name', 'column-missing']]);

  const far = Array.from({ length: 16_384 }, () => '');
  far[16_383] = '低保';
  const farAway = await reading(
    await book({
      name: '甲',
      rows: [
        ['户号', '户主'],
        ['1', '张三'],
        ['2', '李四', ...far.slice(2)],
      ],
    }),
    'xlsx',
  );
  t.strictSame(farAway.mistakes, [[3, '', 'row-too-long']], 'what stands far away is no reason to read nothing');

  const titles = (count: number) => `${'说明,\n'.repeat(count)}户号,户主\n1,张三\n`;
  t.strictSame((await reading(titles(19))).households, [['1', '张三']]);
  t.strictSame((await reading(titles(20))).mistakes, [
    [1, 'number', 'column-missing'],
    [1, 'head_name', 'column-missing'],
  ]);
  const late = `户号,户主\n${',\n'.repeat(30_000)}`;
  t.strictSame((await reading(`${late.slice(0, 20_000)}\n9,张三\n`)).households, [['9', '张三']]);
  t.strictSame(
    (await reading(`${late}9,张三\n`)).mistakes,
    [[0, '', 'too-many-rows']],
    'none is lost behind empty rows',
  );
});

test('what a text is written in, and what its quotation marks are', async t => {
  const lines = [Buffer.from('户号,户主\n'), Buffer.from('1,张三\n')];
  // 户号,户主 / 3,李四 / 4,联通
  const office = [Buffer.from('bba7bac52cbba7d6f70a', 'hex'), Buffer.from('332cc0eecbc40a', 'hex')];
  const ambiguous = Buffer.concat([Buffer.from('4,'), Buffer.from([0xc3, 0xa4, 0xc3, 0xa4]), Buffer.from('\n')]);
  const pasted = await reading(Buffer.concat([...office, office[1]!.fill('5', 0, 1), ambiguous, lines[1]!]));
  t.equal(pasted.roster!.encoding, 'gb18030, utf-8');
  t.strictSame(pasted.households, [
    ['5', '李四'],
    ['5', '李四'],
    ['4', '盲盲'],
    ['1', '张三'],
  ]);
  const spoilt = await reading(Buffer.concat([...lines, Buffer.from([0x32, 0x2c, 0xff, 0xff, 0x0a])]));
  t.strictSame(spoilt.mistakes, [[3, 'head_name', 'control-character']], 'a row that cannot be read is named');
  t.match((await reading(Buffer.from('\ufeff户号,户主\n1,张三\n', 'utf16le'))).households, [['1', '张三']]);

  const open = await reading('户号,户主,住址,备注\n1,张三,一组,"低保\n2,李四,二组,\n3,王五,三组,"党员"\n');
  t.strictSame(open.mistakes, [[2, '', 'quote-open']], 'people whom an open quotation mark takes in are missed');
  const remark = await reading('户号,户主,住址,备注\n1,张三,一组,"低保\n党员, 村民"\n');
  t.strictSame(remark.mistakes, [], 'a remark may have two lines');
});

test('a file is what its first bytes say', async t => {
  const workbookFile = await workbook([
    ['户号', '户主'],
    ['1', '张三'],
  ]);
  const ole = (name: string) =>
    Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(512), Buffer.from(name, 'utf16le')]);
  const cases: [file: Buffer | string, format: 'csv' | 'xlsx', code: string][] = [
    [workbookFile, 'csv', 'file-is-xlsx'],
    [ole('Workbook'), 'csv', 'file-is-xls'],
    [ole('EncryptedPackage'), 'xlsx', 'file-is-encrypted'],
    ['\ufeff\n<table><tr><td>户号</td></tr></table>', 'csv', 'file-is-html'],
    ['<?xml version="1.0"?><Workbook/>', 'xlsx', 'file-is-html'],
    ['户号\t户主\n1\t张三\n', 'xlsx', 'file-is-csv'],
    ['nothing of the kind', 'xlsx', 'file-unreadable'],
    [Buffer.from([0x50]), 'xlsx', 'file-unreadable'],
  ];
  for (const [file, format, code] of cases) t.strictSame((await reading(file, format)).mistakes, [[0, '', code]], code);
});
