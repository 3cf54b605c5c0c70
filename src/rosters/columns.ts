import type { Mistake } from './mistakes.ts';

/** Columns of a roster by the names that a header may give them, in lower case and without spaces and underscores. */
const names = {
  number: ['number', 'householdnumber', '户号', '户编号', '家庭编号', '存折号', '编号'],
  grid_number: ['gridnumber', 'grid', 'group', '网格', '网格号', '所属网格', '组', '组别', '组号', '小组', '村民小组'],
  head_name: ['headname', 'head', '户主', '户主姓名'],
  members: ['members', 'membercount', 'people', '人数', '人口', '人口数', '家庭人口', '家庭人数'],
  member_name: ['membername', 'member', '成员', '成员姓名', '家庭成员', '家庭成员姓名'],
  phone: ['phone', 'telephone', 'mobile', '电话', '联系电话', '手机', '手机号', '手机号码'],
  id_last4: ['idlast4', '身份证后四位', '身份证后4位', '身份证号后四位', '身份证号后4位', '证件后四位'],
  address: ['address', '住址', '地址', '家庭住址'],
} as const;

export type Column = keyof typeof names;

const required: Column[] = ['number', 'head_name'];

/** Where each column stands in a row, counted from 0. */
export type Columns = Map<Column, number>;

/** Reads the header of a roster. What it does not know is passed over, and named. */
export function columnsOf(header: string[]): { columns: Columns; ignored: string[]; mistakes: Mistake[] } {
  const columns: Columns = new Map();
  const ignored: string[] = [];
  const mistakes: Mistake[] = [];
  for (const [place, cell] of header.entries()) {
    const plain = cell
      .normalize('NFKC')
      .toLowerCase()
      .replace(/\([^()]*\)|[\s_*:]/g, '');
    const column = (Object.keys(names) as Column[]).find(name => (names[name] as readonly string[]).includes(plain));
    if (column === undefined) {
      if (plain !== '' && ignored.length < 50) ignored.push(visible(cell).trim().slice(0, 60));
    } else if (columns.has(column)) {
      mistakes.push({ row: 1, column, code: 'column-twice', facts: {} });
    } else columns.set(column, place);
  }
  for (const column of required) {
    if (!columns.has(column)) mistakes.push({ row: 1, column, code: 'column-missing', facts: {} });
  }
  return { columns, ignored, mistakes };
}

/** A text without what cannot be seen: control characters, marks of direction, halves of characters. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\ufffd]/gu, '');
}
