import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import tap, { type Test, test } from 'tap';
import { openService, villages } from './support/service.ts';

// A browser needs a while on a busy machine.
tap.setTimeout(900_000);

const kiosk = 'https://kiosk.example';

/** What a browser asks before it sends something unusual to another origin. */
function preflight(address: string, origin: string, method: string, headers = ''): Promise<Response> {
  return fetch(address, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      ...(headers !== '' && { 'access-control-request-headers': headers }),
    },
  });
}

test('a page of an origin that is named may call everything, and no other page may', async t => {
  const { app } = await openService(t, { corsOrigins: [kiosk] });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const sessions = `${address}/v1/sessions/current`;

  for (const method of ['PUT', 'PATCH', 'DELETE', 'POST', 'GET']) {
    const { status, headers } = await preflight(sessions, kiosk, method, 'if-match');
    t.equal(status, 204);
    t.equal(headers.get('access-control-allow-origin'), kiosk);
    t.ok(listed(headers, 'access-control-allow-methods').includes(method.toLowerCase()), `${method} is allowed`);
  }
  const { headers } = await preflight(sessions, kiosk, 'DELETE');
  t.equal(headers.get('access-control-max-age'), '86400', 'for a day');
  for (const name of ['authorization', 'content-type', 'dpop', 'idempotency-key', 'if-match', 'prefer']) {
    t.ok(listed(headers, 'access-control-allow-headers').includes(name), `${name} may be sent`);
  }
  t.notOk(listed(headers, 'access-control-allow-headers').includes('x-forwarded-for'));
  t.equal(headers.get('access-control-allow-credentials'), null, 'cookies are not taken');

  const foreign = await preflight(sessions, 'https://elsewhere.example', 'DELETE');
  t.equal(foreign.headers.get('access-control-allow-origin'), null);
});

test('answers and refusals show their headers, and caches keep them apart', async t => {
  const { app } = await openService(t, { corsOrigins: [kiosk] });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const asked = [
    ['/problems/not-found', 200],
    ['/v1/sessions/current', 401],
    ['/v1/nowhere', 404],
    ['/healthz', 200],
  ] as const;
  for (const [path, status] of asked) {
    const answer = await fetch(`${address}${path}`, { headers: { origin: kiosk } });
    t.equal(answer.status, status);
    t.equal(answer.headers.get('access-control-allow-origin'), kiosk, `${path} can be read`);
    const shown = listed(answer.headers, 'access-control-expose-headers');
    for (const name of ['date', 'etag', 'idempotency-replayed', 'location', 'retry-after', 'dpop-nonce']) {
      t.ok(shown.includes(name), `${path} shows ${name}`);
    }
    t.ok(listed(answer.headers, 'vary').includes('origin'), `${path} differs by origin`);
  }
  const page = await fetch(`${address}/problems/not-found`, { headers: { origin: kiosk } });
  t.ok(listed(page.headers, 'vary').includes('accept-language'), 'and by language');
});

test('in a browser, a page of another origin sets a PIN and ends a session', async t => {
  if (!existsSync('/usr/bin/chromium')) return t.pass('skipped: needs chromium');
  const shop = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>kiosk</title>'),
  );
  await new Promise<void>(resolve => shop.listen(0, '127.0.0.1', resolve));
  t.teardown(() => shop.close());
  const origin = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;

  const { app, as, household } = await openService(t, { corsOrigins: [origin] });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const preflights: string[] = [];
  app.server.on('request', ({ method, url = '' }) => method === 'OPTIONS' && preflights.push(url));
  const clerk = await as('clerk');
  const pin = `${address}/v1/villages/${villages.own}/households/${await household()}/pin`;

  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless', '--no-sandbox'] });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(origin);
  /** Fetches in the page. Headers that it may not read are missing. */
  const ask = (url: string, method: string, body?: object) =>
    page.evaluate(
      async ({ url, method, body, token }) => {
        const answer = await fetch(url, {
          method,
          headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
        });
        return { status: answer.status, date: answer.headers.get('date'), id: answer.headers.get('x-request-id') };
      },
      { url, method, body, token: clerk.token },
    );

  t.match(await ask(pin, 'PUT', { pin: '402857' }), { status: 204, date: /GMT$/, id: /./ });
  await isAskedOnce(t, preflights, () => ask(pin, 'PUT', { pin: '402858' }));
  t.match(await ask(`${address}/v1/sessions/current`, 'DELETE'), { status: 204 });
  t.match(await ask(pin, 'PUT', { pin: '402859' }), { status: 401 }, 'and it has ended');
});

/** The browser has asked before the first call, and remembers the answer at the second. */
async function isAskedOnce(t: Test, preflights: string[], again: () => Promise<{ status: number }>): Promise<void> {
  const before = [...preflights];
  t.equal(before.length, 1);
  t.match(await again(), { status: 204 });
  t.same(preflights, before, 'the second call asks no more');
}

function listed(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? '').split(',').map(part => part.trim().toLowerCase());
}
