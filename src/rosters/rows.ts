import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { streamXlsxRows } from 'hucre/xlsx';
import { type Column, type Header, type Headings, headerIn, headerWithin, isIncomplete, visible } from './columns.ts';
import type { MistakeCode } from './mistakes.ts';
import { checkWorkbook, tidyWorkbook, visibleSheets } from './workbook.ts';

/** More than any village has people. */
const rowsMax = 20_000;

/** More than a village needs, and few enough to look at. */
const sheetsMax = 30;

/** Longer than anything that a village writes in one cell. Whatever looks at a cell looks at no more of it. */
const cellMaxLength = 1_000;

/** A row of the file, as the spreadsheet counts them, from 1; cells as text. */
export interface RosterRow {
  row: number;
  cells: string[];
  /** Places of cells that a spreadsheet keeps as numbers: without leading zeros, and with 15 digits. */
  numeric?: Set<number>;
  /** Whether a quotation mark that nobody closed has taken in what looks like another row. */
  swallows?: boolean;
}

/** A roster as it is opened: what its header says, and the rows below. */
export interface OpenRoster<C extends string = Column> {
  /** By whom its text was encoded. */
  encoding: string;
  /** The sheet that is read, and how many others look like a roster too. */
  sheet: string | null;
  otherSheets: number;
  header: Header<C>;
  rows: AsyncIterable<RosterRow>;
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
 * Opens a file, and finds its header; of a workbook, on the first sheet that is not hidden and has one. Rows that are
 * empty are left out.
 * @throws `unreadable`, at once or on the way
 */
export async function openRoster<C extends string>(
  file: Buffer,
  format: 'csv' | 'xlsx',
  headings: Headings<C>,
): Promise<OpenRoster<C>> {
  if (file.length === 0) throw unreadable('file-empty');
  const kind = kindOf(file);
  if (kind !== 'text' && kind !== format) throw unreadable(`file-is-${kind}`);
  if (format === 'xlsx') return openWorkbook(file, kind, headings);
  const { encoding, text } = decoded(file);
  return { encoding, sheet: null, otherSheets: 0, ...(await headed(bounded(rowsOfCsv(text)), headings)) };
}

/** What a file is by its first bytes, whatever it is called. */
function kindOf(file: Buffer): 'xlsx' | 'xls' | 'encrypted' | 'html' | 'text' {
  const start = file.toString('latin1', 0, 200);
  if (start.startsWith('PK\x03\x04')) return 'xlsx';
  if (start.startsWith('\xd0\xcf\x11\xe0')) {
    return file.includes('EncryptedPackage', 0, 'utf16le') ? 'encrypted' : 'xls';
  }
  const text = start.replace(/^\xef\xbb\xbf/, '').trimStart();
  return /^<(?:!doctype|html|head|meta|table|\?xml)/i.test(text) ? 'html' : 'text';
}

async function openWorkbook<C extends string>(
  file: Buffer,
  kind: 'text' | 'xlsx',
  headings: Headings<C>,
): Promise<OpenRoster<C>> {
  if (kind === 'text') throw unreadable(looksLikeCsv(file) ? 'file-is-csv' : 'file-unreadable');
  const verdict = await checkWorkbook(file);
  if (verdict !== 'sound') throw unreadable(verdict);
  const workbook = await tidyWorkbook(file);
  const sheets = await visibleSheets(workbook).catch(() => []);
  const tried: (Awaited<ReturnType<typeof headed<C>>> & { sheet: string })[] = [];
  for (const sheet of sheets.slice(0, sheetsMax)) {
    const rows = bounded(rowsOfXlsx(workbook, sheet));
    const opened = await headed(rows, headings).catch(error =>
      mistakeIn(error) === 'file-empty' ? undefined : Promise.reject(error),
    );
    if (opened !== undefined) tried.push({ ...opened, sheet });
  }
  if (sheets.length === 0) throw unreadable('file-unreadable');
  const rosters = tried.filter(({ header }) => !isIncomplete(header));
  const chosen = rosters[0] ?? tried[0];
  if (chosen === undefined) throw unreadable('file-empty');
  for (const { sheet, rows } of tried) if (sheet !== chosen.sheet) await rows.return(undefined);
  return { encoding: 'utf-8', otherSheets: Math.max(0, rosters.length - 1), ...chosen, sheet: visible(chosen.sheet) };
}

function looksLikeCsv(file: Buffer): boolean {
  const line = file.toString('latin1', 0, 2_000).split(/[\r\n]/, 1)[0]!;
  return !line.includes('\0') && /[,;\t]/.test(line);
}

/** The header in the first rows, and the rows below it. @throws `unreadable` */
async function headed<C extends string>(rows: AsyncGenerator<RosterRow, void, void>, headings: Headings<C>) {
  const top: RosterRow[] = [];
  // One more than where a header may begin: it may go over two.
  while (top.length <= headerWithin) {
    const next = await rows.next();
    if (next.done) break;
    top.push(next.value);
  }
  if (top.length === 0) throw unreadable('file-empty');
  const { header, end } = headerIn(top, headings);
  async function* below(): AsyncGenerator<RosterRow, void, void> {
    yield* top.slice(end);
    yield* rows;
  }
  return { header, rows: below() };
}

async function* bounded(rows: AsyncIterable<RosterRow>): AsyncGenerator<RosterRow, void, void> {
  try {
    for await (const { cells, ...row } of rows) {
      const cut = cells.map(cell => cell.slice(0, cellMaxLength));
      if (cut.every(cell => cell.trim() === '')) continue;
      if (row.row > rowsMax + 1) throw unreadable('too-many-rows');
      yield { ...row, cells: cut };
    }
  } catch (error) {
    throw mistakeIn(error) === undefined ? unreadable('file-unreadable') : error;
  }
}

/**
 * UTF-8 where it can be; else what a Chinese Excel writes. Where somebody has pasted rows of the one into a file of the
 * other, each line is read as what it is; what is neither has a mark in it, which is a mistake of its row.
 */
function decoded(file: Buffer): { encoding: string; text: string } {
  const mark = file.toString('latin1', 0, 2);
  if (mark === '\xff\xfe') return { encoding: 'utf-16le', text: new TextDecoder('utf-16le').decode(file) };
  if (mark === '\xfe\xff') return { encoding: 'utf-16be', text: new TextDecoder('utf-16be').decode(file) };
  if (isUtf8(file)) return { encoding: 'utf-8', text: new TextDecoder().decode(file) };
  const runs = runsOf(file);
  const linesIn = (kind: Kind) => runs.reduce((sum, run) => sum + (run.kind === kind ? run.lines : 0), 0);
  const main = linesIn('gb18030') > linesIn('utf-8') ? 'gb18030' : 'utf-8';
  if (linesIn('neither') > linesIn(main)) throw unreadable('encoding-unknown');
  const other = main === 'utf-8' ? 'gb18030' : 'utf-8';
  const text = runs.map(({ kind, from, to }) =>
    new TextDecoder(kind === other ? other : main).decode(file.subarray(from, to)),
  );
  return { encoding: linesIn(other) > 0 ? `${main}, ${other}` : main, text: text.join('') };
}

type Kind = 'plain' | 'utf-8' | 'gb18030' | 'neither';

/** Lines that follow each other and are of one kind. */
function runsOf(file: Buffer): { kind: Kind; from: number; to: number; lines: number }[] {
  const runs: ReturnType<typeof runsOf> = [];
  for (let [from, to] = [0, 0]; from < file.length; from = to) {
    const end = file.indexOf(0x0a, from);
    to = end < 0 ? file.length : end + 1;
    const kind = kindOfLine(file.subarray(from, to));
    const last = runs.at(-1);
    if (last?.kind !== kind) runs.push({ kind, from, to, lines: 1 });
    else Object.assign(last, { to, lines: last.lines + 1 });
  }
  return runs;
}

/** Two bytes of GB 18030 may be a letter of UTF-8 too, and such a line goes with the others; three bytes hardly are. */
function kindOfLine(line: Buffer): Kind {
  if (isUtf8(line)) return line.some(byte => byte >= 0xe0) ? 'utf-8' : 'plain';
  try {
    new TextDecoder('gb18030', { fatal: true }).decode(line);
    return 'gb18030';
  } catch {
    return 'neither';
  }
}

async function* rowsOfCsv(text: string): AsyncGenerator<RosterRow> {
  const parser = Readable.from(pieces(text)).pipe(
    parse({
      delimiter: delimiterOf(text),
      bom: true,
      relax_column_count: true,
      // A quotation mark within a cell is one, and begins nothing.
      relax_quotes: true,
      skip_empty_lines: false,
      max_record_size: 50_000,
    }),
  );
  let row = 0;
  for await (const cells of parser as AsyncIterable<string[]>) {
    row += 1;
    yield { row, cells, swallows: cells.some(cell => holdsRow(cell, cells.length)) };
  }
}

/** What stands most often in the lines among which the header is. */
function delimiterOf(text: string): string {
  const top = text.slice(0, 10_000).split(/\r?\n|\r/, headerWithin);
  const countOf = (mark: string) => top.reduce((sum, line) => sum + line.split(mark).length - 1, 0);
  return [',', '\t', ';'].sort((a, b) => countOf(b) - countOf(a))[0]!;
}

/** Whether one of the further lines of a cell is divided as a row is. */
function holdsRow(cell: string, width: number): boolean {
  const [, ...further] = cell.split(/\r?\n|\r/);
  return further.some(line => line.split(/[,;\t]/).length >= Math.max(2, width - 1));
}

/** Text in pieces, so that a long file is never parsed in one go. */
function* pieces(text: string): Generator<string> {
  const step = 64 * 1024;
  for (let from = 0; from < text.length; from += step) yield text.slice(from, from + step);
}

/** A formula is what it came to when it was saved: nothing is worked out. */
async function* rowsOfXlsx(workbook: Buffer, sheet: string): AsyncGenerator<RosterRow> {
  for await (const { index, values } of streamXlsxRows(workbook, { sheet })) {
    const numeric = new Set(values.flatMap((value, place) => (typeof value === 'number' ? [place] : [])));
    yield { row: index + 1, cells: values.map(textOf), numeric };
  }
}

function textOf(value: string | number | boolean | Date | null | undefined): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString().slice(0, 10) : String(value);
}
