/**
 * `npm test`: one PostgreSQL for all files and one for storms, whose commits wait for the disk; then tap, with whatever
 * arguments it was given. With DATABASE_URL, both are an external one whose role may create databases and roles.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startCluster } from './support/cluster.ts';

// Every file starts a process, and each would compile the whole service again.
const compiled = fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url));

const external = process.env.DATABASE_URL;
const cluster = await startCluster(external);
const durable = external === undefined ? await startCluster(undefined, { durable: true }) : cluster;
const tap = spawn('tap', process.argv.slice(2), {
  stdio: 'inherit',
  env: {
    ...process.env,
    JIFEN_TEST_CLUSTER: cluster.url,
    JIFEN_TEST_DURABLE_CLUSTER: durable.url,
    NODE_COMPILE_CACHE: compiled,
    // For its coverage, which nobody asks for, tap would read every file of every process a second time.
    _TAPJS_PROCESSINFO_EXCLUDE_: '/./',
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tap.kill(signal));
const [code] = await once(tap, 'exit');
if (durable !== cluster) await durable.stop();
await cluster.stop();
process.exitCode = code ?? 1;
