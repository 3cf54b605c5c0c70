// An installation as an operator has it: processes of their own on a data folder.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { bareEnvironment } from './processes.ts';
import { until } from './waiting.ts';

/** What every program is told when it asks for a password. */
export const password = 'seven bags of rice';

const root = fileURLToPath(new URL('../..', import.meta.url));

export function spawnNode(t: Test, args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...bareEnvironment(), JIFEN_SAMPLE: 'off', PORT: '0', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdin?.on('error', () => undefined);
  return child;
}

interface Spawned {
  child: ChildProcess;
  /** Undefined for a worker. */
  url: string;
  readyAfterMs: number;
  /** Its log. */
  lines: string[];
  exit: Promise<{ code: number | null; err: string }>;
}

/** Starts the service and waits until it says that it is ready. */
export async function startService(t: Test, env: Record<string, string>): Promise<Spawned> {
  const begun = Date.now();
  const child = spawnNode(t, ['src/main.ts'], env);
  const err = text(child.stderr!);
  let ended = false;
  const exit = once(child, 'exit').then(async ([code]) => {
    ended = true;
    return { code, err: await err };
  });
  const lines: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', (data: string) => lines.push(data));
  const ready = /listening at (http:\S+);|processing jobs/;
  while (!ready.test(lines.join('')) && !ended) await sleep(20);
  if (ended) throw new Error(`the service did not start: ${(await exit).err}${lines.join('')}`);
  const url = ready.exec(lines.join(''))?.[1] as string;
  return { child, url, readyAfterMs: Date.now() - begun, lines, exit };
}

/** Runs a program to its end. */
export async function run(t: Test, program: string, env: Record<string, string>, args: string[] = []) {
  const child = spawnNode(t, [program, ...args], env);
  child.stdin!.end(`${password}\n`);
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
  return { code, out, err };
}

export function jifen(t: Test, env: Record<string, string>, args: string[]) {
  return run(t, 'bin/jifen.js', env, args);
}

export async function signIn(url: string, login: string, secret: string): Promise<string> {
  const ask = () =>
    fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login, password: secret }),
    });
  let answer = await ask();
  // A service that has only just started may have more to do than it takes on, and says so.
  await until(async () => {
    if (answer.status === 503) answer = await ask();
    return answer.status !== 503;
  }, 'the service has time for a sign-in');
  if (answer.status !== 201) throw new Error(`signing in was answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

export async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'cluster', 'data', 'postmaster.pid'), 'utf8'), 10);
}

/** Status of /readyz, once the service has stopped shedding the load of its own start. */
export async function readiness(url: string): Promise<number> {
  let status = 503;
  await until(async () => {
    ({ status } = await fetch(`${url}/readyz`));
    return status !== 503;
  }, `${url} is ready`);
  return status;
}
