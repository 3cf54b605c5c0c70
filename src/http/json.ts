import type { ErrorObject } from 'ajv';
import { type ParseErrorCode, visit } from 'jsonc-parser';
import { malformed, Refusal } from '../refusals.ts';
import { mistakesOf } from './validation-details.ts';

/** Something wrong that no schema sees, in the form of what ajv finds. */
type Fault = Pick<ErrorObject, 'keyword' | 'instancePath' | 'schemaPath' | 'params'>;

const depthMax = 20;

/** More than this many are not told apart: the body is refused for the first of them. */
const faultsMax = 1_000;

const faults = new WeakMap<object, Fault[]>();

/** What was wrong with the text that a body was read from: each with its place, for whoever validates the body. */
export function faultsOf(body: unknown): readonly Fault[] {
  return (typeof body === 'object' && body !== null && faults.get(body)) || [];
}

/**
 * Reads JSON of RFC 8259, with what it leaves open closed: no repeated keys, no NUL, no half characters, no `__proto__`.
 * These are kept as `faultsOf` the body, for of a sheet only the line has to be refused that they stand in. Nothing of them
 * is left in the body: neither PostgreSQL nor the fingerprint of a call could hold it.
 * @throws Refusal `validation-failed`: no JSON, nested too deeply, or more faults than can be told apart
 */
export function parseJson(text: string): unknown {
  const found: Fault[] = [];
  const report: Report = (keyword, instancePath, params = {}) => {
    if (found.length > faultsMax) return;
    found.push({ keyword, instancePath, schemaPath: '', params });
  };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformed('', 'json', { zh: '内容的格式有误，无法读取。', en: 'The body is not valid JSON.' });
  }
  if (isDeeper(body, depthMax)) throw tooDeep('');
  // Of two equal keys one was lost, and the text would be shorter. Written with blanks or escapes it is looked at closely.
  if (JSON.stringify(body) !== text) findRepeatedKeys(text, report);
  // UTF-8 holds no half characters, and a raw NUL is no JSON: they come as escapes.
  const mayBeBad = text.includes('\\u') || text.includes('__proto__');
  const mended = mayBeBad ? withoutBadText(body, '', report) : body;
  if (found.length === 0) return mended;
  if (typeof mended !== 'object' || mended === null || found.length > faultsMax)
    throw new Refusal('validation-failed', { errors: mistakesOf(found.slice(0, 1), 'body') });
  faults.set(mended, found);
  return mended;
}

type Report = (keyword: string, pointer: string, params?: Fault['params']) => void;

/** Whether objects and lists stand in each other more than `levels` deep. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (isDeeper((value as Record<string, unknown>)[name], levels - 1)) return true;
  return false;
}

/** The last of two equal keys would win, and another reader of the same body may take the first. */
function findRepeatedKeys(text: string, report: Report): void {
  // The names seen in each object and list that is open.
  const open: Set<string>[] = [];
  const descend = () => void open.push(new Set());
  const ascend = () => void open.pop();
  visit(text, {
    onArrayBegin: descend,
    onArrayEnd: ascend,
    onObjectBegin: descend,
    onObjectEnd: ascend,
    onObjectProperty: (name, _offset, _length, _line, _character, pathOf) => {
      const seen = open.at(-1);
      if (seen?.has(name)) {
        const pointer = pathOf().map(step => `/${mend(escaped(String(step)))}`);
        report('repeatedKey', pointer.join(''), { name: mend(name) });
      }
      seen?.add(name);
    },
    onError: (_error: ParseErrorCode) => undefined,
  });
}

/** The value, in which U+FFFD stands for every NUL and half character. Objects and lists are mended in place. */
function withoutBadText(value: unknown, pointer: string, report: Report): unknown {
  if (typeof value === 'string') return whole(value, pointer, report);
  if (typeof value !== 'object' || value === null) return value;
  const target = value as Record<string, unknown>;
  for (const [name, member] of Object.entries(target)) {
    const kept = whole(name, pointer, report);
    const made = withoutBadText(member, `${pointer}/${escaped(kept)}`, report);
    if (kept !== name || name === '__proto__') delete target[name];
    if (name === '__proto__') report('additionalProperties', pointer, { additionalProperty: name });
    else if (made !== member || kept !== name) target[kept] = made;
  }
  return value;
}

function whole(text: string, pointer: string, report: Report): string {
  if (text.includes('\0')) report('nul', pointer);
  else if (!text.isWellFormed()) report('unicode', pointer);
  else return text;
  return mend(text);
}

function mend(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** A name as a part of a JSON pointer (RFC 6901). */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function tooDeep(pointer: string): Refusal {
  return malformed(pointer, 'depth', { zh: '内容的层次太深。', en: 'The body is nested too deeply.' });
}
