/**
 * `npm test`: one PostgreSQL for all files and one for storms, whose commits wait for the disk; then tap, with whatever
 * arguments it was given. Without names of files it runs all, most of them several in one process (`programs`). With DATABASE_URL, both are an external one whose role may create databases and roles.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from './support/cluster.ts';

// Every file starts a process, and each would compile the whole service again.
const compiled = fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url));

const external = process.env.DATABASE_URL;
const cluster = await startCluster(external);
const durable = external === undefined ? await startCluster(undefined, { durable: true }) : cluster;
const asked = process.argv.slice(2);
const files = asked.some(argument => !argument.startsWith('-')) ? [] : await programs();
const tap = spawn('tap', [...asked, ...files], {
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

/**
 * The programs that run all test files. To load the service and to warm up takes a process longer than most files do:
 * ordinary ones share one, eight after each other. A file has its own if it starts processes, looks at its own, or says so.
 */
async function programs(): Promise<string[]> {
  const alone: string[] = [];
  const shared: string[] = [];
  for await (const file of glob('test/**/*.test.ts')) {
    const ofItsOwn =
      /node:(child_process|worker_threads)|process\.(?!env\.[A-Z_]+\b(?! =))|support\/(installation|processes|trace)\.ts|\/\/ A process of its own/;
    (ofItsOwn.test(await readFile(file, 'utf8')) ? alone : shared).push(file);
  }
  const folder = '.tap/together';
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const groups: string[] = [];
  const count = Math.ceil(shared.length / 8);
  for (let group = 0; group < count; group += 1) {
    const name = join(folder, `${group + 1}.test.ts`);
    // A limit of time in a file is for that file.
    const head = "import tap from 'tap';\ntap.setTimeout(900_000);\ntap.setTimeout = () => undefined;\n";
    const imports = shared
      .sort()
      .filter((_, place) => place % count === group)
      .map(file => `await import('../../${file}');\n`);
    await writeFile(name, head + imports.join(''));
    groups.push(name);
  }
  // What waits most is begun first: tap takes programs by their names.
  for (const file of alone.filter(file => /\/(silent-line|jobs|main|backup)\.test\.ts$/.test(file))) {
    const name = join(folder, `0-${basename(file)}`);
    await writeFile(name, `await import('../../${file}');\n`);
    groups.push(name);
    alone.splice(alone.indexOf(file), 1);
  }
  return [...alone, ...groups];
}
