import type { Readable } from 'node:stream';
import PDFDocument from 'pdfkit';
import { drawQr } from '../pdf-qr.ts';
import { drawLine, useMainFont } from '../pdf-text.ts';
import { type Block, type Columns, rowLines, wrap } from './text.ts';

/** Points of a column, so that a wide character, which takes two, is as wide as the font is high. */
const columnWidth = 4.25;
const size = 2 * columnWidth;
const lineHeight = 13;
const qrSide = 72;
const margin = 10;
/** Paper of the two rolls, 58 and 80 mm. */
const paperWidth: Record<Columns, number> = { 32: 164.4, 48: 226.8 };

/** One line of the paper, or its QR code: how high it is, and how it is drawn from `y` on. */
interface Strip {
  height: number;
  draw: (doc: PDFKit.PDFDocument, y: number) => void;
}

/** A receipt on one page as wide as its paper and as long as it takes. The same receipt is the same file. */
export function receiptPdf(receipt: { number: string; columns: Columns; blocks: Block[]; at: string }): Readable {
  const { columns, blocks } = receipt;
  const left = (paperWidth[columns] - columns * columnWidth) / 2;
  const strips = blocks.flatMap(block => stripsOf(block, { left, columns }));
  const height = strips.reduce((sum, strip) => sum + strip.height, 2 * margin);
  const doc = new PDFDocument({
    size: [paperWidth[columns], height],
    margin: 0,
    info: { Title: receipt.number, CreationDate: new Date(receipt.at) },
  });
  useMainFont(doc);
  let y = margin;
  for (const strip of strips) {
    strip.draw(doc, y);
    y += strip.height;
  }
  doc.end();
  return doc as unknown as Readable;
}

function stripsOf(block: Block, paper: { left: number; columns: Columns }): Strip[] {
  const { left, columns } = paper;
  const width = columns * columnWidth;
  switch (block.kind) {
    case 'text':
      return wrap(block.text, Math.floor(columns / block.size)).map(text => ({
        height: lineHeight * block.size,
        draw: (doc, y) =>
          drawLine(doc, text, { ...ink, x: left, y, width, size: size * block.size, align: block.align }),
      }));
    case 'row':
      return rowLines(block.cells).map(cells => ({
        height: lineHeight,
        draw(doc, y) {
          let x = left;
          for (const cell of cells) {
            const room = cell.width * columnWidth;
            drawLine(doc, cell.text, { ...ink, x, y, width: room, size, align: cell.align ?? 'left' });
            x += room;
          }
        },
      }));
    case 'rule':
      return [
        {
          height: lineHeight / 2,
          draw: (doc, y) =>
            doc
              .moveTo(left, y + 3)
              .lineTo(left + width, y + 3)
              .lineWidth(0.5)
              .dash(2, {})
              .stroke(),
        },
      ];
    case 'qr':
      return [
        {
          height: qrSide + 8,
          draw: (doc, y) =>
            drawQr(doc, block.text, { x: left + (width - qrSide) / 2, y: y + 4, side: qrSide, border: 4 }, ink),
        },
      ];
    case 'feed':
    case 'cut':
      return [];
  }
}

const ink = { color: 'black' };
