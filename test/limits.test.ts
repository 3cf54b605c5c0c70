import { test } from 'tap';
import { isRefused } from './support/refusal.ts';
import { openService, villages } from './support/service.ts';

test('requests are counted', async t => {
  const quotas = { default: 12, kiosk: 6, public: 4 };
  const service = await openService(t, { quotas });
  const clerk = await service.as('clerk');
  const home = `/v1/villages/${villages.own}`;

  await t.test('by sign-in, and the answer says what is left', async t => {
    const first = await clerk('GET', home);
    t.match(first.headers, { 'ratelimit-policy': '"default";q=12;w=60', ratelimit: /^"default";r=11;t=\d+$/ });
    for (let n = 2; n <= 12; n += 1) t.equal((await clerk('GET', home)).status, 200);
    const over = await clerk('GET', home);
    isRefused(t, over, '429 too-many-requests', { policy: 'default', retryAfterSeconds: 60 });
    t.match(over.headers, { 'retry-after': /^\d+$/ });
    t.equal((await (await service.as('clerk'))('GET', home)).status, 200, 'another person has a quota of their own');
  });

  await t.test('by address without one, however the path is spelt', async t => {
    const refresh = (path: string) => service.anonymous('POST', path, { refreshToken: 'x'.repeat(43) });
    for (let n = 0; n < 4; n += 1) isRefused(t, await refresh('/%761/sessions/refresh'), '401 unauthenticated');
    isRefused(t, await refresh('/%761/sessions/refresh'), '429 too-many-requests', {
      retryAfterSeconds: 60,
      policy: 'public',
    });
    isRefused(t, await refresh('/v1/sessions/refresh'), '429 too-many-requests', {
      retryAfterSeconds: 60,
      policy: 'public',
    });
    t.equal((await service.anonymous('GET', '/healthz')).status, 200, 'probes are not');
  });

  await t.test('by address before a token is looked at', async t => {
    let refused = 0;
    for (let n = 0; n < 140; n += 1) {
      const answer = await service.anonymous('GET', home, undefined, { authorization: 'Bearer x.y.z' });
      if (answer.status === 429) refused += 1;
    }
    t.ok(refused > 0, 'forged tokens come to an end');
  });
});
