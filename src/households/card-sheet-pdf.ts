import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as othersFirst } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { drawQr } from '../pdf-qr.ts';
import { cutToFit, drawLine, useMainFont } from '../pdf-text.ts';

/** What is printed on one card. */
interface PrintedCard {
  code: string;
  number: string;
  /** Masked: a card may be found. */
  headName: string;
}

const mm = 72 / 25.4;
/** A bank card is 85.6 × 54 mm: these go into the same sleeves. */
const card = { width: 85 * mm, height: 54 * mm };
const columns = 2;
const rows = 5;
const cardsPerPage = columns * rows;
const page = { width: 210 * mm, height: 297 * mm };
const left = (page.width - columns * card.width) / 2;
const top = (page.height - rows * card.height) / 2;

/** 29 modules of 1.17 mm. Four more on each side stay white, as a reader needs it (ISO/IEC 18004, quiet zone). */
const qrSize = 34 * mm;
const quiet = 5 * mm;
const ink = '#14181b';
const grey = '#5b656d';
const hints = ['凭此卡兑换积分，请妥善保管。', '遗失请到村委会挂失，积分还在。'];

/** Cards on A4, ten a page, in Chinese, in the order given: from left to right, then down. To be cut along the lines. */
export async function cardSheetPdf(
  village: string,
  cards: readonly PrintedCard[],
  now: Temporal.Instant,
): Promise<Buffer> {
  const doc = new PDFDocument({
    size: 'A4',
    margin: 0,
    info: { Title: `${village}积分卡`, CreationDate: new Date(now.epochMilliseconds) },
  });
  useMainFont(doc);
  const bytes = buffer(doc as unknown as Readable);
  for (const [index, one] of cards.entries()) {
    const place = index % cardsPerPage;
    if (place === 0 && index > 0) {
      doc.addPage();
      await othersFirst();
    }
    drawCard(doc, village, one, {
      x: left + (place % columns) * card.width,
      y: top + Math.floor(place / columns) * card.height,
    });
  }
  doc.end();
  return bytes;
}

function drawCard(doc: PDFKit.PDFDocument, village: string, printed: PrintedCard, { x, y }: { x: number; y: number }) {
  doc.rect(x, y, card.width, card.height).lineWidth(0.4).dash(3, { space: 3 }).stroke('#9aa4ac').undash();
  const place = { x: x + quiet, y: y + (card.height - qrSize) / 2, side: qrSize, border: 1 };
  drawQr(doc, printed.code, place, { color: ink, isWorn: true });
  const at = x + quiet + qrSize + quiet;
  const width = x + card.width - 3 * mm - at;
  const line = (words: string, from: number, size: number, color = ink) =>
    drawLine(doc, cutToFit(doc, words, width, size), { x: at, y: y + from * mm, width, size, align: 'left', color });
  line('积分卡', 7, 17);
  line(village, 15, 10, grey);
  line(printed.number, 22, 17);
  line(printed.headName, 30.5, 12);
  for (const [index, hint] of hints.entries()) line(hint, 39 + index * 4, 7, grey);
}
