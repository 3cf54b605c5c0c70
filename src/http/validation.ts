import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { malformed, Refusal } from '../refusals.ts';
import { faultsOf, parseJson } from './json.ts';
import { writerOf } from './serialization.ts';
import { mistakesOf } from './validation-details.ts';

/**
 * Strict bodies and queries: nothing is dropped, an unknown field or parameter is refused. Bodies are not coerced; path and
 * query, which arrive as text, are converted. Only JSON has a parser: `application/json`,
 * and for PATCH a merge patch (RFC 7396), in which null clears and what is absent stays. Answers are written by their schemas.
 */
export const validation = fp(async (app: FastifyInstance) => {
  app.setValidatorCompiler(({ schema, httpPart }) => {
    if (httpPart === 'body') return whenUsed(bodies, schema as object);
    return whenUsed(texts, httpPart === 'querystring' ? closed(schema as object) : (schema as object));
  });
  app.setSerializerCompiler(({ schema }) => {
    let write: ReturnType<typeof writerOf> | undefined;
    return value => {
      write ??= writerOf(schema as object);
      return write(value);
    };
  });

  app.removeAllContentTypeParsers();
  for (const type of ['application/json', mergePatch]) {
    app.addContentTypeParser<string>(type, { parseAs: 'string' }, (request, text, done) => {
      try {
        if ((type === mergePatch) !== (request.method === 'PATCH')) throw new Refusal('media-type-unsupported');
        done(null, parseJson(text));
      } catch (error) {
        done(error as Error);
      }
    });
  }

  // Whoever sends something where nothing is taken meant something by it: it is refused, not passed over.
  app.addHook('preValidation', async request => {
    const { body, is404, routeOptions } = request;
    if (is404) return;
    const { querystring, hide } = (routeOptions.schema ?? {}) as { querystring?: unknown; hide?: boolean };
    const unknown = querystring === undefined && hide !== true ? Object.keys(request.query as object) : [];
    if (unknown.length > 0)
      throw new Refusal('validation-failed', { errors: mistakesOf(unknown.map(unexpected), 'querystring') });
    if (body === undefined || routeOptions.schema?.body !== undefined) return;
    const empty = typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
    if (!empty)
      throw malformed('', 'additionalProperties', {
        zh: '这里不需要填写内容，请去掉后再试。',
        en: 'No request body is accepted here.',
      });
  });

  // %00 passes every pattern that does not forbid it, and PostgreSQL's text cannot hold it.
  app.addHook('onRequest', async request => {
    if (/%00/.test(request.url)) throw malformed('', 'nul', noNul);
  });
});

const mergePatch = 'application/merge-patch+json';

// An instance knows a schema again that it has compiled before, whichever operation or service brings it.
const bodies = validators({ coerceTypes: false });
const texts = validators({ coerceTypes: 'array' });

interface Validators {
  /** Stops at the first mistake. */
  quick: Ajv;
  /** Looks for all. */
  thorough: Ajv;
}

/**
 * Compiles at the first call: a process uses few of the operations, and would compile all of them for half a second. Looks
 * for all mistakes only where there is one, for nearly everything is right; and not in what is far larger than anything
 * meant, for each of its members may be a mistake.
 */
function whenUsed({ quick, thorough }: Validators, schema: object): Validator {
  let isRight: ValidateFunction | undefined;
  const validate: Validator = data => {
    validate.errors = null;
    isRight ??= compiled(quick, schema);
    const faults = faultsOf(data) as ErrorObject[];
    if (isRight(data) && faults.length === 0) return true;
    validate.errors = [...faults, ...(isRight.errors ?? [])];
    if (isHuge(data)) return false;
    const check = compiled(thorough, schema);
    // Filling in defaults may have mended what was left out.
    if (!check(data)) validate.errors = [...faults, ...check.errors!];
    return false;
  };
  return validate;
}

function compiled(instance: Ajv, schema: object): ValidateFunction {
  return instance.compile(schema as Record<string, unknown>);
}

const closedQueries = new WeakMap<object, object>();

/** A query's schema that knows no other parameters; the same one for the same query. */
function closed(schema: object): object {
  const known = closedQueries.get(schema) ?? { ...schema, additionalProperties: false };
  closedQueries.set(schema, known);
  return known;
}

/** Fastify reads the errors of the last call from the function. */
interface Validator {
  (data: unknown): boolean;
  errors?: ErrorObject[] | null;
}

function validators(options: { coerceTypes: boolean | 'array' }): Validators {
  return { quick: ajv({ ...options, allErrors: false }), thorough: ajv({ ...options, allErrors: true }) };
}

function ajv(options: { coerceTypes: boolean | 'array'; allErrors: boolean }): Ajv {
  const instance = new Ajv({ ...options, removeAdditional: false, useDefaults: true, strict: false });
  addFormats.default(instance);
  return instance;
}

/** A sheet of a thousand awards has eight thousand. */
const membersMax = 20_000;

/** A text of more than this many characters counts for too many: patterns are made for those that fit their bounds. */
const textMax = 20_000;

/** Whether a body is so large that only its first mistake is looked for. */
export function isHuge(body: unknown): boolean {
  return membersOf(body, membersMax) > membersMax;
}

/** How many values a body consists of; counted no further than just beyond `max`. */
function membersOf(value: unknown, max: number): number {
  if (typeof value === 'string') return value.length > textMax ? max + 1 : 1;
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const member of Object.values(value)) {
    if (count > max) break;
    count += membersOf(member, max - count);
  }
  return count;
}

function unexpected(name: string): Partial<ErrorObject> {
  const params = { additionalProperty: name };
  return { keyword: 'additionalProperties', instancePath: '', schemaPath: '', params };
}

const noNul = { zh: '含有不能使用的字符，请重新输入。', en: 'NUL characters are not allowed.' };
