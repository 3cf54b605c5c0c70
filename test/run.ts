/**
 * `npm test`: one PostgreSQL for all files, then tap, with whatever arguments it was given. The database is the embedded
 * one, or, with DATABASE_URL, an external one whose role may create databases and roles.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startCluster } from './support/cluster.ts';

// Every file starts a process, and each would compile the whole service again.
const compiled = fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url));

const cluster = await startCluster(process.env.DATABASE_URL);
const tap = spawn('tap', process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, JIFEN_TEST_CLUSTER: cluster.url, NODE_COMPILE_CACHE: compiled },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tap.kill(signal));
const [code] = await once(tap, 'exit');
await cluster.stop();
process.exitCode = code ?? 1;
