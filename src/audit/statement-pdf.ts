import type { Readable } from 'node:stream';
import { setImmediate as othersFirst } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { zone } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { cutToFit, drawLine, useMainFont } from '../pdf-text.ts';
import { batchesOf } from './cursor.ts';
import { type StatementEntry, type StatementFrame, statementEntries } from './statement.ts';
import { accountTitle, kindTitle, purposeTitles } from './titles.ts';

const margin = 40;
const width = 595.28 - 2 * margin;
const rowHeight = 18;
/** Every row has one line, so that the number of pages is known before the first is drawn. */
const rowsOnFirstPage = 32;
const rowsOnNextPage = 38;

type Align = 'left' | 'right';
const columns: { title: string; width: number; align: Align }[] = [
  { title: '凭证号', width: 44, align: 'left' },
  { title: '业务日期', width: 58, align: 'left' },
  { title: '入账时间', width: 82, align: 'left' },
  { title: '事项', width: 52, align: 'left' },
  { title: '对方账户', width: 58, align: 'left' },
  { title: '细则与备注', width: 123.28, align: 'left' },
  { title: '金额', width: 46, align: 'right' },
  { title: '余额', width: 52, align: 'right' },
];

/**
 * A statement on A4, in Chinese. The same statement is the same file, byte for byte: its date is that of the last
 * transaction it knows. A note too long for its cell ends in …; the whole text is in the other formats.
 */
export function statementPdf(db: Db, frame: StatementFrame): Readable {
  const doc = new PDFDocument({
    size: 'A4',
    margin,
    info: {
      Title: `${frame.villageName} ${frame.householdNumber} 对账单`,
      CreationDate: new Date(frame.throughPostedAt ?? '2020-01-01T00:00:00Z'),
    },
  });
  useMainFont(doc);
  draw(doc, db, frame).catch(error => (doc as unknown as Readable).destroy(error));
  return doc as unknown as Readable;
}

async function draw(doc: PDFKit.PDFDocument, db: Db, frame: StatementFrame): Promise<void> {
  const freezes = frame.freezes.flatMap(freezeCells);
  // Opening and closing are rows too.
  const rows = frame.entryCount + 2 + freezes.length;
  const pages = 1 + Math.max(0, Math.ceil((rows - rowsOnFirstPage) / rowsOnNextPage));
  let pageNumber = 1;
  let left = rowsOnFirstPage;
  let y = header(doc, frame);
  y = tableHead(doc, y);
  footer(doc, frame, pageNumber, pages);
  const row = (cells: string[], strong = false) => {
    if (left === 0) {
      doc.addPage();
      pageNumber += 1;
      left = rowsOnNextPage;
      y = tableHead(doc, margin);
      footer(doc, frame, pageNumber, pages);
    }
    tableRow(doc, y, cells, strong);
    y += rowHeight;
    left -= 1;
  };

  row(['', frame.from, '', '期初余额', '', '', '', whole(frame.opening)], true);
  for await (const entries of batchesOf<StatementEntry>(db, statementEntries(frame))) {
    for (const [index, entry] of entries.entries()) {
      if (index % 50 === 49) await othersFirst();
      row(cellsOf(entry));
    }
  }
  row(['', '', '', '期末余额', '', '', '', whole(frame.closing)], true);
  for (const cells of freezes) row(cells);
  doc.end();
}

function header(doc: PDFKit.PDFDocument, frame: StatementFrame): number {
  drawText(doc, `${frame.villageName}积分对账单`, { x: margin, y: margin, width, size: 17, align: 'center' });
  const half = width / 2;
  const facts: [string, string][] = [
    [`户号：${frame.householdNumber}`, `户主：${frame.headName}`],
    [`账户：${purposeTitles[frame.account]}`, `业务日期：${frame.from} 起，${frame.to} 前`],
    [`村（社区）代码：${frame.village}`, `截至凭证：第 ${frame.throughNumber} 号`],
    [`本期收入：${whole(frame.received)}`, `本期支出：${whole(frame.spent)}`],
    [`期初余额：${whole(frame.opening)}`, `期末余额：${whole(frame.closing)}`],
  ];
  let y = margin + 36;
  for (const [first, second] of facts) {
    drawText(doc, first, { x: margin, y, width: half, size: 9.5, align: 'left' });
    drawText(doc, second, { x: margin + half, y, width: half, size: 9.5, align: 'left' });
    y += 16;
  }
  return y + 8;
}

function tableHead(doc: PDFKit.PDFDocument, y: number): number {
  doc.rect(margin, y, width, rowHeight).fill('#e9eef2');
  tableRow(
    doc,
    y,
    columns.map(column => column.title),
    true,
  );
  return y + rowHeight;
}

function tableRow(doc: PDFKit.PDFDocument, y: number, cells: string[], strong: boolean): void {
  let x = margin;
  for (const [index, column] of columns.entries()) {
    const text = cells[index]!;
    if (text !== '')
      drawText(doc, text, { x: x + 3, y: y + 3, width: column.width - 6, size: 8.5, align: column.align, strong });
    x += column.width;
  }
  const bottom = y + rowHeight;
  doc
    .moveTo(margin, bottom)
    .lineTo(margin + width, bottom)
    .lineWidth(0.4)
    .stroke('#b8c0c8');
}

function footer(doc: PDFKit.PDFDocument, frame: StatementFrame, pageNumber: number, pages: number): void {
  const y = 841.89 - margin - 22;
  const chain = `账簿校验（第 ${frame.throughNumber} 号）：${frame.throughHash}`;
  drawText(doc, chain, { x: margin, y, width, size: 7, align: 'left' });
  drawText(doc, `第 ${pageNumber} 页，共 ${pages} 页`, { x: margin, y: y + 11, width, size: 8, align: 'center' });
}

function cellsOf(entry: StatementEntry): string[] {
  return [
    String(entry.transactionNumber),
    entry.businessDate,
    localMinute(entry.postedAt),
    kindTitle(entry.kind),
    accountTitle(entry.counterAccountCode),
    [entry.ruleCode, entry.memo].filter(text => text !== null).join(' '),
    entry.amount > 0 ? `+${whole(entry.amount)}` : whole(entry.amount),
    whole(entry.balance),
  ];
}

function freezeCells({ frozenOn, reason, unfrozenOn }: StatementFrame['freezes'][number]): string[][] {
  const cells = (day: string, what: string, why: string) => ['', day, '', what, '', why, '', ''];
  return [cells(frozenOn, '冻结', reason), ...(unfrozenOn === null ? [] : [cells(unfrozenOn, '解冻', '')])];
}

function localMinute(instant: string): string {
  const at = Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
  return `${at.toPlainDate()} ${at.toPlainTime().toString({ smallestUnit: 'minute' })}`;
}

function whole(amount: number): string {
  return amount.toLocaleString('en-US');
}

interface Place {
  x: number;
  y: number;
  width: number;
  size: number;
  align: Align | 'center';
  strong?: boolean;
}

/** One line of text, cut with … where it does not fit. */
function drawText(doc: PDFKit.PDFDocument, text: string, { x, y, width, size, align, strong = false }: Place): void {
  const color = strong ? '#000000' : '#202428';
  const shown = cutToFit(doc, text.replaceAll(/\s+/g, ' '), width, size);
  drawLine(doc, shown, { x, y, width, size, align, color });
}
