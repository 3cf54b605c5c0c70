import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { chromium } from 'playwright-core';
import tap, { type Test, test } from 'tap';
import { followCertificate, readCertificate } from '../src/tls/certificate.ts';
import { jifen, run } from './support/installation.ts';
import { openService } from './support/service.ts';
import { until } from './support/waiting.ts';

tap.setTimeout(900_000);

const execute = promisify(execFile);
const recipe = (await readFile(new URL('../docs/kiosk-tls.md', import.meta.url), 'utf8'))
  .split('```sh\n')
  .slice(1)
  .map(part => part.split('```')[0]!);

/** A folder with an authority and a server's certificate, made as docs/kiosk-tls.md says. */
async function villageAuthority(t: Test): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'jifen-tls-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  await execute('sh', ['-ec', recipe[0]!], { cwd });
  await issue(cwd);
  return cwd;
}

/** Makes a certificate elsewhere, and puts both files in place one after the other, as somebody does who renews it. */
async function issue(folder: string): Promise<void> {
  const cwd = await mkdtemp(join(folder, 'next-'));
  for (const name of ['ca.crt', 'ca.key']) await copyFile(join(folder, name), join(cwd, name));
  await execute('sh', ['-ec', recipe[1]!], { cwd });
  for (const name of ['chain.crt', 'server.key', 'server.csr', 'server.ext'])
    await copyFile(join(cwd, name), join(folder, name));
}

/** A service with the certificate of this folder, which it follows. */
async function serving(t: Test, folder: string) {
  const files = { cert: join(folder, 'chain.crt'), key: join(folder, 'server.key') };
  const shown = await readCertificate(files);
  const { app } = await openService(t, { tls: shown });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const following = followCertificate(app.server as never, files, { shown, log, intervalMs: 100 });
  t.teardown(() => following.stop());
  const url = `https://127.0.0.1:${(app.server.address() as AddressInfo).port}/healthz`;
  return { url, lines, told: (message: string) => lines.filter(line => line.includes(message)).length };
}

/** Asks on a new connection; answers whose certificate it was shown. */
async function ask(url: string, folder: string): Promise<{ status: number; fingerprint: string }> {
  const ca = await readFile(join(folder, 'ca.crt'));
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, answer => {
      const { fingerprint256 } = (answer.socket as import('node:tls').TLSSocket).getPeerCertificate();
      answer.resume().on('end', () => resolve({ status: answer.statusCode!, fingerprint: fingerprint256 }));
    }).on('error', reject);
  });
}

test('a certificate of the village’s own, renewed while the service runs', async t => {
  const folder = await villageAuthority(t);
  const { url, told } = await serving(t, folder);
  const first = await ask(url, folder);
  t.equal(first.status, 200);
  await t.rejects(
    ask(url, await villageAuthority(t)),
    { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
    'another authority’s is none',
  );

  await issue(folder);
  await until(async () => (await ask(url, folder)).fingerprint !== first.fingerprint, 'the new certificate is shown');
  const second = await ask(url, folder);
  t.equal(told('serving a new certificate'), 1);
  t.equal(told('unusable'), 0, 'nor is anything told of the moment between the two files');

  for (const [spoil, reason] of [
    [() => writeFile(join(folder, 'chain.crt'), '-----BEGIN CERTIFICATE-----\n'), 'is no certificate in PEM'],
    [() => rm(join(folder, 'server.key')), 'cannot be read (ENOENT)'],
    [() => copyFile(join(folder, 'ca.key'), join(folder, 'server.key')), 'is not the key of'],
    [() => writeFile(join(folder, 'server.key'), 'garbage'), 'is no usable key in PEM for'],
    [() => expire(folder), 'expired on'],
  ] as const) {
    const [cert, key] = await Promise.all(['chain.crt', 'server.key'].map(name => readFile(join(folder, name))));
    await spoil();
    await until(async () => told(reason) === 1, `${reason} is told`);
    t.equal((await ask(url, folder)).fingerprint, second.fingerprint, `${reason}: the old one is still shown`);
    await writeFile(join(folder, 'chain.crt'), cert!);
    await writeFile(join(folder, 'server.key'), key!);
  }
  await issue(folder);
  await until(async () => (await ask(url, folder)).fingerprint !== second.fingerprint, 'and a good one again');
});

/** A certificate of yesterday. */
async function expire(cwd: string): Promise<void> {
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-extfile', 'server.ext', '-out', 'chain.crt'];
  await execute('openssl', ['x509', '-req', '-in', 'server.csr', ...by, '-days', '-1'], { cwd });
}

test('a start with files that will not do', async t => {
  const folder = await villageAuthority(t);
  const [cert, key] = [join(folder, 'chain.crt'), join(folder, 'ca.key')];
  const start = (env: Record<string, string>) =>
    run(t, 'src/main.ts', { JIFEN_DATA_DIR: join(folder, 'data'), ...env });
  const alone = await start({ JIFEN_TLS_CERT: cert });
  t.match(alone, { code: 1, err: 'jifen: JIFEN_TLS_CERT and JIFEN_TLS_KEY must be set together.\n' });
  const other = await start({ JIFEN_TLS_CERT: cert, JIFEN_TLS_KEY: key });
  t.match(other, { code: 1, err: `jifen: ${key} is not the key of ${cert}.\n` });
  t.notOk(existsSync(join(folder, 'data')), 'before anything else is begun');
  t.match(await jifen(t, { JIFEN_TLS_KEY: key }, ['--help']), { code: 0 });
});

test('in a browser that trusts the village’s authority, a page has keys and storage', async t => {
  const browserPath = '/usr/bin/chromium';
  if (!existsSync(browserPath) || !existsSync('/usr/bin/certutil'))
    return t.pass('skipped: needs chromium and certutil');
  const folder = await villageAuthority(t);
  const { url } = await serving(t, folder);
  const store = `sql:${join(folder, '.pki/nssdb')}`;
  await execute('sh', ['-ec', `mkdir -p .pki/nssdb && certutil -d ${store} -N --empty-password`], { cwd: folder });
  const open = async () => {
    const browser = await chromium.launch({
      executablePath: browserPath,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
      env: { ...process.env, HOME: folder } as Record<string, string>,
    });
    t.teardown(() => browser.close());
    return browser.newPage();
  };
  await t.rejects((await open()).goto(url), /ERR_CERT_AUTHORITY_INVALID/, 'without it the browser warns');
  await execute('certutil', ['-d', store, '-A', '-t', 'C,,', '-n', 'village', '-i', 'ca.crt'], { cwd: folder });
  const page = await open();
  t.equal((await page.goto(url))?.status(), 200);
  const able = await page.evaluate(async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const { privateKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
    const { isSecureContext } = globalThis as unknown as { isSecureContext: boolean };
    return { isSecureContext, extractable: privateKey.extractable, serviceWorker: 'serviceWorker' in navigator };
  });
  t.strictSame(able, { isSecureContext: true, extractable: false, serviceWorker: true });
});
