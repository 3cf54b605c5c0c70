import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import tap, { test } from 'tap';
import { openService, villages } from './support/service.ts';
import { until } from './support/waiting.ts';

// A browser needs a while on a busy machine.
tap.setTimeout(900_000);

const browserPath = '/usr/bin/chromium';
const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

test('the contract page works in a browser, under its content security policy', async t => {
  if (!existsSync(browserPath)) return t.pass('skipped: needs chromium');
  const { app } = await openService(t);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await chromium.launch({ executablePath: browserPath, args: quiet });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(error.message));
  page.on('request', request => request.url().startsWith(address) || complaints.push(`asked ${request.url()}`));

  const answer = await page.goto(`${address}/docs`);
  t.match(answer?.headers()['content-security-policy'], /default-src 'self'/);
  await page.getByText('积分超市').first().waitFor();
  await page.getByRole('link', { name: 'households', exact: true }).waitFor();
  await page.getByText('To sign in', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'households', exact: true }).click();
  await page.getByText('/v1/villages/{village}/households', { exact: true }).first().click();
  await page.getByText('Parameters').first().waitFor();
  t.match(await page.locator('#operations-households-householdList').textContent(), 'the start of a household number');

  // One Idempotency-Key for each try, and none that the contract proposes.
  const keys: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST') keys.push(request.headers()['idempotency-key'] ?? '');
  });
  const create = page.locator('#operations-households-householdCreate');
  await create.locator('.opblock-summary-control').click();
  await create.getByPlaceholder('village').fill(villages.own);
  for (let tries = 1; tries <= 2; tries++) {
    await create.getByRole('button', { name: 'Execute' }).click();
    await until(async () => keys.length === tries);
  }
  t.match(keys[0], /^[0-9a-f]{32}$/);
  t.match(keys[1], /^[0-9a-f]{32}$/);
  t.not(keys[0], keys[1]);
  // What Chromium says of an answer that is no success.
  t.same(
    complaints.splice(0).filter(complaint => !/401 \(Unauthorized\)/.test(complaint)),
    [],
  );
  t.same(complaints, [], 'nothing was refused, missing or asked of another host');
  // To be looked at: JIFEN_SCREENSHOT=/tmp/docs.png node test/docs.test.ts
  if (process.env.JIFEN_SCREENSHOT !== undefined) await page.screenshot({ path: process.env.JIFEN_SCREENSHOT });
});
