import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { PDFiumLibrary } from '@hyzyla/pdfium';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

/**
 * How many glyphs a document of ours draws, and how many of them are number 0: the box that stands for a character the
 * font does not have. Reads the hexadecimal strings of pdfkit's text operators (ISO 32000-1, 9.4.3 and 9.7.5.2).
 */
export function glyphsOf(pdf: Buffer): { drawn: number; missing: number } {
  const counts = { drawn: 0, missing: 0 };
  const text = pdf.toString('latin1');
  for (const match of text.matchAll(/stream\r?\n/g)) {
    const from = match.index + match[0].length;
    if (text.slice(match.index - 3, match.index) === 'end') continue;
    let content: string;
    try {
      content = inflateSync(pdf.subarray(from, text.indexOf('endstream', from))).toString('latin1');
    } catch {
      continue;
    }
    for (const [, array] of content.matchAll(/\[([^\]]*)\] TJ/g)) {
      for (const [, hex] of array!.matchAll(/<([0-9a-f]+)>/g)) {
        const glyphs = hex!.match(/.{4}/g)!;
        counts.drawn += glyphs.length;
        counts.missing += glyphs.filter(glyph => glyph === '0000').length;
      }
    }
  }
  return counts;
}

/** The text that a reader would copy out; undefined where pdftotext is not installed. */
export function textOfPdf(pdf: Buffer): string | undefined {
  const shown = spawnSync('pdftotext', ['-layout', '-', '-'], { input: pdf, maxBuffer: 64 * 1024 * 1024 });
  return shown.error === undefined ? shown.stdout.toString() : undefined;
}

/** A QR code on a page: what it says, and where its middle is, as shares of the page's width and height. */
export interface PrintedQr {
  text: string;
  x: number;
  y: number;
}

/**
 * The pages of a document as a reader sees them, drawn by PDFium, 150 dots an inch as an office printer does at least: QR
 * codes in reading order as ZXing finds them, and the text in the order in which it was drawn.
 */
export async function pagesOfPdf(pdf: Buffer): Promise<{ codes: PrintedQr[]; text: string }[]> {
  const wasm = new URL(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm'));
  prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm).buffer } });
  const library = await PDFiumLibrary.init();
  try {
    const document = await library.loadDocument(pdf);
    const pages: { codes: PrintedQr[]; text: string }[] = [];
    for (const page of document.pages()) {
      // Before it is rendered: PDFium closes a page that it has drawn.
      const text = page.getText();
      const { data, width, height } = await page.render({ scale: 150 / 72, render: 'bitmap' });
      const picture = { data: new Uint8ClampedArray(data), width, height } as Parameters<typeof readBarcodes>[0];
      const found = await readBarcodes(picture, { formats: ['QRCode'], maxNumberOfSymbols: 40 });
      const codes = found.map(({ text, position: { topLeft, bottomRight } }) => ({
        text,
        x: (topLeft.x + bottomRight.x) / 2 / width,
        y: (topLeft.y + bottomRight.y) / 2 / height,
      }));
      const row = ({ y }: PrintedQr) => Math.round(y * 20);
      codes.sort((a, b) => row(a) - row(b) || a.x - b.x);
      pages.push({ codes, text });
    }
    document.destroy();
    return pages;
  } finally {
    library.destroy();
  }
}
