import { readFile } from 'node:fs/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { test } from 'tap';
import { chineseSummaries } from '../src/http/operation-names.ts';
import { roles as knownRoles } from '../src/http/route.ts';
import { contractPage, contractText } from './support/contract.ts';

const roles: readonly string[] = knownRoles;

type Json = Record<string, unknown>;

interface Operation extends Json {
  operationId: string;
  tags: string[];
  security: Json[];
  responses: Record<string, Json>;
  parameters?: Json[];
  requestBody?: { content: Record<string, Json> };
}

interface Contract extends Json {
  openapi: string;
  tags: { name: string; 'x-name-zh'?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<'schemas' | 'responses' | 'parameters' | 'examples' | 'headers', Record<string, Json>>;
}

const committed = await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8').catch(() => '');

test('openapi/openapi.json is what the routes promise', async t => {
  t.ok(committed === (await contractText()), 'run `npm run openapi`, and read the difference as a client would');
});

test('openapi/README.md has every error, and names operations that there are', async t => {
  const page = await readFile(new URL('../openapi/README.md', import.meta.url), 'utf8');
  t.ok(page === (await contractPage()), 'run `npm run openapi`');
  const operations = new Map(
    Object.entries((JSON.parse(committed) as Contract).paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => [operationId, `${method.toUpperCase()} ${path}`]),
    ),
  );
  const calls = [...page.matchAll(/^\| \d+ \| `([^`]+)` \| `(\w+)` \|/gm)];
  t.equal(calls.length, 10);
  for (const [, call, id] of calls) t.equal(operations.get(id!), call);
});

test('every operation is told whole, and every value has its bounds', async t => {
  t.same(flaws(JSON.parse(committed)), []);
});

test('the contract weighs little', async t => {
  const text = Buffer.from(JSON.stringify(JSON.parse(committed)));
  const compressed = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  t.ok(compressed.length < 90_000, `${compressed.length} bytes as Brotli`);
  // What browsers ask for without TLS.
  t.ok(gzipSync(text, { level: 9 }).length < 120_000, 'as gzip, too');
});

test('each flaw is seen', async t => {
  const planted: [flaw: RegExp, plant: (operation: Operation, contract: Contract) => void][] = [
    [/3\.1/, (_, contract) => Object.assign(contract, { openapi: '3.0.3' })],
    [/operationId/, operation => Object.assign(operation, { operationId: 'create_policy' })],
    [/has the operationId/, operation => Object.assign(operation, { operationId: 'policyList' })],
    [/one known tag/, operation => operation.tags.push('villages')],
    [/one known tag/, operation => Object.assign(operation, { tags: ['misc'] })],
    [/summary/, operation => delete operation.summary],
    [/summary/, operation => Object.assign(operation, { summary: 'Set a policy.' })],
    [/summary/, operation => Object.assign(operation, { summary: 'Every policy the village has set' })],
    [/summary/, operation => Object.assign(operation, { summary: `Set a policy ${'very '.repeat(10)}soon` })],
    [/description/, operation => Object.assign(operation, { description: '' })],
    [/no sentence/, operation => Object.assign(operation, { description: 'Sets a policy' })],
    [/no sentence/, operation => Object.assign(operation.responses['201']!, { description: 'done.' })],
    [
      /no sentence/,
      (_, contract) => Object.assign(contract.components.parameters.Village!, { description: 'the village' }),
    ],
    [/Chinese summary/, operation => delete operation['x-summary-zh']],
    [/Chinese summary/, operation => Object.assign(operation, { 'x-summary-zh': 'Set a policy' })],
    [/Chinese summary/, operation => Object.assign(operation, { 'x-summary-zh': '制定积分政策。' })],
    [/Chinese name/, (_, contract) => delete contract.tags[0]!['x-name-zh']],
    [/its roles/, operation => delete operation['x-roles']],
    [/its roles/, operation => Object.assign(operation, { 'x-roles': ['villageChief'] })],
    [/its roles/, operation => Object.assign(operation, { 'x-roles': ['public'] })],
    [
      /fixed Idempotency-Key/,
      (_, contract) => Object.assign(contract.components.parameters.IdempotencyKey!, { example: 'a' }),
    ],
    [/no sentence/, (_, contract) => property(contract, { type: 'boolean', description: 'Whether it holds' })],
    [/security/, operation => delete (operation as Json).security],
    [/no example/, operation => withoutExample(operation.requestBody!)],
    [
      /no example/,
      operation => Object.assign(operation.responses['201']!, { content: { 'application/json': { schema: {} } } }),
    ],
    [/429/, operation => delete operation.responses['429']],
    [/401/, operation => delete operation.responses['401']],
    [/404/, operation => delete operation.responses['404']],
    [/415/, operation => delete operation.responses['415']],
    [/Idempotency-Key/, operation => operation.parameters!.pop()],
    [/maxLength/, (_, contract) => property(contract, { type: 'string', description: 'x' })],
    [/maxItems/, (_, contract) => property(contract, { type: 'array', items: { type: 'null' }, description: 'x' })],
    [/both bounds/, (_, contract) => property(contract, { type: 'integer', minimum: 1, description: 'x' })],
    [/description/, (_, contract) => property(contract, { type: 'boolean' })],
    [/below \/v1/, (operation, contract) => Object.assign(contract.paths, { '/v2/policies': { get: operation } })],
    [/body is text\/plain/, operation => copyContent(operation.requestBody!, 'text/plain')],
    [
      /403 is application\/json/,
      (_, contract) => {
        for (const refusals of Object.values(contract.components.responses)) copyContent(refusals, 'application/json');
      },
    ],
    [/Location/, operation => delete (operation.responses['201'] as { headers: Json }).headers.Location],
    [/eval/, operation => Object.assign(operation, { description: 'eval (1)' })],
    [/strict/, (_, contract) => delete contract.components.schemas.PolicyCreate!.additionalProperties],
  ];
  const plantedInPatches: [flaw: RegExp, plant: (operation: Operation) => void][] = [
    [/merge patch/, operation => renameContent(operation.requestBody!, 'application/json')],
    [/If-Match/, operation => operation.parameters!.pop()],
    [/412 and 428/, operation => delete operation.responses['412']],
    [/412 and 428/, operation => delete operation.responses['428']],
    [/ETag/, operation => delete (operation.responses['200'] as { headers: Json }).headers.ETag],
  ];
  for (const [flaw, plant] of planted) {
    const contract: Contract = JSON.parse(committed);
    plant(contract.paths['/v1/villages/{village}/policies']!.post!, contract);
    t.match(flaws(contract).join('\n'), flaw);
  }
  for (const [flaw, plant] of plantedInPatches) {
    const contract: Contract = JSON.parse(committed);
    plant(contract.paths['/v1/villages/{village}/members/{member}']!.patch!);
    t.match(flaws(contract).join('\n'), flaw);
  }
});

function withoutExample({ content }: { content: Record<string, Json> }): void {
  delete content['application/json']!.example;
  delete content['application/json']!.examples;
}

/** The same content again under another media type. */
function copyContent(part: { content?: Json }, mediaType: string): void {
  part.content = { ...part.content, [mediaType]: Object.values(part.content ?? {})[0] ?? { example: {} } };
}

/** The same content under another media type alone. */
function renameContent(part: { content?: Json }, mediaType: string): void {
  part.content = { [mediaType]: Object.values(part.content!)[0] };
}

function property(contract: Contract, schema: Json): void {
  (contract.components.schemas.PolicyCreate!.properties as Json).planted = schema;
}

/** What a client would miss in the contract. */
function flaws(contract: Contract): string[] {
  const found: string[] = contract.openapi.startsWith('3.1.') ? [] : ['the contract is not OpenAPI 3.1'];
  if (/\beval\s*\(/.test(JSON.stringify(contract))) found.push('a text has eval( in it, which a page may run');
  const seen = new Map<string, string>();
  for (const [path, item] of Object.entries(contract.paths)) {
    if (!/^(\/v1\/|\/(healthz|readyz|problems\/\{code\})$|\/\.well-known\/)/.test(path))
      found.push(`${path}: the service lives below /v1; probes, problem pages and keys do not`);
    for (const [method, operation] of Object.entries(item)) {
      const name = `${method} ${path}`;
      found.push(...flawsOfOperation(contract, method, operation).map(flaw => `${name}: ${flaw}`));
      const other = seen.get(operation.operationId);
      if (other !== undefined) found.push(`${name}: ${other} has the operationId ${operation.operationId} too`);
      seen.set(operation.operationId, name);
      for (const { content } of [operation.requestBody ?? { content: {} }]) {
        const { $ref } = (content['application/json']?.schema ?? {}) as { $ref?: string };
        if ($ref !== undefined && resolve(contract, $ref).additionalProperties !== false) {
          found.push(`${name}: its body is not strict (additionalProperties: false)`);
        }
      }
    }
  }
  for (const tag of contract.tags) {
    if (!/^\p{Script=Han}+$/u.test(String(tag['x-name-zh']))) found.push(`the tag ${tag.name} has no Chinese name`);
  }
  for (const id of Object.keys(chineseSummaries)) {
    if (!seen.has(id)) found.push(`${id} has a Chinese summary, and is no operation`);
  }
  found.push(...flawsOfProse(contract, ''));
  const { schemas, parameters } = contract.components;
  return [...found, ...flawsOfSchemas({ paths: contract.paths, schemas, parameters }, '')];
}

function flawsOfOperation(contract: Contract, method: string, operation: Operation): string[] {
  const tags = contract.tags.map(tag => tag.name);
  const statuses = Object.keys(operation.responses);
  // A proof says which device asks, and not who may.
  const isPublic = operation.security?.every(one => Object.keys(one).every(name => name === 'deviceProof')) ?? false;
  const parameters = parametersOf(contract, operation);
  const inPath = parameters.some(parameter => parameter.in === 'path');
  const key = parameters.find(({ name }) => name === 'Idempotency-Key');
  const hasBody = operation.requestBody !== undefined;
  const wanted: [flaw: string, isMet: boolean][] = [
    ['its operationId is not noun then verb, in camelCase', /^[a-z]+([A-Z][a-z0-9]+)+$/.test(operation.operationId)],
    ['it has not exactly one known tag', operation.tags.length === 1 && tags.includes(operation.tags[0]!)],
    [
      `its summary is not an imperative of at most 60 characters without a period (see verbs)`,
      isImperative(operation.summary),
    ],
    ['it has no description', text(operation.description)],
    ['it declares no security', Array.isArray(operation.security)],
    ['it does not say 429, 500 and 503', ['429', '500', '503'].every(status => statuses.includes(status))],
    ['it does not say 401', isPublic || statuses.includes('401')],
    ['it does not say 400 and 404', !inPath || ['400', '404'].every(status => statuses.includes(status))],
    ['it does not say 413 and 415', !hasBody || ['413', '415'].every(status => statuses.includes(status))],
    [
      'it neither takes an Idempotency-Key nor says why not',
      method !== 'post' || withoutKey.has(operation.operationId) === (key === undefined),
    ],
    ['its body is no merge patch', method !== 'patch' || mergePatch in (operation.requestBody?.content ?? {})],
    [
      'it takes no If-Match, or does not say 412 and 428',
      method !== 'patch' ||
        (parameters.some(({ name, required }) => name === 'If-Match' && required === true) &&
          ['412', '428'].every(status => statuses.includes(status))),
    ],
    ['its 200 has no ETag', method !== 'patch' || 'ETag' in ((operation.responses['200'] as Json).headers as Json)],
    ['it proposes a fixed Idempotency-Key', key?.example === undefined],
    [
      'it has no Chinese summary of at most 20 characters',
      /^[^a-zA-Z。]{2,20}$/.test(String(operation['x-summary-zh'])),
    ],
    ['it does not say its roles', sayRoles(operation['x-roles'], isPublic)],
  ];
  const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap(part =>
    Object.values(((part as { $ref?: string })?.$ref === undefined ? part?.content : undefined) ?? {}),
  ) as Json[];
  for (const mediaType of Object.keys(operation.requestBody?.content ?? {})) {
    wanted.push([`its body is ${mediaType}, no JSON, form, photo or sheet`, bodyTypes.test(mediaType)]);
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    const { content, headers } = (text(response.$ref) ? resolve(contract, response.$ref as string) : response) as Json;
    for (const mediaType of /^[45]/.test(status) ? Object.keys(content ?? {}) : []) {
      wanted.push([
        `its ${status} is ${mediaType}, no application/problem+json`,
        mediaType === 'application/problem+json',
      ]);
    }
    if (status === '201' && headers !== undefined)
      wanted.push(['its 201 does not say in Location where the new thing is', 'Location' in (headers as Json)]);
  }
  const isTold = ({ schema, example, examples }: Json) =>
    example !== undefined || examples !== undefined || '$ref' in (schema as Json) || 'anyOf' in (schema as Json);
  const body = Object.values(operation.requestBody?.content ?? {});
  if (!contents.every(isTold) || body.some(({ example, examples }) => (example ?? examples) === undefined)) {
    wanted.push(['one of its bodies has no example', false]);
  }
  return wanted.filter(([, isMet]) => !isMet).map(([flaw]) => flaw);
}

const mergePatch = 'application/merge-patch+json';

const bodyTypes =
  /^(application\/(merge-patch\+)?json|multipart\/form-data|image\/(jpeg|png|webp)|text\/csv|application\/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet)$/;

/** POSTs that change nothing, answer with credentials, which are never kept, or whose parts are known by what was signed. */
const withoutKey = new Set([
  'sessionCreate',
  'sessionRefresh',
  'redemptionQuote',
  'ruleBookSimulate',
  'redemptionByCode',
  'kioskPairingCreate',
  'kioskPairingPoll',
  'kioskTokenRefresh',
  'kioskSessionCreate',
  'kioskHeartbeatCreate',
  'bookVerify',
  'kioskOpUpload',
  'kioskOpImport',
]);

function parametersOf(contract: Contract, { parameters = [] }: Operation): Json[] {
  return parameters.map(one => (text(one.$ref) ? resolve(contract, one.$ref as string) : one));
}

/** `public` where no sign-in is needed and nowhere else, `signedIn`, or roles. */
function sayRoles(named: unknown, isPublic: boolean): boolean {
  if (!Array.isArray(named) || named.length === 0 || named.includes('public') !== isPublic) return false;
  return named.length === 1 && /^(public|signedIn)$/.test(named[0]) ? true : named.every(name => roles.includes(name));
}

/** What summaries begin with. A verb that is missing may be added; first see whether one of these says it. */
const verbs = new Set(
  (
    'Add Adopt Announce Appeal Apply Approve Archive Cancel Change Check Close Commit Compare Confirm Correct Create Decide Declare ' +
    'Deny Disable Discard Dismiss Download Enable End Enrol Export File Find Freeze Fulfil Grant Import Issue List Lock Object Open Pass ' +
    'Poll Post Preview Propose Prove Publish Quote Refresh Reject Release Remove Replace Reset Restore Resubmit Resume Retire Retrieve ' +
    'Return Revoke Save Set Settle Sign Simulate Start Strike Suspend Take Unfreeze Unlock Update Uphold Upload Verify Vote Withdraw'
  ).split(' '),
);

function isImperative(summary: unknown): boolean {
  return (
    typeof summary === 'string' && verbs.has(summary.split(' ')[0]!) && summary.length <= 60 && !/\.$/.test(summary)
  );
}

/** Every description, of whatever, is a sentence or several. */
function flawsOfProse(node: unknown, place: string): string[] {
  if (Array.isArray(node)) return node.flatMap((part, i) => flawsOfProse(part, `${place}/${i}`));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, part]) => {
    if (/^(examples?|enum|const|default)$/.test(name)) return [];
    if (name !== 'description' || typeof part !== 'string') return flawsOfProse(part, `${place}/${name}`);
    return /^[A-Z0-9`].*\.$/s.test(part) ? [] : [`${place}: its description is no sentence: ${part}`];
  });
}

/** Walks everything that is a schema, wherever it stands. */
function flawsOfSchemas(node: unknown, place: string): string[] {
  if (Array.isArray(node)) return node.flatMap((part, i) => flawsOfSchemas(part, `${place}/${i}`));
  if (typeof node !== 'object' || node === null) return [];
  const schema = node as Json;
  const found: string[] = [];
  const complain = (flaw: string) => found.push(`${place}: ${flaw}`);
  if (
    schema.type === 'string' &&
    schema.maxLength === undefined &&
    schema.enum === undefined &&
    schema.const === undefined
  )
    complain('a string without maxLength');
  if (schema.type === 'array' && schema.maxItems === undefined) complain('an array without maxItems');
  if (
    schema.type === 'integer' &&
    (schema.minimum === undefined || schema.maximum === undefined) &&
    schema.const === undefined
  )
    complain('an integer without both bounds');
  if (schema.type === 'object') {
    for (const [name, part] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
      const told = [part, ...((part.anyOf ?? []) as Json[])].some(
        ({ description, $ref }) => text(description) || text($ref),
      );
      const isFixed = part.const !== undefined || (part.enum as unknown[] | undefined)?.length === 1;
      if (!told && !isFixed) found.push(`${place}/properties/${name}: a field without a description`);
    }
  }
  for (const [name, part] of Object.entries(schema)) {
    if (!/^(examples?|enum|const|default)$/.test(name)) found.push(...flawsOfSchemas(part, `${place}/${name}`));
  }
  return found;
}

function resolve(contract: Contract, ref: string): Json {
  const [, , section, name] = ref.split('/') as [string, string, keyof Contract['components'], string];
  return contract.components[section][name] ?? {};
}

function text(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}
