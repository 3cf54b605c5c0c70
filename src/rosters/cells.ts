import { type Column, type Header, visible } from './columns.ts';
import type { Mistake, MistakeCode } from './mistakes.ts';
import type { RosterRow } from './rows.ts';
import { unkeptFormula } from './workbook.ts';

/** A row of a roster, by the columns of its header. */
export interface Cells<C extends string = Column> {
  row: number;
  /** What a column says, without blanks around it; letters and digits as narrow ones. */
  text: (column: C) => string;
  /** The same as it was written. */
  written: (column: C) => string;
  /** Whether a spreadsheet keeps the cell as a number, without leading zeros. */
  isNumeric: (column: C) => boolean;
  /** Whether a column stands left of another. */
  isLeftOf: (column: C, other: C) => boolean;
  /** Records a mistake; of a cell, the first. */
  wrong: (column: C | '', code: MistakeCode, facts?: Mistake['facts']) => void;
}

/** What a spreadsheet shows where a formula fails. */
const errorValue = /^#(?:N\/A|VALUE!|REF!|NAME\?|DIV\/0!|NUM!|NULL!|SPILL!|CALC!)$/;

/** Rows by the columns of a header. One that holds nobody is named as a mistake of its own, and answers undefined. */
export function cellsReader<C extends string>({ columns, width }: Header<C>, mistakes: Mistake[]) {
  const placeOf = (column: C, cells: string[]) =>
    columns.get(column)?.find(place => cells[place]?.trim()) ?? columns.get(column)?.[0] ?? -1;

  return ({ row, cells, numeric, swallows = false }: RosterRow): Cells<C> | undefined => {
    const spoilt = new Set<string>();
    const wrong: Cells<C>['wrong'] = (column, code, facts = {}) => {
      if (column === '' || !spoilt.has(column)) mistakes.push({ row, column, code, facts });
      spoilt.add(column);
    };
    if (isNote(cells)) return void wrong('', 'row-left');
    if (swallows) wrong('', 'quote-open');
    else if (cells.slice(width).some(cell => cell.trim() !== '')) wrong('', 'row-too-long');
    const texts = new Map<C, string>();
    for (const column of columns.keys()) {
      const cell = (cells[placeOf(column, cells)] ?? '').trim();
      // Two phones below each other in a cell.
      const line = column === 'phone' || column === 'head_phone' ? cell.replace(/[\r\n]+/g, '/') : cell;
      if (line !== visible(line)) wrong(column, 'control-character');
      // An apostrophe before a number keeps a spreadsheet from reading it as one.
      texts.set(
        column,
        visible(line)
          .replace(/^['‘’＇`]/, '')
          .trim(),
      );
    }
    const written = (column: C) => texts.get(column) ?? '';
    for (const column of columns.keys()) {
      const isName = column === 'head_name' || column === 'member_name';
      if (!isName && errorValue.test(written(column))) wrong(column, 'cell-error');
      else if (numeric === undefined || written(column) !== unkeptFormula) continue;
      else if (column !== 'id_last4' || written('id_number' as C) === '') wrong(column, 'formula-unkept');
      texts.set(column, '');
    }
    return {
      row,
      written,
      text: column => written(column).normalize('NFKC').trim(),
      isNumeric: column => numeric?.has(placeOf(column, cells)) ?? false,
      isLeftOf: (column, other) => placeOf(column, cells) < placeOf(other, cells),
      wrong,
    };
  };
}

/** A total, a note or a signature, as it stands below a roster. */
function isNote(cells: string[]): boolean {
  const first = cells.find(cell => cell.trim() !== '') ?? '';
  const plain = first.slice(0, 60).normalize('NFKC').replace(/\s/g, '');
  return (
    /^(?:合计|总计|小计|共计|总户数|总人数)(?:$|[^\p{L}])/u.test(plain) ||
    /^(?:填表|制表|填报|审核|审批|负责|经办|录入|统计|备注|说明|注)\p{L}{0,6}:/u.test(plain)
  );
}
