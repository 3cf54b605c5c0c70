/**
 * What a newcomer does, done by a script: starts the service on nothing, takes README's tour by copy and paste, replays
 * the sample month twice, has the books checked by the service and by hledger, stops it, kills it, starts it again.
 * Exits 1 at the first thing that is not as promised.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expectOk, signInAs, staffCaller } from '../src/sample/client.ts';
import { sampleVillage } from '../src/sample/files.ts';
import { readSignIns } from '../src/sample/sign-ins.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const home = `/v1/villages/${sampleVillage}`;
const folder = await mkdtemp(join(tmpdir(), 'jifen-rehearsal-'));
const dataDir = join(folder, 'data');
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const env = {
  ...process.env,
  PORT: String(port),
  JIFEN_DATA_DIR: dataDir,
  JIFEN_LOG_LEVEL: 'warn',
  // The replay is as fast as the machine, not as its quota.
  JIFEN_REQUESTS_PER_MINUTE: '100000',
};

/** Where a start hangs, so long is waited for it. How long it takes is printed: a machine may be slow or busy. */
const secondsMax = 120;

let service = await start('the first start');
try {
  await takeTour();
  await node('the sample month', 'src/sample/month.ts');
  const number = await bookNumber();
  await node('the sample month again', 'src/sample/month.ts');
  expect('a second replay changes nothing', (await bookNumber()) === number);
  await checkBooks();

  await stop('SIGINT', 0);
  await node('jifen verify', 'src/cli.ts', 'verify');
  service = await start('a later start');
  await stop('SIGKILL', null);
  service = await start('a start after kill -9');
  expect('kill -9 loses nothing', (await bookNumber()) === number);
  await checkBooks();
} finally {
  await stop('SIGTERM', 0);
  await rm(folder, { recursive: true, force: true });
}

/** Starts the service and waits until it is ready. */
async function start(what: string) {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(root, 'src/main.ts')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${what}: the service ended with ${child.exitCode}`);
    const answer = await fetch(`${origin}/readyz`).catch(() => null);
    const seconds = (performance.now() - begun) / 1000;
    if (answer?.ok) {
      say(`${what} is ready after ${seconds.toFixed(1)} s`);
      return child;
    }
    if (seconds > secondsMax) {
      child.kill('SIGTERM');
      throw new Error(`${what}: not ready after ${secondsMax} s`);
    }
    await wait(100);
  }
}

async function stop(signal: NodeJS.Signals, expected: number | null): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  service.kill(signal);
  const [code] = await once(service, 'exit');
  expect(`${signal} ends it with ${expected ?? 'no exit code'}`, code === expected);
}

/** Every shell block of README's tour, pasted into one shell, in a folder that has what `npm ci` brings. */
async function takeTour(): Promise<void> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, tour = ''] = /\n## A tour\n(.*?)\n## /s.exec(readme) ?? [];
  const blocks = [...tour.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block).join('\n');
  const script = `set -euo pipefail\n${blocks.replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`)}`;
  await writeFile(join(folder, 'tour.sh'), script);
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { stdout } = await run('bash', ['tour.sh'], { cwd: folder, env, timeout: 600_000 });
  const wanted = ['"state":"posted"', '"available":20', '"state":"fulfilled"', '"closing":', '\ntrue\n'];
  wanted.push('"code":"photo-reused"', 'inPanel\ninPanel\napproved\n', '"available":13,"ended":0,"pending":2');
  let from = 0;
  for (const part of wanted) {
    const found = stdout.indexOf(part, from);
    expect(`the tour shows ${JSON.stringify(part)}, in its turn`, found >= 0, stdout);
    from = found + part.length;
  }
  for (const name of ['statement', 'notice']) {
    const pdf = await readFile(join(dataDir, `${name}.pdf`));
    expect(`the ${name} is a PDF`, pdf.subarray(0, 5).toString() === '%PDF-');
  }
  const notice = await readFile(join(dataDir, 'notice.html'), 'utf8');
  expect(
    'the notice names both awards, and masks',
    /回收纸壳.*自发打扫公共卫生/s.test(notice) && notice.includes('王*'),
  );
  expect('the notice gives no name away', !notice.includes('王松'));
}

/** The service's own word, and that of another program on the exported journal: the same balances, account by account. */
async function checkBooks(): Promise<void> {
  const auditor = staffCaller(origin, 'auditor1', (await readSignIns(dataDir)).auditor1!);
  const verified = expectOk(await auditor('POST', `${home}/book/verify`), 'verify');
  expect('the service finds the book sound', verified.sound === true, JSON.stringify(verified));
  if (!existsSync('/usr/bin/hledger')) return say('hledger: skipped: needs hledger');

  const { accessToken } = await signInAs(origin, 'auditor1', (await readSignIns(dataDir)).auditor1!);
  const journal = await fetch(`${origin}${home}/journal?from=2026-10-01&to=2999-01-01&format=hledger`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  const file = join(folder, 'book.journal');
  await writeFile(file, await journal.text());
  await run('hledger', ['-f', file, 'check', '--strict']);
  const listed = ['-f', file, 'balance', '--flat', '--no-total', '--empty', '--layout=bare', '-O', 'csv'];
  const { stdout } = await run('hledger', listed, { maxBuffer: 64 * 1024 * 1024 });
  const theirs = new Map(
    [...stdout.matchAll(/^"([^"]+)","([^"]*)","(-?\d+)"$/gm)].map(([, code, asset, balance]) => [
      `${code} ${asset}`,
      Number(balance),
    ]),
  );
  let compared = 0;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = expectOk(await auditor('GET', `${home}/accounts?limit=200${query}`), 'accounts');
    for (const { code, asset, balance } of page.data) {
      const found = theirs.get(`${code} ${asset}`) ?? 0;
      expect(`hledger has ${balance} in ${code} ${asset}`, found === balance, String(found), 'quiet');
      compared += 1;
    }
    cursor = page.nextCursor;
  }
  say(`hledger checks strictly, and has the same balance in all ${compared} accounts`);
}

async function bookNumber(): Promise<number> {
  const auditor = staffCaller(origin, 'auditor1', (await readSignIns(dataDir)).auditor1!);
  return expectOk(await auditor('GET', `${home}/book`), 'book').number;
}

async function node(what: string, file: string, ...rest: string[]): Promise<void> {
  const begun = performance.now();
  const { stdout } = await run(process.execPath, [join(root, file), ...rest], { env, maxBuffer: 16 * 1024 * 1024 });
  const last = stdout.trim().split('\n').at(-1);
  say(`${what}: ${last} (${((performance.now() - begun) / 1000).toFixed(0)} s)`);
}

function expect(what: string, ok: boolean, found = '', quiet?: 'quiet'): void {
  if (!ok) throw new Error(`not so: ${what}\n${found}`);
  if (quiet === undefined) say(what);
}

function say(line: string): void {
  process.stdout.write(`ok: ${line}\n`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
