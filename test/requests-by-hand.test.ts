import { type AddressInfo, connect } from 'node:net';
import { test } from 'tap';
import { openService, villages } from './support/service.ts';

/* Requests as no client library writes them: it would tidy up the path. */

test('what a browser would tidy up is no reason for an error', async t => {
  const service = await openService(t);
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = service.app.server.address() as AddressInfo;
  const ask = (method: string, path: string, ...headers: string[]) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          [`${method} ${path} HTTP/1.1`, 'host: jifen', 'connection: close', ...headers, '', ''].join('\r\n'),
        ),
      );
      let text = '';
      socket.on('data', data => {
        text += data;
      });
      socket.on('end', () => resolve({ status: Number(text.split(' ')[1]), text }));
      socket.on('error', reject);
    });

  await t.test('paths that leave the folder of the documentation', async t => {
    for (const path of [
      '/docs/static/../..',
      '/docs/static/..',
      '/docs/static/../../../etc/passwd',
      '/docs/static/%2e%2e/%2e%2e',
      '/docs/static/..%2f..%2fpackage.json',
      '/docs/static/%2e%2e%5c..',
      '/docs/static//',
      '/docs/static/.',
      '/docs/static/.hidden',
      '/docs/static/nothing.js',
      '/docs/static/index.css/',
      '/docs/static/%c0%ae%c0%ae/',
    ]) {
      const answer = await ask('GET', path);
      t.match(answer.text, /"code":"not-found"/, path);
      t.equal(answer.status, 404, path);
    }
  });

  await t.test('parts of a file that are not there', async t => {
    const { status, text } = await ask('GET', '/docs/static/index.css', 'range: bytes=99999999-');
    t.equal(status, 400);
    t.match(text, /"code":"validation-failed"/);
    t.equal((await ask('GET', '/docs/static/index.css', 'if-match: "x"')).status, 400);
  });

  await t.test('HEAD is answered as GET is, without a body', async t => {
    for (const path of [
      '/healthz',
      '/readyz',
      '/docs',
      '/docs/static/index.css',
      '/openapi.json',
      '/problems/not-found',
      '/problems/nonesuch',
      '/.well-known/jwks.json',
      `/v1/public/villages/${villages.own}/notices`,
      `/v1/villages/${villages.own}`,
      '/nowhere',
    ]) {
      const [get, head] = [await ask('GET', path), await ask('HEAD', path)];
      t.equal(head.status, get.status, path);
      t.equal(head.text.split('\r\n\r\n')[1], '', `${path} has no body`);
    }
    const post = await ask('POST', '/healthz', 'content-length: 0');
    t.match(post.text, /^allow: GET, HEAD\r$/im);
  });
});
