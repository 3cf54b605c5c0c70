import type { Mistake } from './mistakes.ts';

/** Columns of a roster by the names that a header may give them, in lower case and without spaces and underscores. */
const names = {
  number: ['number', 'householdnumber', '户号', '户编号', '家庭编号', '存折号', '编号'],
  grid_number: [
    ...['gridnumber', 'grid', 'group', '网格', '网格号', '所属网格', '组', '组别', '组号', '组名', '小组'],
    ...['村民小组', '所属小组', '所在小组', '所属村民小组', '村组'],
  ],
  head_name: ['headname', 'head', '户主', '户主姓名'],
  members: [...['members', 'membercount', 'people', '人数', '人口', '人口数', '家庭人口', '家庭人数', '家庭人口数']],
  member_name: [
    ...['membername', 'member', 'name', '姓名', '成员', '成员姓名', '家庭成员', '家庭成员姓名', '人员姓名'],
  ],
  relation: [
    ...['relation', 'relationship', '与户主关系', '与户主的关系', '同户主关系', '户主关系', '家庭关系', '关系'],
  ],
  phone: [
    ...['phone', 'telephone', 'mobile', '电话', '联系电话', '电话号码', '联系电话号码', '联系方式', '联系号码'],
    ...['手机', '手机号', '手机号码'],
  ],
  head_phone: ['户主电话', '户主联系电话', '户主电话号码', '户主联系方式', '户主手机', '户主手机号', '户主手机号码'],
  id_last4: ['idlast4', '身份证后四位', '身份证后4位', '身份证号后四位', '身份证号后4位', '证件后四位'],
  id_number: [
    ...['idnumber', '身份证', '身份证号', '身份证号码', '居民身份证号码', '公民身份号码', '公民身份证号码'],
    ...['证件号', '证件号码'],
  ],
  head_id_number: ['户主身份证', '户主身份证号', '户主身份证号码', '户主证件号码'],
  address: ['address', '住址', '地址', '家庭住址', '家庭地址', '居住地址', '详细地址', '现住址'],
} as const satisfies Record<string, string[]>;

export type Column = keyof typeof names;

export const columnNames = Object.keys(names) as Column[];

/** What the columns of a kind of file are called, and which of them it cannot do without. */
export interface Headings<C extends string> {
  /** Columns by the names that a header may give them, in lower case and without spaces and underscores. */
  byName: ReadonlyMap<string, C>;
  /** Columns of which there may be several. */
  several: ReadonlySet<C>;
  missing: (found: ReadonlySet<C>) => C[];
}

/** Headings by the names of each column. */
export function headingsOf<C extends string>(
  named: Record<C, readonly string[]>,
  rest: Pick<Headings<C>, 'several' | 'missing'>,
): Headings<C> {
  const columns = Object.keys(named) as C[];
  return { ...rest, byName: new Map(columns.flatMap(column => named[column].map(name => [name, column] as const))) };
}

export const rosterHeadings = headingsOf<Column>(names, {
  several: new Set<Column>(['phone']),
  missing: found => {
    const hasHead = found.has('head_name') || (found.has('member_name') && found.has('relation'));
    return [...(found.has('number') ? [] : ['number' as const]), ...(hasHead ? [] : ['head_name' as const])];
  },
});

/** Where each column stands in a row, counted from 0. */
type Columns<C extends string> = Map<C, number[]>;

/** What the header of a file says: which column is which, for people to look at before anything is entered. */
export interface Header<C extends string = Column> {
  /** Row of the (upper) header, as the spreadsheet counts. */
  row: number;
  /** Cells in it. */
  width: number;
  columns: Columns<C>;
  /** Each column that was understood, and how the file calls it, from left to right. */
  understood: { column: C; heading: string }[];
  ignored: string[];
  mistakes: Mistake[];
}

/** A header stands within so many rows that are not empty: above it are a title, a date, a hint. */
export const headerWithin = 20;

/**
 * Finds the header in the first rows of a roster, in one row or in two that stand above each other: the upper one names
 * groups of columns. Where there is none, the row that comes nearest says what is missing.
 * @returns the header, and the number of `rows` that end with it
 */
export function headerIn<C extends string>(
  rows: { row: number; cells: string[] }[],
  headings: Headings<C>,
): { header: Header<C>; end: number } {
  let nearest: { header: Header<C>; end: number } | undefined;
  for (const [place, row] of rows.slice(0, headerWithin).entries()) {
    const lower = rows[place + 1];
    const singleRow = columnsOf(row.row, row.cells.map(single), headings);
    // A title is no group of columns.
    const isTitle =
      singleRow.columns.size === 0 && lower && !isIncomplete(columnsOf(lower.row, lower.cells.map(single), headings));
    const isDouble = lower !== undefined && !isTitle && isLowerHeader(lower.cells, headings);
    const header = isDouble ? columnsOf(row.row, merged(row.cells, lower.cells), headings) : singleRow;
    const found = { header, end: place + (isDouble ? 2 : 1) };
    if (!isIncomplete(header)) return found;
    if (nearest === undefined || header.columns.size > nearest.header.columns.size) nearest = found;
  }
  if (nearest === undefined) throw new Error('no rows');
  // What was no header is people, and they are not written down as columns.
  if (nearest.header.columns.size === 0) nearest.header.ignored = [];
  return nearest;
}

const single = (cell: string) => [cell];

export function isIncomplete({ mistakes }: Pick<Header, 'mistakes'>): boolean {
  return mistakes.some(({ code }) => code === 'column-missing');
}

/** Most of its cells are names of columns. Of people, one cell may be: 户主, as what somebody is. */
function isLowerHeader<C extends string>(cells: string[], { byName }: Headings<C>): boolean {
  const names = cells.map(plain).filter(cell => cell !== '');
  const known = names.filter(cell => byName.has(cell)).length;
  return known >= 2 && known * 2 > names.length;
}

/** Each column's names, the likeliest first: that of both rows together, of the lower, or of the upper alone. */
function merged(upper: string[], lower: string[]): string[][] {
  let group = '';
  return Array.from({ length: Math.max(upper.length, lower.length) }, (_, place) => {
    const [above = '', below = ''] = [upper[place], lower[place]];
    if (above.trim() !== '') group = above.trim();
    return below.trim() === '' ? [above] : [`${group}${below.trim()}`, below];
  });
}

/** Reads the names of columns. What it does not know is passed over, and named. */
function columnsOf<C extends string>(
  row: number,
  headings: string[][],
  { byName, several, missing }: Headings<C>,
): Header<C> {
  const header: Header<C> = {
    ...{ row, width: headings.length },
    ...{ columns: new Map(), understood: [], ignored: [], mistakes: [] },
  };
  const { columns, understood, ignored, mistakes } = header;
  for (const [place, names] of headings.entries()) {
    const heading = names.find(name => byName.has(plain(name))) ?? names.at(-1)!;
    const column = byName.get(plain(heading));
    const shown = visible(heading).trim().slice(0, 60);
    if (column === undefined) {
      if (shown !== '' && ignored.length < 50) ignored.push(shown);
      continue;
    }
    if (columns.has(column) && !several.has(column)) mistakes.push({ row, column, code: 'column-twice', facts: {} });
    columns.set(column, [...(columns.get(column) ?? []), place]);
    if (understood.length < 50) understood.push({ column, heading: shown });
  }
  for (const column of missing(new Set(columns.keys()))) {
    mistakes.push({ row, column, code: 'column-missing', facts: {} });
  }
  return header;
}

function plain(heading: string): string {
  return heading
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\([^()]*\)|[\s_*:]/g, '');
}

/** A text without what cannot be seen: control characters, marks of direction, halves of characters. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\ufffd]/gu, '');
}
