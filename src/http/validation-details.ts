import type { ErrorObject } from 'ajv';
import type { Sentence } from '../refusals.ts';
import { placeOf } from './field-names.ts';
import { linePattern, namePattern, notePattern } from './shapes.ts';

/** One thing that a schema refuses, as `errors` of `validation-failed` tells it. */
export interface Mistake {
  pointer: string;
  code: string;
  detail: Sentence;
}

const mistakesMax = 50;

/** What is empty or too long is not of the right form either: of these, the first is told. */
const forms = new Set(['minLength', 'maxLength', 'pattern', 'format']);

/** The mistakes that ajv has found, in people's words, 50 at most. `part` is `body`, `querystring`, `params` or `headers`. */
export function mistakesOf(errors: readonly Partial<ErrorObject>[], part: string): Mistake[] {
  // Bounded before it is sorted out: each choice looks at all errors.
  const found = withoutOtherBranches(errors.slice(0, 4 * mistakesMax) as ErrorObject[]);
  const mistakes = found.map(error => {
    const pointer = (part === 'body' ? '' : `/${part}`) + error.instancePath + memberOf(error.params);
    return { pointer, code: error.keyword, detail: detailOf(error, pointer) };
  });
  const told = new Set<string>();
  const places = new Set<string>();
  return mistakes
    .filter(({ pointer, code }) => {
      const again = told.has(`${pointer} ${code}`) || (forms.has(code) && places.has(pointer));
      told.add(`${pointer} ${code}`);
      places.add(pointer);
      return !again;
    })
    .slice(0, mistakesMax);
}

/**
 * Of a choice that fits nowhere, ajv tells the mistakes by each of its branches. We tell those of the branch that was
 * meant: the one of the right type and kind, else the one with the fewest mistakes.
 */
function withoutOtherBranches(errors: ErrorObject[]): ErrorObject[] {
  let kept = errors;
  for (const choice of errors.filter(({ keyword }) => keyword === 'anyOf')) {
    const { schemaPath, instancePath } = choice;
    const isWithin = (error: ErrorObject) =>
      error.schemaPath.startsWith(`${schemaPath}/`) &&
      (error.instancePath === instancePath || error.instancePath.startsWith(`${instancePath}/`));
    const branches = Map.groupBy(
      kept.filter(isWithin),
      error => error.schemaPath.slice(schemaPath.length + 1).split('/')[0],
    );
    if (branches.size === 0) continue;
    const costOf = (branch: ErrorObject[]) =>
      branch.reduce((sum, error) => sum + (isAnotherKind(error, instancePath) ? 1000 : 1), 0);
    const [meant] = [...branches.values()].sort((a, b) => costOf(a) - costOf(b));
    kept = kept.filter(error => error !== choice && (!isWithin(error) || meant!.includes(error)));
  }
  return kept;
}

function isAnotherKind({ keyword, instancePath }: ErrorObject, at: string): boolean {
  if (keyword === 'type') return instancePath === at;
  return (keyword === 'const' || keyword === 'enum') && [`${at}/kind`, `${at}/type`].includes(instancePath);
}

function memberOf(params: Record<string, unknown>): string {
  const name = params.missingProperty ?? params.additionalProperty;
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : '';
}

function detailOf({ keyword, params }: ErrorObject, pointer: string): Sentence {
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty).slice(0, 40);
    return pointer.startsWith('/querystring/')
      ? { zh: `没有名为“${name}”的查询条件，请核对名称。`, en: `Unknown query parameter: ${name}.` }
      : { zh: `没有名为“${name}”的填写项，请核对名称。`, en: `Unknown field: ${name}.` };
  }
  if (keyword === 'repeatedKey') {
    const name = String(params.name).slice(0, 40);
    return { zh: `“${name}”填写了两次，只能填一次。`, en: `Repeated key: ${JSON.stringify(name)}.` };
  }
  const place = placeOf(pointer);
  const rule = ruleOf(keyword, params);
  if (keyword === 'required') return { zh: `请填写${place.zh}。`, en: sentence(`${place.en} is required.`) };
  return { zh: `${place.zh}${rule.zh}。`, en: sentence(`${place.en} ${rule.en}.`) };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function ruleOf(keyword: string, params: Record<string, unknown>): Sentence {
  const limit = Number(params.limit);
  const rules: Record<string, Sentence> = {
    minimum: { zh: `不能小于 ${limit}`, en: `must be at least ${limit}` },
    maximum: { zh: `不能大于 ${limit}`, en: `must be at most ${limit}` },
    minLength:
      limit === 1
        ? { zh: '不能为空', en: 'cannot be empty' }
        : { zh: `至少要有 ${limit} 个字`, en: `must have at least ${limit} characters` },
    maxLength: { zh: `不能超过 ${limit} 个字`, en: `must have at most ${limit} characters` },
    minItems: { zh: `至少要有 ${limit} 项`, en: `must have at least ${limit} entries` },
    maxItems: { zh: `不能超过 ${limit} 项`, en: `must have at most ${limit} entries` },
    minProperties: { zh: `至少要填 ${limit} 项`, en: `must have at least ${limit} of the fields` },
    maxProperties: { zh: `最多只能填 ${limit} 项`, en: `must have at most ${limit} of the fields` },
    uniqueItems: { zh: '有重复，请删去重复的', en: 'must not repeat an entry' },
    enum: { zh: '只能从规定的选项中选择', en: `must be one of: ${[params.allowedValues].flat().join(', ')}` },
    const: { zh: '只能填规定的内容', en: `must be ${String(params.allowedValue)}` },
    format: formats[String(params.format)] ?? { zh: '格式不正确', en: 'has an invalid format' },
    type: types[String([params.type].flat()[0])] ?? { zh: '填写的类型不对', en: 'has the wrong type' },
    nul: { zh: '含有不能使用的字符，请重新输入', en: 'must not contain NUL characters' },
    unicode: { zh: '含有不完整的字符，请重新输入', en: 'must be valid Unicode' },
    pattern: patternRule(String(params.pattern)),
  };
  return rules[keyword] ?? { zh: '不符合要求，请核对', en: 'is invalid' };
}

const formats: Record<string, Sentence> = {
  date: { zh: '须填日期，例如 2026-11-23', en: 'must be a calendar date such as 2026-11-23' },
  'date-time': { zh: '须填日期和时间，并带时区', en: 'must be an RFC 3339 timestamp with an offset' },
};

const types: Record<string, Sentence> = {
  integer: { zh: '须填整数', en: 'must be an integer' },
  number: { zh: '须填数字', en: 'must be a number' },
  string: { zh: '须填文字', en: 'must be a string' },
  boolean: { zh: '只能选是或否', en: 'must be true or false' },
  array: { zh: '须逐项列出', en: 'must be an array' },
  object: { zh: '须按表格逐栏填写', en: 'must be an object' },
  null: { zh: '应留空', en: 'must be null' },
};

const textRules: Record<string, Sentence> = {
  [linePattern]: {
    zh: '须为一行文字，不能含有看不见的字符，也不能以 =、+、-、@ 开头',
    en: 'must be one line of visible text that does not start with =, +, - or @',
  },
  [notePattern]: {
    zh: '须为文字，不能含有看不见的字符，也不能以 =、+、-、@ 开头',
    en: 'must be visible text that does not start with =, +, - or @',
  },
  [namePattern]: {
    zh: '须为姓名，不能是公式、数字或“合计”“户主”等字样',
    en: 'must be a name, not a formula, a number, a total or a heading',
  },
};

function patternRule(pattern: string): Sentence {
  const ofText = textRules[pattern];
  if (ofText !== undefined) return ofText;
  if (pattern.startsWith('^[0-9a-f]{8}-')) return { zh: '不是有效的编号，请重新选择', en: 'must be a valid ID' };
  const digits = /^\^\[0-9\]\{(\d+)\}\$$/.exec(pattern)?.[1];
  if (digits !== undefined) return { zh: `须为 ${digits} 位数字`, en: `must have exactly ${digits} digits` };
  if (pattern.startsWith('^2[0-9]{3}-')) return { zh: '须填有效的日期', en: 'must be a valid date' };
  return { zh: '格式不正确，或含有不能使用的字符', en: 'has an invalid format or characters' };
}
