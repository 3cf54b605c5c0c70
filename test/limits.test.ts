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
    const notices = (path: string) => service.anonymous('GET', `${path}/public/villages/${villages.own}/notices`);
    for (let n = 0; n < 4; n += 1) t.equal((await notices('/%761')).status, 200);
    const over = { retryAfterSeconds: 60, policy: 'public' };
    isRefused(t, await notices('/%761'), '429 too-many-requests', over);
    isRefused(t, await notices('/v1'), '429 too-many-requests', over);
  });

  await t.test('by address where a token does not verify', async t => {
    const forged = () => service.anonymous('GET', home, undefined, { authorization: 'Bearer x.y.z' });
    for (let n = 0; n < 120; n += 1) isRefused(t, await forged(), '401 unauthenticated');
    isRefused(t, await forged(), '429 too-many-requests', { policy: 'other', retryAfterSeconds: 60 });
    isRefused(t, await service.anonymous('GET', '/nowhere'), '429 too-many-requests', {
      policy: 'other',
      retryAfterSeconds: 60,
    });
  });

  await t.test('by sign-in also where the village is another', async t => {
    const other = await service.as('clerk');
    for (let n = 0; n < 12; n += 1)
      isRefused(t, await other('GET', `/v1/villages/${villages.foreign}`), '404 not-found');
    isRefused(t, await other('GET', `/v1/villages/${villages.foreign}`), '429 too-many-requests', {
      policy: 'default',
      retryAfterSeconds: 60,
    });
  });
});
