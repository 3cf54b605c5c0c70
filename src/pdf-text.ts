import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { create, type Font } from 'fontkit';

/*
 * Text in PDF documents, each character in a font that has it. assets/fonts/README.md says which there are, where they
 * come from, and what none of them has.
 */

/** A font, its file, and its ascent as a share of the size. */
interface Face {
  name: string;
  bytes: Buffer;
  font: Font;
  ascent: number;
}

const faces = new Map<string, Face>();

const main = 'NotoSansSC-Regular';

/** Opened when a document first needs it, and kept. */
function faceOf(name: string): Face {
  let face = faces.get(name);
  if (face === undefined) {
    const bytes = brotliDecompressSync(readFileSync(new URL(`../assets/fonts/${name}.ttf.br`, import.meta.url)));
    const font = create(bytes) as Font;
    face = { name, bytes, font, ascent: font.ascent / font.unitsPerEm };
    faces.set(name, face);
  }
  return face;
}

/** The font of a character; the first one, which shows a crossed box, where none has it. The rare characters of the extensions B to F, from 𠀀 on, lie in a second font, a file for each 4,096 of them. */
export function faceFor(character: string): Face {
  const codePoint = character.codePointAt(0)!;
  const face = faceOf(main);
  if (codePoint < 0x20000 || codePoint > 0x2efff || face.font.hasGlyphForCodePoint(codePoint)) return face;
  const rare = faceOf(`HanaMinB-${(codePoint >> 12).toString(16)}`);
  return rare.font.hasGlyphForCodePoint(codePoint) ? rare : face;
}

/** The text in runs of one font each. */
function runsOf(text: string): { face: Face; text: string }[] {
  const runs: { face: Face; text: string }[] = [];
  for (const character of text) {
    const face = faceFor(character);
    const last = runs.at(-1);
    if (last?.face === face) last.text += character;
    else runs.push({ face, text: character });
  }
  return runs;
}

/** Chooses the font of what is drawn next. What a document does not use does not get into it. */
function useFace(doc: PDFKit.PDFDocument, { name, bytes }: Face): PDFKit.PDFDocument {
  // Under the same name a document opens it once.
  return doc.registerFont(name, bytes).font(name);
}

/** Chooses the first font, for words of our own that pdfkit itself breaks into lines. */
export function useMainFont(doc: PDFKit.PDFDocument): void {
  useFace(doc, faceOf(main));
}

/** How wide a text is, in points at `size` points. */
export function widthOf(doc: PDFKit.PDFDocument, text: string, size: number): number {
  doc.fontSize(size);
  const width = runsOf(text).reduce((sum, run) => sum + useFace(doc, run.face).widthOfString(run.text), 0);
  useMainFont(doc);
  return width;
}

/** Where a line stands: its top left corner, and the room it is aligned in, all in points. */
interface Place {
  x: number;
  y: number;
  width: number;
  size: number;
  align: 'left' | 'center' | 'right';
  color: string;
}

/** Draws one line. What is wider than its room reaches over the edge: see `cutToFit` and `brokenToFit`. */
export function drawLine(doc: PDFKit.PDFDocument, text: string, place: Place): void {
  const { x, y, width, size, align, color } = place;
  const free = align === 'left' ? 0 : width - widthOf(doc, text, size);
  let left = x + (align === 'center' ? free / 2 : free);
  doc.fontSize(size).fillColor(color);
  for (const { face, text: part } of runsOf(text)) {
    // pdfkit places the top of a line; on one line of writing it is the foot that counts.
    const top = y + (faceOf(main).ascent - face.ascent) * size;
    useFace(doc, face).text(part, left, top, { lineBreak: false });
    left += doc.widthOfString(part);
  }
  useMainFont(doc);
}

/** The text, or, where that is wider than `room` points, as much of it as fits with … behind it. */
export function cutToFit(doc: PDFKit.PDFDocument, text: string, room: number, size: number): string {
  if (widthOf(doc, text, size) <= room) return text;
  const [first = ''] = brokenToFit(doc, text, room - widthOf(doc, '…', size), size);
  return `${first.trimEnd()}…`;
}

/** The text in lines no wider than `room` points. Chinese breaks anywhere; so does whatever else is too long. */
export function brokenToFit(doc: PDFKit.PDFDocument, text: string, room: number, size: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const character of text) {
    const wide = widthOfCharacter(doc, character) * size;
    if (used + wide > room && line !== '') {
      lines.push(line);
      [line, used] = ['', 0];
    }
    line += character;
    used += wide;
  }
  return [...lines, line];
}

/** A thousand lines use a few hundred characters. Widths at one point. */
const widths = new Map<string, number>();

function widthOfCharacter(doc: PDFKit.PDFDocument, character: string): number {
  let width = widths.get(character);
  if (width === undefined) {
    width = widthOf(doc, character, 1);
    widths.set(character, width);
  }
  return width;
}
