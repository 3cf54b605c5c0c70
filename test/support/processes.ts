import { readFile } from 'node:fs/promises';
import { until } from './waiting.ts';

/**
 * All that a process of the service, started in the root, has of the environment of the tests: where programs and the home
 * are, where Node keeps what it has compiled, and what finds its modules sooner.
 */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, NODE_OPTIONS: '--import=./test/support/imports.ts' };
}

/**
 * Waits until the process runs no more: a process that has let go of everything else may be seen dying for a while. A
 * zombie that is never reaped counts as gone.
 */
export function untilGone(pid: number): Promise<void> {
  return until(async () => !(await isAlive(pid)), `process ${pid} is gone`);
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^State:\t[^ZX]/m.test(status);
}
