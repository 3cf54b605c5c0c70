import type { Readable } from 'node:stream';
import { setImmediate as othersFirst } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { brokenToFit, drawLine, useMainFont } from '../pdf-text.ts';
import type { Sheet } from './lines.ts';
import { cellsOf, columnTitles, wordsOf } from './sheet-words.ts';

const margin = 40;
const width = 595.28 - 2 * margin;
const bottom = 841.89 - margin - 20;
const size = 9;
const lineHeight = 13;
const padding = 3;
const endHeight = 170;

type Align = 'left' | 'right' | 'center';
const columns: { width: number; align: Align }[] = [
  { width: 32, align: 'right' },
  { width: 50, align: 'left' },
  { width: 76, align: 'left' },
  { width: 70, align: 'left' },
  { width: 151.28, align: 'left' },
  { width: 54, align: 'left' },
  { width: 42, align: 'right' },
  { width: 40, align: 'left' },
];

interface Row {
  /** Each cell in its lines. */
  cells: string[][];
  height: number;
  cancelled: boolean;
}

/**
 * A notice on A4, in Chinese, the table’s head on every page. What is long goes on in the next line, so that nothing of
 * what a household got is cut off; the pages are counted before the first is drawn.
 */
export function sheetPdf(sheet: Sheet): Readable {
  const doc = new PDFDocument({
    size: 'A4',
    margin,
    info: { Title: `${wordsOf(sheet).title} ${sheet.notice.number}`, CreationDate: new Date(sheet.notice.endsAt) },
  });
  useMainFont(doc);
  draw(doc, sheet).catch(error => (doc as unknown as Readable).destroy(error));
  return doc as unknown as Readable;
}

async function draw(doc: PDFKit.PDFDocument, sheet: Sheet): Promise<void> {
  const words = wordsOf(sheet);
  const top = margin + 66;
  const rows: Row[] = [];
  for (const [index, line] of sheet.lines.entries()) {
    if (index % 50 === 49) await othersFirst();
    rows.push(rowOf(doc, cellsOf(line), line.state === 'cancelled'));
  }
  const head = rowOf(doc, [...columnTitles], false);
  const pages = pagesOf(rows, { top: top + head.height, next: margin + head.height });

  let y = heading(doc, words);
  for (const [index, page] of pages.entries()) {
    if (index > 0) {
      doc.addPage();
      y = margin;
    }
    text(doc, `${sheet.notice.number}　第 ${index + 1} 页，共 ${pages.length} 页`, {
      x: margin,
      y: bottom + 8,
      width,
      align: 'center',
      at: 8,
    });
    if (page.length > 0) {
      doc.rect(margin, y, width, head.height).fill('#e9eef2');
      y = tableRow(doc, y, head);
    }
    for (const row of page) y = tableRow(doc, y, row);
    await othersFirst();
  }
  ending(doc, words, y + 10);
  doc.end();
}

/** Which rows stand on which page; what comes after the table has room on the last. */
function pagesOf(rows: Row[], starts: { top: number; next: number }): Row[][] {
  const pages: Row[][] = [[]];
  let y = starts.top;
  for (const row of rows) {
    if (y + row.height > bottom) {
      pages.push([]);
      y = starts.next;
    }
    pages.at(-1)!.push(row);
    y += row.height;
  }
  if (y + endHeight > bottom) pages.push([]);
  return pages;
}

function heading(doc: PDFKit.PDFDocument, words: ReturnType<typeof wordsOf>): number {
  text(doc, words.title, { x: margin, y: margin, width, align: 'center', at: 20 });
  text(doc, words.number, { x: margin, y: margin + 42, width: 170, align: 'left', at: 10 });
  text(doc, words.period, { x: margin + 170, y: margin + 42, width: width - 170, align: 'right', at: 10 });
  return margin + 66;
}

function tableRow(doc: PDFKit.PDFDocument, y: number, { cells, height, cancelled }: Row): number {
  let x = margin;
  for (const [index, column] of columns.entries()) {
    for (const [place, line] of cells[index]!.entries()) {
      const grey = cancelled ? '#5b656d' : '#14181b';
      const at = { x: x + padding, y: y + padding + place * lineHeight, width: column.width - 2 * padding };
      text(doc, line, { ...at, align: column.align, at: size, color: grey });
    }
    doc.rect(x, y, column.width, height).lineWidth(0.5).stroke('#9aa4ac');
    x += column.width;
  }
  return y + height;
}

function ending(doc: PDFKit.PDFDocument, words: ReturnType<typeof wordsOf>, from: number): void {
  text(doc, words.total, { x: margin, y: from, width, align: 'right', at: 11 });
  doc.fontSize(10).fillColor('#14181b');
  doc.text(words.objection, margin, from + 22, { width, lineGap: 2 });
  doc.text(words.ending, margin, doc.y + 2, { width, lineGap: 2 });
  const y = doc.y + 14;
  const third = width / 3;
  for (const [index, label] of words.signatures.entries()) {
    text(doc, label, { x: margin + index * third, y, width: third, align: 'left', at: 10 });
  }
}

function rowOf(doc: PDFKit.PDFDocument, texts: string[], cancelled: boolean): Row {
  const cells = texts.map((cell, index) =>
    brokenToFit(doc, cell.replaceAll(/\s+/g, ' '), columns[index]!.width - 2 * padding, size),
  );
  const height = Math.max(...cells.map(lines => lines.length)) * lineHeight + 2 * padding;
  return { cells, height, cancelled };
}

interface Place {
  x: number;
  y: number;
  width: number;
  align: Align;
  at: number;
  color?: string;
}

/** One line of text. */
function text(doc: PDFKit.PDFDocument, words: string, { x, y, width, align, at, color = '#14181b' }: Place): void {
  if (words === '') return;
  drawLine(doc, words, { x, y, width, size: at, align, color });
}
