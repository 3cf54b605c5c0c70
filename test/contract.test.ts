import { readFile } from 'node:fs/promises';
import { test } from 'tap';
import { contractText } from './support/contract.ts';

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
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json> };
}

const committed = await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8').catch(() => '');

test('openapi/openapi.json is what the routes promise', async t => {
  t.ok(committed === (await contractText()), 'run `npm run openapi`, and read the difference as a client would');
});

test('every operation is told whole, and every value has its bounds', async t => {
  t.same(flaws(JSON.parse(committed)), []);
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
    [/no sentence/, operation => Object.assign(operation.parameters![0]!, { description: 'the village' })],
    [/no sentence/, (_, contract) => property(contract, { type: 'boolean', description: 'Whether it holds' })],
    [/security/, operation => delete (operation as Json).security],
    [/no example/, operation => delete operation.requestBody!.content['application/json']!.example],
    [
      /no example/,
      operation =>
        delete (operation.responses['201'] as Operation['requestBody'])!.content['application/json']!.example,
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
  found.push(...flawsOfProse(contract, ''));
  return [...found, ...flawsOfSchemas({ paths: contract.paths, schemas: contract.components.schemas }, '')];
}

function flawsOfOperation(contract: Contract, method: string, operation: Operation): string[] {
  const tags = contract.tags.map(tag => tag.name);
  const statuses = Object.keys(operation.responses);
  const isPublic = operation.security?.length === 0;
  const inPath = operation.parameters?.some(parameter => parameter.in === 'path') ?? false;
  const body = operation.requestBody !== undefined;
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
    ['it does not say 413 and 415', !body || ['413', '415'].every(status => statuses.includes(status))],
    [
      'it neither takes an Idempotency-Key nor says why not',
      method !== 'post' || withoutKey.has(operation.operationId) === !takesKey(operation),
    ],
    ['its body is no merge patch', method !== 'patch' || mergePatch in (operation.requestBody?.content ?? {})],
    [
      'it takes no If-Match, or does not say 412 and 428',
      method !== 'patch' ||
        (operation.parameters!.some(({ name, required }) => name === 'If-Match' && required === true) &&
          ['412', '428'].every(status => statuses.includes(status))),
    ],
    ['its 200 has no ETag', method !== 'patch' || 'ETag' in ((operation.responses['200'] as Json).headers as Json)],
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
  if (contents.some(content => content.example === undefined && content.examples === undefined)) {
    wanted.push(['one of its bodies has no example', false]);
  }
  return wanted.filter(([, isMet]) => !isMet).map(([flaw]) => flaw);
}

const mergePatch = 'application/merge-patch+json';

const bodyTypes =
  /^(application\/(merge-patch\+)?json|multipart\/form-data|image\/(jpeg|png|webp)|text\/csv|application\/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet)$/;

/** POSTs that change nothing, or answer with credentials, which are never kept. */
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
  'bookVerify',
]);

function takesKey(operation: Operation): boolean {
  return operation.parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
}

/** What summaries begin with. A verb that is missing may be added; first see whether one of these says it. */
const verbs = new Set(
  (
    'Add Adopt Announce Appeal Apply Approve Archive Cancel Change Check Close Commit Compare Confirm Correct Create Decide Declare ' +
    'Deny Disable Discard Dismiss Download Enable End Enrol Export File Find Freeze Fulfil Grant Import Issue List Lock Object Open Pass ' +
    'Poll Post Preview Propose Prove Publish Quote Refresh Reject Release Remove Reset Restore Resubmit Resume Retire Retrieve ' +
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
    return /^[A-Z0-9`].*\.$/.test(part) ? [] : [`${place}: its description is no sentence: ${part}`];
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
      if (!told && part.const === undefined) found.push(`${place}/properties/${name}: a field without a description`);
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
