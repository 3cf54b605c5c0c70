import { writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import PDFDocument from 'pdfkit';
import tap, { test } from 'tap';
import { maskName } from '../src/households/masking.ts';
import { brokenToFit, cutToFit, drawLine, faceFor, useMainFont, widthOf } from '../src/pdf-text.ts';
import { glyphsOf, textOfPdf } from './support/pdf.ts';
import { at, openBoard, publicAt } from './support/publicity.ts';

tap.setTimeout(120_000);

/** Of the extensions A to F: surnames, given names, and elements that the one font has and the other has not. */
const names = ['𠮷𬎆䶮', '𠮷野㛃', '㛃𫍯𬭎', '𪚥𰻝', '𬣞𫖯', '𤧛𣲘', '王𪜀𫝀𬺰'];

/**
 * The Han characters of GB 18030-2022, implementation level 3, by Unicode.
 * Source: GB 18030-2022, 8.4 to 8.6 and annex; the last line are twelve unified ones among the compatibility ideographs.
 */
const standard: [from: number, to: number][] = [
  [0x4e00, 0x9fef],
  [0x3400, 0x4db5],
  [0x20000, 0x2a6d6],
  [0x2a700, 0x2b734],
  [0x2b740, 0x2b81d],
  [0x2b820, 0x2cea1],
  [0x2ceb0, 0x2ebe0],
  ...[0xfa0e, 0xfa0f, 0xfa11, 0xfa13, 0xfa14, 0xfa1f, 0xfa21, 0xfa23, 0xfa24, 0xfa27, 0xfa28, 0xfa29].map(
    (code): [number, number] => [code, code],
  ),
];

test('every character of GB 18030-2022 can be printed', async t => {
  const missing: string[] = [];
  let count = 0;
  for (const [from, to] of standard) {
    for (let code = from; code <= to; code += 1) {
      count += 1;
      if (!isPrintable(String.fromCodePoint(code))) missing.push(code.toString(16));
    }
  }
  t.equal(count, 87_887, 'as many as the standard says it has');
  t.same(missing, []);
  t.notOk(isPrintable('\u{30000}'), 'and what is not, is known');
});

test('a line of several fonts is as wide as its parts, broken and cut where it has no room', async t => {
  const doc = new PDFDocument();
  useMainFont(doc);
  t.equal(widthOf(doc, '𠮷', 10), 10);
  t.equal(widthOf(doc, '王𠮷𬎆', 10), 30);
  t.same(brokenToFit(doc, '王𠮷𬎆王王', 20, 10), ['王𠮷', '𬎆王', '王']);
  t.equal(cutToFit(doc, '王𠮷𬎆', 30, 10), '王𠮷𬎆');
  t.equal(cutToFit(doc, '王𠮷𬎆王', 30, 10), '王𠮷…');
});

test('a character that no font has is drawn as a box, and counted here', async t => {
  const doc = new PDFDocument();
  const bytes = buffer(doc as unknown as Readable);
  const place = { x: 40, y: 40, width: 300, size: 10, align: 'left', color: '#000000' } as const;
  useMainFont(doc);
  drawLine(doc, '王𠮷\u{30000}\u{f0000}王', place);
  doc.end();
  t.same(glyphsOf(await bytes), { drawn: 5, missing: 2 });
});

test('statement and notice print rare names, in the text too', async t => {
  const board = await openBoard(t);
  const homes: string[] = [];
  for (const name of names) homes.push(await board.service.household({ members: [{ name }] }));
  await board.award(homes);
  const notice = await board.publish();
  const shown = [
    {
      what: 'notice',
      url: `${publicAt}/notices/${notice.id}/sheet`,
      token: board.publisher.token,
      expected: names.map(maskName),
    },
    ...homes.map((home, index) => ({
      what: `statement-${index}`,
      url: `${at}/households/${home}/statement?account=pending&format=pdf`,
      token: board.clerk.token,
      expected: [maskName(names[index]!)],
    })),
  ];
  for (const { what, url, token, expected } of shown) {
    const answer = await board.service.app.inject({
      method: 'GET',
      url,
      headers: { authorization: `Bearer ${token}` },
    });
    t.equal(answer.statusCode, 200, answer.payload.slice(0, 300));
    const pdf = answer.rawPayload;
    if (process.env.JIFEN_SHEETS !== undefined) await writeFile(`${process.env.JIFEN_SHEETS}/rare-${what}.pdf`, pdf);
    const { drawn, missing } = glyphsOf(pdf);
    t.ok(drawn > 200, `${what}: ${drawn} glyphs`);
    t.equal(missing, 0, `${what}: none of them is the box`);
    t.ok(pdf.length < 200_000, `${what}: only the letters it needs are in it`);
    const text = textOfPdf(pdf);
    if (text === undefined) t.comment('skipped: needs pdftotext');
    else for (const name of expected) t.ok(text.includes(name), `${what}: ${name}`);
  }
});

/** True where a document shows the character itself, and not the box that stands for what no font has. */
function isPrintable(character: string): boolean {
  return faceFor(character).font.hasGlyphForCodePoint(character.codePointAt(0)!);
}
