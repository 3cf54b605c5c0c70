import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import tap, { test } from 'tap';
import { openService } from './support/service.ts';

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
  await page.getByRole('link', { name: 'households', exact: true }).click();
  await page.getByText('/v1/villages/{village}/households', { exact: true }).first().click();
  await page.getByText('Parameters').first().waitFor();
  t.match(await page.locator('#operations-households-householdList').textContent(), 'the start of a household number');
  t.same(complaints, [], 'nothing was refused, missing or asked of another host');
  // To be looked at: JIFEN_SCREENSHOT=/tmp/docs.png node test/docs.test.ts
  if (process.env.JIFEN_SCREENSHOT !== undefined) await page.screenshot({ path: process.env.JIFEN_SCREENSHOT });
});
