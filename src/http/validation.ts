import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type ParseErrorCode, visit } from 'jsonc-parser';
import { malformed, type Refusal } from '../refusals.ts';
import { writerOf } from './serialization.ts';

/**
 * Strict bodies: nothing is coerced, nothing is dropped, an unknown field is refused. Path and query, which arrive as
 * text, are converted. Only `application/json` has a parser. Answers are written by their schemas.
 */
export const validation = fp(async (app: FastifyInstance) => {
  app.setValidatorCompiler(({ schema, httpPart }) => whenUsed(httpPart === 'body' ? strict : converting, schema));
  app.setSerializerCompiler(({ schema }) => {
    let write: ReturnType<typeof writerOf> | undefined;
    return value => {
      write ??= writerOf(schema as object);
      return write(value);
    };
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, parse(text));
    } catch (error) {
      done(error as Error);
    }
  });

  // Whoever sends something where nothing is taken meant something by it: it is refused, not passed over.
  app.addHook('preValidation', async request => {
    const { body, is404, routeOptions } = request;
    if (is404 || body === undefined || routeOptions.schema?.body !== undefined) return;
    const empty = typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
    if (!empty) throw malformed('', 'additionalProperties', 'no request body is accepted here');
  });

  // %00 passes every pattern that does not forbid it, and PostgreSQL's text cannot hold it.
  app.addHook('onRequest', async request => {
    if (/%00/.test(request.url)) throw malformed('', 'nul', 'NUL characters are not allowed');
  });
});

// An instance knows a schema again that it has compiled before, whichever operation or service brings it.
const strict = ajv({ coerceTypes: false });
const converting = ajv({ coerceTypes: 'array' });

/** Compiles at the first call: a process uses few of the operations, and would compile all of them for half a second. */
function whenUsed(instance: Ajv, schema: unknown): Validator {
  let compiled: ValidateFunction | undefined;
  const validate: Validator = data => {
    compiled ??= instance.compile(schema as Record<string, unknown>);
    const valid = compiled(data);
    validate.errors = compiled.errors ?? null;
    return valid;
  };
  return validate;
}

/** Fastify reads the errors of the last call from the function. */
interface Validator {
  (data: unknown): boolean;
  errors?: ErrorObject[] | null;
}

function ajv(options: { coerceTypes: boolean | 'array' }): Ajv {
  const instance = new Ajv({ ...options, removeAdditional: false, useDefaults: true, allErrors: false, strict: false });
  addFormats.default(instance);
  return instance;
}

const depthMax = 20;

/** JSON of RFC 8259, with what it leaves open closed: no repeated keys, no NUL, no half characters. */
function parse(text: string): unknown {
  refuseRepeatedKeys(text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformed('', 'json', 'invalid JSON');
  }
  refuseBadText(body, '', 0);
  return body;
}

/** The last of two equal keys would win, and another reader of the same body may take the first. */
function refuseRepeatedKeys(text: string): void {
  // The names seen in each object and list that is open. The reader calls itself for each level: it is stopped long
  // before the stack ends.
  const open: Set<string>[] = [];
  const descend = () => {
    if (open.push(new Set()) > depthMax) throw tooDeep('');
  };
  const ascend = () => void open.pop();
  visit(text, {
    onArrayBegin: descend,
    onArrayEnd: ascend,
    onObjectBegin: descend,
    onObjectEnd: ascend,
    onObjectProperty: name => {
      const seen = open.at(-1);
      if (seen?.has(name)) throw malformed('', 'repeatedKey', `repeated key ${JSON.stringify(name.slice(0, 40))}`);
      seen?.add(name);
    },
    onError: (_error: ParseErrorCode) => undefined,
  });
}

function refuseBadText(value: unknown, pointer: string, depth: number): void {
  if (depth > depthMax) throw tooDeep(pointer);
  if (typeof value === 'string') {
    if (value.includes('\0')) throw malformed(pointer, 'nul', 'NUL characters are not allowed');
    if (!value.isWellFormed()) throw malformed(pointer, 'unicode', 'invalid Unicode');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === '__proto__') throw malformed(pointer, 'additionalProperties', 'unknown field');
      if (typeof member === 'string' || typeof member === 'object')
        refuseBadText(member, `${pointer}/${name}`, depth + 1);
    }
  }
}

function tooDeep(pointer: string): Refusal {
  return malformed(pointer, 'depth', 'nested too deeply');
}
