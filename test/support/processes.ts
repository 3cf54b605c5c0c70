import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether the process runs still, after the moment that the kernel and a new parent may take to bury it: a process that
 * has let go of everything else may be seen dying for a while. A zombie that is never reaped counts as gone.
 */
export async function staysRunning(pid: number, forMs = 5_000): Promise<boolean> {
  const tooLate = AbortSignal.timeout(forMs);
  while (await isAlive(pid)) {
    if (tooLate.aborted) return true;
    await sleep(50);
  }
  return false;
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^State:\t[^ZX]/m.test(status);
}
