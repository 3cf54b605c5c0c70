import type { ErrorObject } from 'ajv';
import { Refusal } from '../refusals.ts';
import type { AnyRequest } from './route.ts';
import { isHuge } from './validation.ts';
import { mistakesOf } from './validation-details.ts';

/* Sheets whose lines (`items` of the body) succeed or fail each on its own. Their routes set `attachValidation`. */

/**
 * The refusal of each line that the schema refuses, by its index. With `apart` false, lines share their fate.
 * @throws the error of the validation if anything but lines is wrong, if no line is right, or if the sheet is so large that
 *   only its first mistake was looked for
 */
export function refusedLines(request: AnyRequest, { apart }: { apart: boolean }): Map<number, Refusal> {
  const error = request.validationError;
  if (error === undefined) return new Map();
  const errors = (error.validation ?? []) as unknown as ErrorObject[];
  const lineOf = ({ instancePath }: ErrorObject) => /^\/items\/(\d+)/.exec(instancePath)?.[1];
  if (!apart || error.validationContext !== 'body' || errors.length === 0) throw error;
  if (errors.some(one => lineOf(one) === undefined) || isHuge(request.body)) throw error;
  const lines = Map.groupBy(errors, lineOf);
  if (lines.size === (request.body as { items: unknown[] }).items.length) throw error;
  return new Map(
    [...lines].map(([line, own]): [number, Refusal] => [
      Number(line),
      new Refusal('validation-failed', { errors: mistakesOf(own, 'body') }),
    ]),
  );
}

/** The results of all lines in their order: of those that were tried, and the refusals of those that were not. */
export function inOrder<T>(tried: T[], refused: Map<number, T>): T[] {
  const rest = tried.values();
  return Array.from({ length: tried.length + refused.size }, (_, index) => refused.get(index) ?? rest.next().value!);
}

/** The caller's reference for a line, however else the line is spoiled. */
export function refOf(line: unknown): string | null {
  const ref = (line as { ref?: unknown } | null)?.ref;
  return typeof ref === 'string' && ref.length <= 64 && ref.trim() !== '' ? ref : null;
}
