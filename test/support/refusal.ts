import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Test } from 'tap';
import { Type } from 'typebox';
import { factsOf } from '../../src/http/facts.ts';
import { Refusal, type RefusalCode, refusals } from '../../src/refusals.ts';
import { unreadable } from './readable.ts';
import type { Reply } from './service.ts';

/** Status and code as they are written in a test: `409 wrong-state`. */
export type StatusAndCode = `${number} ${RefusalCode}`;

/**
 * Facts as a test expects them. A leaf that nobody can know beforehand may be `String`, `Number` or a pattern; whatever
 * else stands here is what must be answered.
 */
export type Facts = Record<string, unknown>;

/**
 * Holds that an answer is this refusal and says nothing beyond it: HTTP status, code, each fact with its value, and no
 * other fact. What every problem has is looked at, too: its type, its title in one of both languages, a detail that
 * people can read, the path and the request id.
 *
 * In `errors` of `validation-failed`, which a schema says at length, each is `pointer code`: `/headMemberId required`. A
 * problem inside a fact is `{ answer: '404 not-found', … }` with its facts.
 * `detail` is compared only where `facts` has it.
 *
 * @param answer the whole reply, or a problem that stands in the place of a body (a line of a sheet)
 */
export function isRefused(t: Test, answer: unknown, expected: StatusAndCode, facts: Facts = {}, why?: string): void {
  const wanted = { answer: expected, ...facts };
  const found = partsOf(answer);
  const caller = callerOf(isRefused);
  if (found === undefined) {
    t.strictSame(answer, wanted, why ?? 'is a problem', caller);
    return;
  }
  const { detail, ...rest } = found;
  const whole = 'detail' in facts ? found : rest;
  t.strictSame(likened(whole, wanted), wanted, why ?? expected, caller);
  const code = expected.split(' ')[1] as RefusalCode;
  t.strictSame(misshapen(answer, code), [], 'and it has the members that every problem has', caller);
}

/**
 * The refusal that a verb ends with, whole: its code and its facts.
 * @throws what the verb threw, if that is no refusal; an Error, if it threw nothing
 */
export async function refusalOf(work: Promise<unknown>): Promise<{ code: RefusalCode; facts: object }> {
  const thrown = await work.then(
    () => new Error('nothing was refused'),
    (error: unknown) => error,
  );
  if (thrown instanceof Refusal) return { code: thrown.code, facts: thrown.facts };
  throw thrown;
}

/** Where a helper was called, so that a failure shows that line. */
export function callerOf(helper: (...said: never[]) => unknown): { stack: string } {
  const here = { stack: '' };
  Error.captureStackTrace(here, helper);
  return { stack: here.stack.split('\n').slice(1).join('\n') };
}

const standard = ['type', 'title', 'status', 'code', 'instance', 'requestId'];
const common = [...standard, 'detail'];

/** `answer` (status and code), detail and facts. Undefined if it is no problem. */
function partsOf(answer: unknown): Record<string, unknown> | undefined {
  const problem = problemOf(answer);
  if (problem === undefined) return undefined;
  const { status } = isReply(answer) ? answer : problem;
  const facts = Object.entries(problem).filter(([name]) => !standard.includes(name));
  const parts: Record<string, unknown> = { answer: `${status} ${problem.code}` };
  for (const [name, fact] of facts) parts[name] = withProblemsInParts(fact);
  if (problem.code === 'validation-failed') {
    const errors = problem.errors as { pointer: string; code: string }[];
    parts.errors = errors.map(({ pointer, code }) => `${pointer} ${code}`);
  }
  return parts;
}

/** A fact in which whole problems stand, as in a refused sheet: of each its answer and facts. */
function withProblemsInParts(fact: unknown): unknown {
  if (Array.isArray(fact)) return fact.map(withProblemsInParts);
  if (!isPlain(fact)) return fact;
  const parts = partsOf(fact);
  if (parts === undefined)
    return Object.fromEntries(Object.entries(fact).map(([name, value]) => [name, withProblemsInParts(value)]));
  const { detail: _, ...rest } = parts;
  return rest;
}

/** What is not as in every problem, by name. */
function misshapen(answer: unknown, code: RefusalCode): string[] {
  const problem = problemOf(answer)!;
  const { zh, en } = refusals[code];
  const holds: Record<string, boolean> = {
    type: String(problem.type).endsWith(`/problems/${problem.code}`),
    title: problem.title === zh || problem.title === en,
    detail:
      typeof problem.detail === 'string' && unreadable(problem.detail, problem.title === zh ? 'zh' : 'en').length === 0,
    instance: String(problem.instance).startsWith('/'),
    requestId: typeof problem.requestId === 'string',
    status: !isReply(answer) || answer.status === problem.status,
    contentType: !isReply(answer) || String(answer.headers['content-type']).startsWith('application/problem+json'),
  };
  return [...Object.keys(holds).filter(name => !holds[name]), ...undeclared(problem, code)];
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv as never);

/** Facts that the contract does not tell of, or tells otherwise. */
function undeclared(problem: Record<string, unknown>, code: RefusalCode): string[] {
  const facts = Object.fromEntries(Object.entries(problem).filter(([name]) => !common.includes(name)));
  const declared = Type.Object(factsOf[code] ?? {}, { $id: code, additionalProperties: false });
  const validate = ajv.getSchema(code) ?? ajv.compile(declared);
  return validate(facts)
    ? []
    : [`facts of ${code} are not as src/http/facts.ts says: ${ajv.errorsText(validate.errors)}`];
}

function isReply(answer: unknown): answer is Reply {
  return typeof answer === 'object' && answer !== null && 'headers' in answer && 'body' in answer;
}

function problemOf(answer: unknown): Record<string, unknown> | undefined {
  const problem = isReply(answer) ? answer.body : answer;
  const isProblem = typeof problem === 'object' && problem !== null && 'code' in problem && 'requestId' in problem;
  return isProblem ? (problem as Record<string, unknown>) : undefined;
}

/** `found`, with what `wanted` knows by its kind alone put in the place of what is of that kind. */
function likened(found: unknown, wanted: unknown): unknown {
  if (wanted === String) return typeof found === 'string' ? String : found;
  if (wanted === Number) return typeof found === 'number' ? Number : found;
  if (wanted instanceof RegExp) return typeof found === 'string' && wanted.test(found) ? wanted : found;
  if (Array.isArray(wanted) && Array.isArray(found)) return found.map((one, n) => likened(one, wanted[n]));
  if (!isPlain(wanted) || !isPlain(found)) return found;
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, likened(value, wanted[name])]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
