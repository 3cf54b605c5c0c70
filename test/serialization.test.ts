import { Type } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import { t } from 'tap';
import { withNullable } from '../src/http/serialization.ts';
import { Nullable } from '../src/http/shapes.ts';
import { validation } from '../src/http/validation.ts';

const at = Type.String({ format: 'date-time', description: 'when' });
const Thing = Type.Object({ name: Type.String(), at: Nullable(at) });
const Answer = Type.Object({
  text: Nullable(Type.String()),
  count: Nullable(Type.Integer()),
  state: Nullable(Type.Enum(['open', 'closed'])),
  thing: Nullable(Thing),
  things: Type.Array(Nullable(Thing)),
  either: Type.Union([Type.String(), Type.Integer(), Type.Null()]),
  block: Type.Union([Type.Object({ rows: Type.Array(Thing) }), Type.Object({ state: Nullable(Type.Enum(['open'])) })]),
});

t.test('what may be null is written as it is, and null as null', async t => {
  const app = Fastify();
  await app.register(validation);
  app.post('/', { schema: { body: Type.Unknown(), response: { 200: Answer } } }, async request => request.body);
  await app.ready();
  const written = async (body: object) => (await app.inject({ method: 'POST', url: '/', payload: body })).json();
  const thing = { name: '扫帚 "大"', at: '2026-11-28T08:00:00.000Z' };
  const full = {
    text: '一\n二',
    count: -3,
    state: 'open',
    thing,
    things: [thing, null],
    either: 7,
    block: { state: null },
  };
  t.strictSame(await written(full), full);
  const empty = { text: null, count: null, state: null, thing: null, things: [], either: null, block: { rows: [] } };
  t.strictSame(await written(empty), empty);
  t.strictSame(
    await written({ ...full, thing: { ...thing, at: null, secret: 1 } }),
    { ...full, thing: { ...thing, at: null } },
    'and nothing that the schema does not name',
  );
  await app.close();
});

t.test('a choice of two with null is told as such, and no other', async t => {
  t.strictSame(withNullable(JSON.parse(JSON.stringify(Nullable(at)))), {
    type: 'string',
    format: 'date-time',
    description: 'when',
    nullable: true,
  });
  const three = { anyOf: [{ type: 'string' }, { type: 'integer' }, { type: 'null' }] };
  const choice = { anyOf: [{ type: 'string' }, { type: 'integer' }] };
  const nested = { anyOf: [choice, { type: 'null' }] };
  for (const schema of [three, choice, nested]) t.strictSame(withNullable(schema), schema);
});
