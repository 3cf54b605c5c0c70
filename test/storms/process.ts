import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';
import { bareEnvironment } from '../support/processes.ts';
import { patienceMs } from '../support/waiting.ts';

/** A process of the service, to be killed. */
export interface ApiProcess {
  port: number;
  origin: string;
  readyAfterMs: number;
  /** The errors it could not explain, for whoever looks for the cause of a finding. */
  unexplained(): string[];
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
  /** Asks it to end, and waits until it has. Answers its exit code, and after how many milliseconds. */
  terminate(): Promise<{ code: number | null; ms: number }>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Starts the service as it is, on the database of `ownerUrl` with the keys in `dataDir`, and waits until it is ready. */
export async function startApi(options: {
  ownerUrl: string;
  dataDir: string;
  port?: number;
  /** `api` unless told. */
  role?: 'api' | 'all';
}): Promise<ApiProcess> {
  const begun = performance.now();
  const port = options.port ?? (await freePort());
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...bareEnvironment(),
      PORT: String(port),
      DATABASE_URL: options.ownerUrl,
      JIFEN_DATA_DIR: options.dataDir,
      JIFEN_ROLE: options.role ?? 'api',
      JIFEN_SAMPLE: 'off',
      JIFEN_LOG_LEVEL: 'error',
      JIFEN_REQUESTS_PER_MINUTE: '10000000',
    },
  });
  const complaints: string[] = [];
  const log: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', text => {
    if (log.length < 10_000) log.push(text);
  });
  child.stderr!.setEncoding('utf8').on('data', text => complaints.push(text));
  const origin = `http://127.0.0.1:${port}`;
  const kill = () => killed(child);
  try {
    await readyAt(origin, () => child.exitCode === null);
  } catch (error) {
    await kill();
    throw new Error(`the service does not start: ${complaints.join('')}`, { cause: error });
  }
  const unexplained = () =>
    log
      .join('')
      .split('\n')
      .filter(line => line.includes('"msg":"unexpected"'));
  const terminate = async () => {
    const asked = performance.now();
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await exit;
    return { code, ms: performance.now() - asked };
  };
  return { port, origin, readyAfterMs: performance.now() - begun, unexplained, kill, terminate };
}

/** Waits until the service at `origin` does its work, as long as its process goes on. Answers after how many milliseconds. */
export async function readyAt(origin: string, goesOn: () => boolean): Promise<number> {
  const begun = performance.now();
  const tooLate = AbortSignal.timeout(patienceMs);
  while (!tooLate.aborted && goesOn()) {
    const answer = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(30_000) }).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return performance.now() - begun;
    await wait(30);
  }
  throw new Error(`${origin} is not ready after ${Math.round(performance.now() - begun)} ms`);
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
