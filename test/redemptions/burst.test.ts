import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { readiness, startService } from '../support/installation.ts';
import { at, openShop } from '../support/shop.ts';

tap.setTimeout(180_000);

test('a shopful of people at once, the first calls of a process, are all served', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-burst-'));
  // The installation of the test, and a process of it that has done nothing yet.
  const shop = await openShop(t, { keyFolder: join(folder, 'keys'), now: `${Temporal.Now.instant()}` });
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 1 });
  await shop.stock({ [soap]: 500 });
  const households: string[] = [];
  for (let i = 0; i < 64; i += 1) households.push(await shop.household(5));
  const { url } = await startService(t, {
    DATABASE_URL: shop.service.ownerUrl,
    JIFEN_DATA_DIR: folder,
    JIFEN_ROLE: 'api',
  });
  t.equal(await readiness(url), 200);
  const answers = await Promise.all(
    households.map(async id => {
      const answer = await fetch(`${url}${at}/redemptions`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${shop.keeper.token}`,
          'idempotency-key': randomUUID(),
          'content-type': 'application/json',
        },
        body: JSON.stringify(shop.order(id, { [soap]: 1 })),
      });
      return { status: answer.status, text: await answer.text() };
    }),
  );
  t.same(
    answers.filter(({ status }) => status !== 201).map(({ text }) => text),
    [],
  );
  t.same(await shop.level(soap), { onShelf: 500 - 64, reserved: 64 });
});
