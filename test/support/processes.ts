import { readFile } from 'node:fs/promises';
import { until } from './waiting.ts';

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
