import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { streamXlsxRows } from 'hucre/xlsx';
import type { MistakeCode } from './mistakes.ts';
import { checkWorkbook } from './workbook.ts';

/** More than any village has people. */
const rowsMax = 20_000;

/** Longer than anything that a village writes in one cell. Whatever looks at a cell looks at no more of it. */
const cellMaxLength = 1_000;

/** A row of the file, as the spreadsheet counts them, from 1; cells as text. */
export interface RosterRow {
  row: number;
  cells: string[];
}

/** What is thrown where the file as a whole is no roster. */
export function unreadable(mistake: MistakeCode): Error {
  return Object.assign(new Error(`no roster: ${mistake}`), { mistake });
}

/** What is wrong with the file, where that is why something was thrown. */
export function mistakeIn(error: unknown): MistakeCode | undefined {
  return error instanceof Error && 'mistake' in error ? (error.mistake as MistakeCode) : undefined;
}

/**
 * Rows of a file, one by one, without those that are empty; and by whom its text was encoded.
 * @throws `unreadable`, at once or on the way
 */
export async function openRoster(
  file: Buffer,
  format: 'csv' | 'xlsx',
): Promise<{ encoding: string; rows: AsyncIterable<RosterRow> }> {
  if (file.length === 0) throw unreadable('file-empty');
  if (format === 'csv') {
    const { encoding, text } = decoded(file);
    return { encoding, rows: bounded(rowsOfCsv(text)) };
  }
  const verdict = await checkWorkbook(file);
  if (verdict !== 'sound') throw unreadable(verdict);
  return { encoding: 'utf-8', rows: bounded(rowsOfXlsx(file)) };
}

async function* bounded(rows: AsyncIterable<RosterRow>): AsyncGenerator<RosterRow> {
  try {
    for await (const { row, cells } of rows) {
      if (row > rowsMax + 1) throw unreadable('too-many-rows');
      const cut = cells.map(cell => cell.slice(0, cellMaxLength));
      if (cut.some(cell => cell.trim() !== '')) yield { row, cells: cut };
    }
  } catch (error) {
    throw mistakeIn(error) === undefined ? unreadable('file-unreadable') : error;
  }
}

/** UTF-8 where it can be; else what a Chinese Excel writes. */
function decoded(file: Buffer): { encoding: string; text: string } {
  const isUtf16 = file[0] === 0xff && file[1] === 0xfe;
  for (const encoding of isUtf16 ? ['utf-16le'] : ['utf-8', 'gb18030']) {
    try {
      return { encoding, text: new TextDecoder(encoding, { fatal: true }).decode(file) };
    } catch {
      // The next one, then.
    }
  }
  throw unreadable('encoding-unknown');
}

async function* rowsOfCsv(text: string): AsyncGenerator<RosterRow> {
  const header = text.slice(0, 2_000).split(/\r?\n|\r/, 1)[0]!;
  const countOf = (mark: string) => header.split(mark).length;
  const [delimiter] = [',', '\t', ';'].sort((a, b) => countOf(b) - countOf(a));
  const parser = Readable.from(pieces(text)).pipe(
    parse({
      delimiter: delimiter!,
      bom: true,
      relax_column_count: true,
      skip_empty_lines: false,
      max_record_size: 50_000,
    }),
  );
  let row = 0;
  for await (const cells of parser as AsyncIterable<string[]>) {
    row += 1;
    yield { row, cells };
  }
}

/** Text in pieces, so that a long file is never parsed in one go. */
function* pieces(text: string): Generator<string> {
  const step = 64 * 1024;
  for (let from = 0; from < text.length; from += step) yield text.slice(from, from + step);
}

/** The first sheet. A formula is its text: nothing is worked out. */
async function* rowsOfXlsx(file: Buffer): AsyncGenerator<RosterRow> {
  for await (const { index, values } of streamXlsxRows(file, { sheet: 0, maxRows: rowsMax + 2 })) {
    yield { row: index + 1, cells: values.map(textOf) };
  }
}

function textOf(value: string | number | boolean | Date | null | undefined): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString().slice(0, 10) : String(value);
}
