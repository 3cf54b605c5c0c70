import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import { type Access, type Role, roles } from '../../src/http/route.ts';
import { unreadable } from './readable.ts';
import type { Reply } from './service.ts';

/** An operation as the contract tells it to the world; nothing here is read from the code behind it. */
export interface Operation {
  id: string;
  method: string;
  /** With `{village}` and the like in it. */
  path: string;
  access: Access;
  idempotent: boolean;
  /** Names of the path's parameters. */
  params: string[];
  query: { name: string; schema: Schema }[];
  /** Schema of the body, its references followed by `resolve`; undefined where none is taken. */
  body: Schema | undefined;
  /** Schema of the JSON it answers with, its references followed; undefined where there is none. */
  answer: Schema | undefined;
  /** Its successful answers, their references followed. */
  answers: Schema[];
  /** True when it takes a file instead of JSON. */
  takesFile: boolean;
  /** The refusals it may answer with, by status. */
  refusals: Map<number, string[]>;
  /** True when a value fits the body's schema. */
  fitsBody(value: unknown): boolean;
  /** What is wrong with a JSON answer, by the schema of its status; null when it fits. */
  misfit(status: number, body: unknown): string | null;
}

// biome-ignore lint/suspicious/noExplicitAny: JSON Schema has every shape
export type Schema = any;

/** Every operation that the service's own contract declares. */
export function declaredOperations(app: FastifyInstance): Operation[] {
  const document: Schema = JSON.parse(JSON.stringify(app.swagger()));
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv as never);
  ajv.addSchema(document, 'contract');
  const compile = (...pointer: string[]) =>
    ajv.compile({ $ref: `contract#/${pointer.map(part => encodeURIComponent(escaped(part))).join('/')}` });

  return Object.entries<Schema>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Schema>(methods).map(([method, operation]): Operation => {
      const parameters: Schema[] = followed(document, operation.parameters ?? []);
      const media = ['content', 'application/json', 'schema'];
      const body = operation.requestBody?.content['application/json']?.schema;
      const answer = operation.responses['200']?.content?.['application/json']?.schema;
      const checks: Record<number, ReturnType<typeof compile>> = {};
      const fits = body && compile('paths', path, method, 'requestBody', ...media);
      return {
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        access: accessIn(operation['x-roles']),
        idempotent: parameters.some(({ name }) => name === 'Idempotency-Key'),
        params: [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]!),
        query: parameters.filter(parameter => parameter.in === 'query'),
        body: body && followed(document, body),
        answer: answer && followed(document, answer),
        answers: Object.entries(operation.responses)
          .filter(([status]) => Number(status) < 400)
          .map(([, response]) => followed(document, response)),
        takesFile: operation.requestBody !== undefined && body === undefined,
        refusals: refusalsIn(document, operation.responses),
        fitsBody: value => fits === undefined || fits(value),
        misfit(status, answer) {
          const response = operation.responses[status];
          if (response === undefined) return `status ${status} is not in the contract`;
          if (response.content?.['application/json'] === undefined) return null;
          checks[status] ??= compile('paths', path, method, 'responses', String(status), ...media);
          return checks[status](answer) ? null : ajv.errorsText(checks[status].errors);
        },
      };
    }),
  );
}

/** What is wrong with an answer that is no success: a refusal that the operation does not name, or no refusal at all. */
export function unclassified(operation: Operation, { status, body, headers, text }: Reply): string | null {
  if (status < 400) return null;
  const message = `${operation.id} answered ${status} ${text.slice(0, 200)}`;
  if (!String(headers['content-type']).startsWith('application/problem+json')) return `${message}: no problem`;
  if (status >= 500) return `${message}: a bug`;
  if (body.status !== status) return `${message}: another status within`;
  if (!operation.refusals.get(status)?.includes(body.code)) return `${message}: not among the refusals it names`;
  const details = [body.detail, ...(body.errors ?? []).map((one: { detail: string }) => one.detail)];
  const [fault] = details.flatMap(detail => unreadable(detail, headers['content-language'] === 'en' ? 'en' : 'zh'));
  return fault === undefined ? null : `${message}: nobody can read it: ${fault}`;
}

/** Who may call, as the contract says it. */
function accessIn(named: string[]): Access {
  const [only] = named;
  if (named.length === 1 && (only === 'public' || only === 'signedIn')) return only;
  if (named.length === 0 || named.some(name => !roles.includes(name as Role))) throw new Error(`who? ${named}`);
  return named as Role[];
}

function refusalsIn(document: Schema, responses: Record<string, Schema>): Map<number, string[]> {
  return new Map(
    Object.entries(responses)
      .filter(([status]) => Number(status) >= 400)
      .map(([status, response]) => [
        Number(status),
        Object.keys(target(document, response).content?.['application/problem+json']?.examples ?? {}),
      ]),
  );
}

/** A schema with every reference in it replaced by what it leads to; the contract has no circles. */
function followed(document: Schema, node: Schema): Schema {
  if (Array.isArray(node)) return node.map(member => followed(document, member));
  if (typeof node !== 'object' || node === null) return node;
  if (typeof node.$ref === 'string') return followed(document, target(document, node));
  return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, followed(document, member)]));
}

/** What a reference leads to; what is none stays as it is. */
function target(document: Schema, node: Schema): Schema {
  if (typeof node.$ref !== 'string') return node;
  const parts: string[] = node.$ref.slice(2).split('/');
  return parts.reduce((at: Schema, part) => at[part], document);
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
