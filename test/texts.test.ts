import t from 'tap';
import contract from '../openapi/openapi.json' with { type: 'json' };
import { isLine, isName } from '../src/http/shapes.ts';

/* One rule for every text that a person enters, held against every text of every body in the contract. */

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

/** What nobody enters on purpose. A text of it stands by itself, and between two that are in order. */
const unseen = {
  bell: '\u0007',
  escape: '\u001b',
  tab: '\t',
  'line separator': '\u2028',
  'right-to-left override': '\u202e',
  isolate: '\u2066',
  'zero-width space': '\u200b',
  'word joiner': '\u2060',
  'byte order mark': '\ufeff',
  'soft hyphen': '\u00ad',
  'Hangul filler': '\u3164',
  'halfwidth Hangul filler': '\uffa0',
  'Hangul choseong filler': '\u115f',
  'combining grapheme joiner': '\u034f',
  'Braille blank': '\u2800',
  'private use': '\ue863',
  'replacement character': '\ufffd',
};
const bad: Record<string, string> = {
  formula: '=HYPERLINK("http://x","点")',
  sum: '=1+1',
  'sum after a blank': ' =1+1',
  'wide sum': '＝1+1',
  plus: '+86',
  at: '@SUM(A1)',
  minus: '-1+1',
  'no value': '#N/A',
  'no reference': '#REF!',
  blank: '   ',
  'wide blank': '\u3000',
  'only a mark': '\ufe0f',
};
for (const [name, mark] of Object.entries(unseen)) {
  bad[name] = mark;
  bad[`${name} within`] = `甲${mark}乙`;
}

/**
 * Texts of their own kind: secrets that are never shown, the name of an occasion, which is compared without what is not seen,
 * and is no line of an export but with an apostrophe before a formula; and what a device has signed, byte for byte.
 */
const isOfItsOwnKind = (place: string) =>
  /\/(?:password|currentPassword|newPassword|refreshToken|deviceCode|occasion|ops\/\*)$/.test(place);

/** Notes take as many lines as they need. */
const notes = new Set([
  ...['awardCreate /note', 'awardBatch /items/*/note'],
  ...['claimCreate /note', 'claimBatch /items/*/note', 'claimResubmit /note'],
]);

const methods = ['post', 'put', 'patch'] as const;

/** Every text of every body: its place, such as `awardCreate /note`, and its schema. */
function* texts(): Generator<[string, Schema]> {
  for (const path of Object.values(contract.paths as Record<string, Record<string, unknown>>)) {
    for (const method of methods) {
      const operation = path[method] as {
        operationId: string;
        requestBody?: { content: Record<string, { schema: Schema }> };
      };
      for (const [type, { schema }] of Object.entries(operation?.requestBody?.content ?? {})) {
        if (type.includes('json')) yield* within(operation.operationId, '', schema, 0);
      }
    }
  }
}

function* within(operation: string, place: string, schema: Schema, depth: number): Generator<[string, Schema]> {
  if (depth > 12) throw new Error(`${operation} ${place} never ends`);
  const further = (at: string, inner: Schema) => within(operation, at, inner, depth + 1);
  if (schema.$ref !== undefined) {
    const parts = schema.$ref.slice(2).split('/');
    yield* further(
      place,
      parts.reduce((node, part) => (node as Record<string, unknown>)[part], contract as unknown) as Schema,
    );
  }
  if ([schema.type].flat().includes('string') && !schema.enum && schema.const === undefined)
    yield [`${operation} ${place}`, schema];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) yield* further(`${place}/${name}`, inner);
  for (const inner of schema.anyOf ?? []) yield* further(place, inner);
  if (schema.items) yield* further(`${place}/*`, schema.items);
  if (typeof schema.additionalProperties === 'object') yield* further(`${place}/*`, schema.additionalProperties);
}

function takes({ pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Schema, text: string): boolean {
  const length = [...text].length;
  return length >= minLength && length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(text));
}

t.test('no text of a body takes what is not seen, or what a spreadsheet would work out', async t => {
  const found = new Set<string>();
  let count = 0;
  for (const [place, schema] of texts()) {
    count += 1;
    if (isOfItsOwnKind(place)) continue;
    for (const [name, text] of Object.entries(bad)) if (takes(schema, text)) found.add(`${place}: ${name}`);
    const lines = takes(schema, '甲\n乙');
    if (lines !== notes.has(place)) found.add(`${place}: ${lines ? 'lines' : 'no lines'}`);
  }
  t.ok(count > 100);
  t.strictSame([...found], []);
});

t.test('what people write is taken', async t => {
  for (const text of [
    '大米（5公斤）',
    '#3 楼',
    '8-2 号',
    ' 第一组 8 号 ',
    'Rice, 5 kg',
    '❤️',
    '5+3 斤',
    '𠮷野家',
    'Ảnh',
  ]) {
    t.ok(isLine(text), text);
  }
});

t.test('a heading and a word for nothing are nobody', async t => {
  for (const name of [
    'N/A',
    'n/a',
    'NA',
    'null',
    'NULL',
    'None',
    '户主',
    '姓名',
    ' 姓名 ',
    '未知',
    '\u3164',
    '张\u3164',
    ' =张三',
  ]) {
    t.notOk(isName(name), JSON.stringify(name));
  }
  for (const name of ['无名氏', '户主恩', 'Na Li', '欧阳娜娜', '张　三', '家庭成员2', '1号张三'])
    t.ok(isName(name), name);
});
