import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A program that answers HTTP, as a process of its own: neither waits for the other's event loop. */
export interface ServiceProcess {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** Starts `program` (a path from this folder) and waits until `GET readyPath` is answered with 200. */
export async function startProcess(
  program: string,
  readyPath: string,
  env: Record<string, string>,
): Promise<ServiceProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env, PORT: String(port) },
  });
  // A run that ends in an error leaves nothing behind.
  process.once('exit', () => child.kill());
  try {
    await ready(child, `http://127.0.0.1:${port}${readyPath}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    port,
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** The service itself, with everything on, on the database of `ownerUrl`. */
export function startService(ownerUrl: string, folder: string): Promise<ServiceProcess> {
  return startProcess('../src/main.ts', '/readyz', {
    DATABASE_URL: ownerUrl,
    JIFEN_DATA_DIR: folder,
    JIFEN_SAMPLE: 'off',
    JIFEN_LOG_LEVEL: 'warn',
    // Counted, and never reached.
    JIFEN_REQUESTS_PER_MINUTE: '10000000',
  });
}

/** Memory a process holds now, in bytes; null where there is no /proc. */
export async function residentBytes(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => null);
  return text === null ? null : Number(text.split(' ')[1]) * 4096;
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  for (let left = 300; left > 0; left -= 1) {
    if (child.exitCode !== null) break;
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await wait(100);
  }
  throw new Error(`${url} does not answer`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
