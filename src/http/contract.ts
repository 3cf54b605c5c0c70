// The last touches on the contract, once all routes have told theirs: examples, headers, components.

import { Type } from 'typebox';
import { Refusal, type RefusalCode, refusals } from '../refusals.ts';
import { exampleFacts, factsTold } from './details.ts';
import { factsOf } from './facts.ts';
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
  const operations = Object.values(node as typeof paths).flatMap(item => Object.values(item));
  nameAnswers(schemas, operations);
  const responses = hoistRefusals(operations);
  const parameters = hoistParameters(operations);
  const text = JSON.stringify({ node, responses });
  const codes = Object.keys(refusals).filter(code => text.includes(`"#/components/examples/${code}"`));
  const examples = codes.sort().map(code => [code, exampleProblem(code as RefusalCode, origin)]);
  return {
    ...document,
    paths: node,
    components: {
      ...(document.components as Json),
      parameters,
      headers,
      examples: Object.fromEntries(examples),
      responses,
      schemas,
    },
  };
}

interface Operation {
  'x-roles': string[];
  responses: Record<string, Response>;
  parameters?: Parameter[];
}

interface Response {
  description: string;
  headers?: Json;
  content?: Record<string, { schema: Json; example?: unknown; examples?: unknown }>;
}

interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  schema: Json;
}

function completeResponses(method: string, operation: Operation): void {
  const repeatable = operation.parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response.description === 'Default Response') {
      response.description =
        status === '200' && method === 'get' ? 'The requested resource.' : (described[status] ?? 'Success.');
    }
    const names: string[] = [];
    if (status === '201' && repeatable) names.push('Location');
    if (repeatable && Number(status) < 300) names.push('Idempotency-Replayed');
    if (status === '429' || status === '503') names.push('Retry-After');
    if (status === '401') names.push('WWW-Authenticate');
    const own = Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]));
    if (names.length > 0) response.headers = { ...response.headers, ...own };
    for (const content of Object.values(response.content ?? {})) {
      // A schema with a name has its examples field by field, where all share them.
      const isNamed = content.schema.title !== undefined || content.schema.anyOf !== undefined;
      if (!isNamed && content.example === undefined && content.examples === undefined)
        content.example = exampleOf(content.schema);
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

/** Headers of answers, by their names. */
const headers: Json = {
  Location: header('Path of the new resource.', { type: 'string', maxLength: 200 }, '/v1/villages/520281127101'),
  'Idempotency-Replayed': header(
    'Set to `true` if this response replays an earlier request with the same key.',
    { type: 'string', enum: ['true'] },
    'true',
  ),
  'Retry-After': header(
    'Number of seconds to wait before retrying.',
    { type: 'integer', minimum: 1, maximum: 86_400 },
    2,
  ),
  'WWW-Authenticate': header(
    'Authentication scheme to use.',
    { type: 'string', maxLength: 100 },
    'Bearer realm="jifen", DPoP algs="ES256"',
  ),
};

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
  const schemas = Object.entries(factsOf[code] ?? {});
  const told = schemas.filter(([name, schema]) => !Type.IsOptional(schema) || factsTold(code).includes(name));
  const facts = Object.fromEntries(told.map(([name, schema]) => [name, exampleFact(name, schema as unknown as Json)]));
  const context = { origin, language: 'zh-CN', instance: '/v1/villages/520281127101', requestId: 'b7c9f0a2' } as const;
  return { value: problemOf(new Refusal(code, facts), context) };
}

/** The fact that brings out what a code says, where it is of this kind: `required` is a number here, and a list there. */
function exampleFact(name: string, schema: Json): unknown {
  const [known, composed] = [exampleFacts[name], exampleOf(schema)];
  const isOfItsKind =
    composed === null || (typeof known === typeof composed && Array.isArray(known) === Array.isArray(composed));
  return known !== undefined && isOfItsKind ? known : composed;
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
    // The default; said, it makes every member there is none of a known one to TypeScript.
    if (copy.additionalProperties === true) delete copy.additionalProperties;
    // What a choice may be is told by the choice.
    if (Array.isArray(copy.enum) && Array.isArray(copy.examples)) delete copy.examples;
    if (typeof title !== 'string' || type === undefined) return copy;
    const known = schemas[title];
    if (known !== undefined && shapeOf(known) !== shapeOf(copy)) throw new Error(`two schemas are titled ${title}`);
    if (known?.examples === undefined) schemas[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const node = hoist(paths);
  return { node, schemas: sorted(schemas) };
}

/** Refusals that several operations share become components too, named by their codes. */
function hoistRefusals(operations: Operation[]): Json {
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
  return sorted(shared);
}

/** A value that is the answer to an earlier request of these roles, sent with a key, becomes a choice of all such answers. */
function nameAnswers(schemas: Json, operations: Operation[]): void {
  const places = Object.values(schemas as Record<string, { properties?: Record<string, Json> }>)
    .flatMap(({ properties = {} }) => Object.values(properties))
    .filter(place => Array.isArray(place['x-answers-to']));
  for (const place of places) {
    const theirs = operations.filter(
      ({ 'x-roles': roles, parameters = [] }) =>
        parameters.some(({ name }) => name === 'Idempotency-Key') &&
        roles.some(role => (place['x-answers-to'] as string[]).includes(role)),
    );
    const refs = theirs
      .flatMap(({ responses }) => Object.entries(responses).filter(([status]) => Number(status) < 300))
      .flatMap(([, { content }]) => content?.['application/json']?.schema?.$ref ?? []);
    delete place['x-answers-to'];
    place.anyOf = [...[...new Set(refs)].sort().map($ref => ({ $ref })), { type: 'null' }];
  }
}

/**
 * Parameters that several operations share become components: `Village` of a path, `LimitQuery` of a query. Of several
 * parameters of one name only the one that most operations share does; the others stand where they are.
 */
function hoistParameters(operations: Operation[]): Json {
  const shared: Json = {};
  const all = operations.flatMap(({ parameters = [] }) =>
    parameters.map((parameter, at) => ({ parameters, parameter, at })),
  );
  for (const [name, group] of Map.groupBy(all, ({ parameter }) => parameterNameOf(parameter))) {
    const [most] = [...Map.groupBy(group, ({ parameter }) => JSON.stringify(parameter)).values()].sort(
      (a, b) => b.length - a.length,
    );
    if (most!.length === 1) continue;
    shared[name] = most![0]!.parameter;
    for (const { parameters, at } of most!) parameters[at] = { $ref: `#/components/parameters/${name}` } as never;
  }
  return sorted(shared);
}

function parameterNameOf({ in: place, name }: Parameter): string {
  const capitals = name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()).replaceAll('-', '');
  return place === 'query' ? `${capitals}Query` : capitals;
}

function sorted<T>(parts: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(parts).sort(([a], [b]) => a.localeCompare(b)));
}

function nameOf({ content }: Response): string {
  return Object.keys((content?.['application/problem+json']?.examples ?? {}) as object).join('.');
}

/** The examples of a body move to its media type, so two copies of one schema may differ in them. */
function shapeOf({ examples, example, ...shape }: Json): string {
  return JSON.stringify(shape);
}
