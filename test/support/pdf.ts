import { spawnSync } from 'node:child_process';
import { inflateSync } from 'node:zlib';

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
