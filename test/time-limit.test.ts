import Fastify from 'fastify';
import { test } from 'tap';
import { timeLimit } from '../src/http/limits.ts';
import { problems } from '../src/http/problems.ts';

const body = { type: 'object', additionalProperties: true } as const;

test('a handler that does not end is answered for, with a body and without', async t => {
  const app = Fastify();
  await app.register(problems, { origin: 'https://jifen.example' });
  await app.register(timeLimit);
  const endless = async () => new Promise(() => undefined);
  app.post('/with', { handlerTimeout: 50, schema: { body }, handler: endless });
  app.post('/without', { handlerTimeout: 50, handler: endless });
  app.get('/read', { handlerTimeout: 50, handler: endless });
  app.post('/in-time', { handlerTimeout: 60_000, schema: { body }, handler: async () => ({ done: true }) });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());

  const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' };
  for (const [path, options] of [
    ['/with', sent],
    // A body that no schema asks for is read all the same.
    ['/without', sent],
    ['/without', { method: 'POST' }],
    ['/read', {}],
  ] as const) {
    const answer = await fetch(`${origin}${path}`, options);
    const { code } = (await answer.json()) as { code: string };
    t.same([answer.status, code, answer.headers.get('retry-after')], [503, 'unavailable', '2'], path);
  }
  t.equal((await fetch(`${origin}/in-time`, sent)).status, 200);
});
