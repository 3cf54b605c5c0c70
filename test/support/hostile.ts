import type { Operation, Schema } from './declared.ts';
import { samples } from './operations.ts';
import type { Call } from './sample-calls.ts';
import { type Caller, type DeviceCaller, type Reply, type Service, villages } from './service.ts';
import type { World } from './world.ts';

/** An operation with somebody who may call it, and a call that would succeed. */
export interface Prepared {
  operation: Operation;
  caller: Caller | null;
  call: Call;
}

/** Prepares a call of the operation by the first role that may make it. */
export async function prepare(world: World, operation: Operation, village: string = villages.own): Promise<Prepared> {
  const { service } = world;
  const { access } = operation;
  const role = access === 'public' ? undefined : access === 'signedIn' ? 'clerk' : access[0]!;
  const caller =
    role === undefined
      ? null
      : role === 'kiosk'
        ? await service.asKiosk(village)
        : role === 'household'
          ? await service.asHousehold(await service.household({}, village), village)
          : await service.as(role, village);
  const call = await samples[operation.id]!.make(world, {
    village,
    ...(caller !== null && { caller }),
    role,
    household: async () => caller?.actor.householdId ?? service.household({}, village),
  });
  return { operation, caller, call };
}

export function send(
  service: Service,
  { caller, call }: Prepared,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const { method, url, body } = call;
  const sent = { ...call.headers, ...headers };
  const nobody = call.key === undefined ? service.anonymous : service.withKey(call.key);
  return (caller ?? nobody)(method, url, body, sent);
}

/** What says who is calling. */
export function headersOf(service: Service, { caller, call }: Prepared): Record<string, string> {
  const token = caller?.token;
  const key = caller !== null && 'key' in caller ? (caller as DeviceCaller).key : call.key;
  if (key === undefined) return token === undefined ? {} : { authorization: `Bearer ${token}` };
  return service.proving(key, call, token);
}

/** What clients send by mistake or on purpose, wherever something else is meant. */
const values: unknown[] = [
  true,
  null,
  [],
  [7],
  {},
  '7',
  '0x10',
  'NaN',
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 31,
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e',
  '\u{1f9e7}',
  "'; drop table ledger.book; --",
  '=1+1',
  'x'.repeat(10_000),
  '2026-02-30',
  '2026-11-23',
  '2999-12-31',
  '0000-01-01',
  '2026-12-31T23:59:60Z',
  '2026-11-23T25:00:00Z',
  '2999-12-31T23:59:59.999Z',
  '2026-11-23T02:00:00+23:59',
  '2026-11-23T02:00:00.123456789Z',
  '01A211C7-B0EE-760B-893B-7A5A27D65A79',
  '01a211c7-b0ee-760b-893b-7a5a27d65a79',
  JSON.parse('{"__proto__":{"polluted":true}}'),
  JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
  JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`),
];

/** Copies of a body in each of which one thing, of any depth, is another than it was. */
export function* spoiled(schema: Schema, body: unknown): Generator<unknown> {
  for (const path of placesIn(schema, body)) {
    for (const value of values) yield replaced(body, path, value);
  }
  for (const path of objectsIn(body)) {
    const at = path.reduce<Schema>((node, name) => node[name], body);
    yield replaced(body, [...path, 'unexpected'], 1);
    for (const name of Object.keys(at)) yield without(body, [...path, name]);
  }
}

/** Texts that are no JSON object at all, or one of which two readers make two things. */
export function* malformed(body: object): Generator<string> {
  yield* [
    '',
    ' ',
    '{',
    '}',
    '[]',
    'null',
    'true',
    '1',
    '"x"',
    '{"a":1}{"b":2}',
    '{}\n{}',
    "{'a':1}",
    '{"a":01}',
    'undefined',
  ];
  const text = JSON.stringify(body);
  yield `\ufeff${text}`;
  yield `${text},`;
  yield '['.repeat(100_000);
  yield '{"a":'.repeat(50_000);
  const [first] = Object.entries(body);
  if (first === undefined) return;
  const [name, value] = first;
  yield `{${JSON.stringify(name)}:${JSON.stringify(value)},${text.slice(1)}`;
  yield `{"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}":${JSON.stringify(value)},${text.slice(1)}`;
  yield `{${JSON.stringify(name)}:1e400${Object.keys(body).length > 1 ? `,${text.slice(text.indexOf(',"') + 1)}` : '}'}`;
}

/** True for values that no schema lets in, because they are refused before any is looked at. */
export function isUnfit(value: unknown, depth = 0): boolean {
  if (depth > 20) return true;
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => name === '__proto__' || isUnfit(member, depth + 1));
}

type Path = (string | number)[];

/** Every place of the body, and those where an optional field could stand. */
function placesIn(schema: Schema, value: unknown, at: Path = []): Path[] {
  const branches: Schema[] = schema?.anyOf ?? [schema];
  const own = at.length === 0 ? [] : [at];
  if (Array.isArray(value)) {
    const items = branches.find(branch => branch?.items !== undefined)?.items;
    return [...own, ...value.slice(0, 1).flatMap((member, index) => placesIn(items, member, [...at, index]))];
  }
  if (typeof value !== 'object' || value === null) return own;
  const fields = Object.assign({}, ...branches.map(branch => branch?.properties ?? {}));
  return [
    ...own,
    ...Object.entries<Schema>(fields).flatMap(([name, field]) =>
      name in value ? placesIn(field, (value as Schema)[name], [...at, name]) : [[...at, name]],
    ),
  ];
}

function objectsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([name, member]) => objectsIn(member, [...at, name]));
  return Array.isArray(value) ? inside : [at, ...inside];
}

function replaced(body: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(body);
  const [last, parent] = reach(copy, path);
  parent[last] = value;
  return copy;
}

function without(body: unknown, path: Path): unknown {
  const copy = structuredClone(body);
  const [last, parent] = reach(copy, path);
  delete parent[last];
  return copy;
}

function reach(copy: unknown, path: Path): [string | number, Schema] {
  return [path.at(-1)!, path.slice(0, -1).reduce<Schema>((node, name) => node[name], copy)];
}
