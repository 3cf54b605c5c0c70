// The last touches on the contract, once all routes have told theirs: examples, headers, components.

import { Refusal, type RefusalCode, refusals } from '../refusals.ts';
import { exampleFacts, factsTold } from './details.ts';
import { problemOf } from './problems.ts';

export type Json = Record<string, unknown>;

/** Completes the document that the routes have made. `origin` is the root of problem addresses. */
export function completed(document: Json, origin: string): Json {
  const paths = document.paths as Record<string, Record<string, Operation>>;
  for (const item of Object.values(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      // What has a default may be left out.
      for (const parameter of operation.parameters ?? []) {
        if (parameter.schema.default !== undefined) parameter.required = false;
      }
      completeResponses(method, operation);
    }
  }
  const { node, schemas } = hoistTitled(paths);
  const responses = hoistRefusals(node as typeof paths);
  const text = JSON.stringify({ node, responses });
  const codes = Object.keys(refusals).filter(code => text.includes(`"#/components/examples/${code}"`));
  const examples = codes.sort().map(code => [code, exampleProblem(code as RefusalCode, origin)]);
  return {
    ...document,
    paths: node,
    components: {
      ...(document.components as Json),
      examples: Object.fromEntries(examples),
      responses,
      schemas,
    },
  };
}

interface Operation {
  responses: Record<string, Response>;
  parameters?: { in: string; name: string; required?: boolean; schema: Json }[];
}

interface Response {
  description: string;
  headers?: Json;
  content?: Record<string, { schema: Json; example?: unknown; examples?: unknown }>;
}

function completeResponses(method: string, operation: Operation): void {
  const repeatable = operation.parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response.description === 'Default Response') {
      response.description =
        status === '200' && method === 'get' ? 'The requested resource.' : (described[status] ?? 'Success.');
    }
    const headers: Json = { ...(response.headers ?? {}) };
    if (status === '201' && repeatable) headers.Location = location;
    if (repeatable && Number(status) < 300) headers['Idempotency-Replayed'] = replayed;
    if (status === '429' || status === '503') headers['Retry-After'] = retryAfter;
    if (status === '401') headers['WWW-Authenticate'] = authenticate;
    if (Object.keys(headers).length > 0) response.headers = headers;
    for (const content of Object.values(response.content ?? {})) {
      if (content.example === undefined && content.examples === undefined) content.example = exampleOf(content.schema);
    }
  }
}

const described: Record<string, string> = {
  200: 'Success.',
  201: 'Created.',
  204: 'Success. No content.',
  207: 'Processed. Each item has its own result.',
};

const header = (description: string, schema: Json, example: unknown) => ({ description, schema, example });
const location = header('Path of the new resource.', { type: 'string', maxLength: 200 }, '/v1/villages/520281127101');
const replayed = header(
  'Set to `true` if this response replays an earlier request with the same key.',
  { type: 'string', enum: ['true'] },
  'true',
);
const retryAfter = header(
  'Number of seconds to wait before retrying.',
  { type: 'integer', minimum: 1, maximum: 86_400 },
  2,
);
const authenticate = header(
  'Authentication scheme to use.',
  { type: 'string', maxLength: 100 },
  'Bearer realm="jifen"',
);

/** An example put together from those of its parts. */
function exampleOf(schema: Json): unknown {
  const {
    examples,
    enum: values,
    anyOf,
    properties,
    items,
    type,
  } = schema as {
    examples?: unknown[];
    enum?: unknown[];
    anyOf?: Json[];
    properties?: Record<string, Json>;
    items?: Json;
    type?: string;
  };
  if (examples !== undefined) return examples[0];
  if ('const' in schema) return schema.const;
  if (values !== undefined) return values[0];
  if (anyOf !== undefined) return exampleOf(anyOf[0]!);
  if (type === 'object') {
    return Object.fromEntries(Object.entries(properties ?? {}).map(([name, part]) => [name, exampleOf(part)]));
  }
  if (type === 'array') return items === undefined ? [] : [exampleOf(items)];
  if (type === 'integer' || type === 'number')
    return Math.max(Number(schema.minimum ?? 0), Math.min(5, Number(schema.maximum ?? 5)));
  if (type === 'boolean') return true;
  return type === 'null' ? null : '…';
}

function exampleProblem(code: RefusalCode, origin: string): Json {
  const text = refusals[code];
  const facts = Object.fromEntries(factsTold(code).map(name => [name, exampleFacts[name]]));
  const context = { origin, language: 'zh-CN', instance: '/v1/villages/520281127101', requestId: 'b7c9f0a2' } as const;
  return { summary: text.zh, value: problemOf(new Refusal(code, facts), context) };
}

/** Every schema with a title becomes a component, named by it; wherever it stands, a reference stands instead. */
function hoistTitled(paths: Json): { node: unknown; schemas: Json } {
  const schemas: Record<string, Json> = {};
  const hoist = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(hoist);
    if (typeof node !== 'object' || node === null) return node;
    const copy: Json = Object.fromEntries(
      Object.entries(node).map(([name, member]) => [name, /^examples?$/.test(name) ? member : hoist(member)]),
    );
    const { title, type } = copy;
    if (typeof title !== 'string' || type === undefined) return copy;
    const known = schemas[title];
    if (known !== undefined && shapeOf(known) !== shapeOf(copy)) throw new Error(`two schemas are titled ${title}`);
    if (known?.examples === undefined) schemas[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const node = hoist(paths);
  return { node, schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => a.localeCompare(b))) };
}

/** Refusals that several operations share become components too, named by their codes. */
function hoistRefusals(paths: Record<string, Record<string, Operation>>): Json {
  const operations = Object.values(paths).flatMap(item => Object.values(item));
  const all = operations.flatMap(({ responses }) =>
    Object.entries(responses)
      .filter(([status]) => Number(status) >= 400)
      .map(([status, response]) => ({ responses, status, response })),
  );
  const shared: Record<string, Response> = {};
  for (const [name, group] of Map.groupBy(all, ({ response }) => nameOf(response))) {
    if (group.length === 1) continue;
    shared[name] = group[0]!.response;
    for (const { responses, status } of group) responses[status] = { $ref: `#/components/responses/${name}` } as never;
  }
  return Object.fromEntries(Object.entries(shared).sort(([a], [b]) => a.localeCompare(b)));
}

function nameOf({ content }: Response): string {
  return Object.keys((content?.['application/problem+json']?.examples ?? {}) as object).join('.');
}

/** The examples of a body move to its media type, so two copies of one schema may differ in them. */
function shapeOf({ examples, example, ...shape }: Json): string {
  return JSON.stringify(shape);
}
