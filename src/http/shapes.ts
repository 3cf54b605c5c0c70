import { type TSchema, Type } from 'typebox';

/** Shapes that every part of the contract is made of. Each has its bounds; those with a title become components. */

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

export const exampleId = '0193563d-1111-7000-8000-000000000007';
export const exampleVillage = '520281127101';

export function Id(description: string) {
  return Type.String({ pattern: `^${uuid}$`, maxLength: 36, description, examples: [exampleId] });
}

export const VillageCode = Type.String({
  pattern: '^[0-9]{12}$',
  maxLength: 12,
  description: 'Official 12-digit division code of the village.',
  examples: [exampleVillage],
});

export function Instant(description: string) {
  return Type.String({
    format: 'date-time',
    // PostgreSQL knows no offset above 15:59, and no place on Earth has one above 14:00; Temporal reads nine decimals.
    pattern:
      '^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$',
    maxLength: 35,
    description: `${description} RFC 3339 timestamp.`,
    examples: ['2026-11-23T02:10:00.000Z'],
  });
}

export function Day(description: string) {
  return Type.String({
    format: 'date',
    pattern: '^2[0-9]{3}-',
    maxLength: 10,
    description: `${description} Calendar date in Asia/Shanghai.`,
    examples: ['2026-11-23'],
  });
}

/**
 * What nothing that a person enters holds on purpose: controls, marks of direction, halves of characters, and letters and
 * blanks that are drawn as nothing at all.
 */
const unseen = '\\p{C}\\p{Zl}\\p{Zp}\\u034f\\u115f\\u1160\\u2800\\u3164\\uffa0\\ufffd';

/** What is seen by itself: a mark only changes the character before it. */
const seen = `[^\\s\\p{M}${unseen}]`;

/** A spreadsheet would take it for a formula, or has written it where one went wrong. */
const noFormula = '(?!\\s*(?:[=+@\\-＝＋＠－]|#(?:N/A|DIV/0!|[A-Z]{3,5}[!?])))';

export const linePattern = `^${noFormula}[^\\S${unseen}]*${seen}[^${unseen}]*$`;
export const notePattern = `^${noFormula}(?=\\s*${seen})(?:[^${unseen}]|\\r?\\n)*$`;

/** One line of text, as a person enters it. One rule for the contract and for whoever reads texts from a file. */
export function Text(maxLength: number, description: string, example: string) {
  return Type.String({ minLength: 1, maxLength, pattern: linePattern, description, examples: [example] });
}

/** What is looked for: however it is typed, for it is folded before it is compared. */
export function Search(maxLength: number, description: string, example: string) {
  return Type.String({ minLength: 1, maxLength, description, examples: [example] });
}

const line = new RegExp(linePattern, 'u');

export function isLine(text: string): boolean {
  return line.test(text);
}

/** The same in as many lines as it takes. */
export function Note(maxLength: number, description: string, example: string) {
  return Type.String({ minLength: 1, maxLength, pattern: notePattern, description, examples: [example] });
}

/** What stands where a name would, and is none: a sum, a word for nothing, the heading of the column. */
const noNames = [
  ...['合计', '小计', '总计', '共计', '无', '暂无', '没有', '不详', '未知', '不明', '空白', '待定', '同上'],
  ...['户主', '户主姓名', '姓名', '名字', '名称', '成员', '成员姓名', '家庭成员', '家庭成员姓名', '人员姓名'],
  ...['[Nn][./]?[Aa]\\.?', '[Nn][Uu][Ll][Ll]', '[Nn]one', 'NONE', '[Nn]il', 'NIL', '[Uu]ndefined', '[Nn]a[Nn]'],
  ...['[Nn]ame', '[Uu]nknown'],
].join('|');

/**
 * A person's name: a line with a letter in it, which is no formula, no error of a spreadsheet, no sum and no heading. One
 * rule for the contract and for whoever reads names from a file.
 */
export const namePattern = `^(?!\\s*(?:${noNames})\\s*$)(?!\\s*[=+@#\\-＝＋＠－＃])[^\\p{L}${unseen}]*(?![${unseen}])\\p{L}[^${unseen}]*$`;
const nameMaxLength = 60;

const naming = new RegExp(namePattern, 'u');

export function isName(text: string): boolean {
  return text.length <= nameMaxLength && naming.test(text);
}

export function Name(description: string, example: string) {
  return Type.String({
    minLength: 1,
    maxLength: nameMaxLength,
    pattern: namePattern,
    description,
    examples: [example],
  });
}

/** Whole points, pieces or minutes. */
export function Whole(description: string, bounds: { minimum?: number; maximum?: number } = {}) {
  const { minimum = 0, maximum = 1_000_000 } = bounds;
  return Type.Integer({ minimum, maximum, description, examples: [Math.max(minimum, Math.min(5, maximum))] });
}

/** A sum or a balance: signed, within what JSON can carry exactly. */
export function Sum(description: string) {
  return Type.Integer({
    minimum: -Number.MAX_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
    description,
    examples: [20],
  });
}

export function Nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export function OneOf<const T extends string[]>(values: [...T], description: string) {
  return Type.Enum(values, { type: 'string', description, examples: [values[0]!] });
}

/** Path of whatever belongs to a village. */
export const VillageParams = Type.Object({ village: VillageCode });

/** What is wrong with a request, value by value: `errors` of `validation-failed`. */
export const Mistakes = Type.Array(
  Type.Object({
    pointer: Type.String({ maxLength: 300, description: 'JSON Pointer (RFC 6901) to the invalid value.' }),
    code: Type.String({ maxLength: 60, description: 'Code of the schema rule that was broken.' }),
    detail: Type.String({ maxLength: 400, description: 'What the rule requires.' }),
  }),
  { maxItems: 50, description: 'Invalid values. Present for `validation-failed`.' },
);

export const Problem = Type.Object(
  {
    type: Type.String({
      format: 'uri',
      maxLength: 200,
      description: 'URI of the page that describes the problem.',
      examples: ['https://jifen.example/problems/not-found'],
    }),
    title: Type.String({
      maxLength: 80,
      description: 'Title of the problem, in the requested language.',
      examples: ['没有找到'],
    }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'HTTP status.', examples: [404] }),
    code: Type.String({
      maxLength: 60,
      description: 'Problem code for programs to act on. Its meaning never changes.',
      examples: ['not-found'],
    }),
    detail: Type.String({
      maxLength: 400,
      description: 'Explanation of this occurrence of the problem.',
      examples: ['没有找到'],
    }),
    instance: Type.String({
      maxLength: 8192,
      description: 'Path of the request.',
      examples: ['/v1/villages/520281127101'],
    }),
    requestId: Type.String({
      maxLength: 64,
      description: 'ID of the request, as it appears in the service’s logs.',
      examples: ['b7c9f0a2'],
    }),
    errors: Type.Optional(Mistakes),
  },
  {
    title: 'Problem',
    additionalProperties: true,
    description: 'A problem (RFC 9457), with the details the caller is allowed to see.',
  },
);
