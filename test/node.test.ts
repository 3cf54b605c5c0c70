import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';

/* bin/node.js: whichever Node reads it, what follows runs on 26. */

const launcher = fileURLToPath(new URL('../bin/node.js', import.meta.url));

/** The first Node of this machine that is too old to run the service, as npm on an older machine would call the launcher. */
const older = process.env
  .PATH!.split(delimiter)
  .filter(folder => !folder.includes('node_modules'))
  .map(folder => join(folder, 'node'))
  .find(node => existsSync(node) && majorOf(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout) < 26);

for (const [name, node] of Object.entries({ 'a new Node': process.execPath, 'an older Node': older })) {
  test(`called by ${name}`, async t => {
    if (node === undefined) return t.pass('skipped: this machine has no Node older than 26');

    const script = 'console.log(process.version, process.argv[1], process.env.PATH); process.exit(7)';
    const ran = spawnSync(node, [launcher, '-e', script, 'argument'], { encoding: 'utf8' });
    t.equal(ran.status, 7, 'its exit code is passed on');
    const [version, argument, path] = ran.stdout.trim().split(' ');
    t.ok(majorOf(version!) >= 26, version!);
    t.equal(argument, 'argument', 'so are the arguments');
    const first = spawnSync(join(path!.split(delimiter)[0]!, 'node'), ['--version']);
    t.equal(first.stdout.toString().trim(), version, 'and programs that are started from there find the same Node');
    t.equal(ran.stderr, '');

    await t.test('a signal reaches the script', t => signalled(t, node));
  });
}

test('where there is none, it says what to do', async t => {
  if (older === undefined) return t.pass('skipped: this machine has no Node older than 26');
  const folder = await mkdtemp(join(tmpdir(), 'jifen-node-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await cp(launcher, join(folder, 'node.mjs'));
  const { status, stderr } = spawnSync(older, [join(folder, 'node.mjs'), '-e', '0'], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(
    stderr,
    /^jifen: Node 26 or newer is needed, this is \d+\.\d+\.\d+, and npm has brought none for \w+-\w+\. .*\n$/,
  );
});

async function signalled(t: Test, node: string): Promise<void> {
  const script = "process.on('SIGTERM', () => process.exit(3)); console.log('ready'); setTimeout(() => {}, 5000)";
  const child = spawn(node, [launcher, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(createInterface({ input: child.stdout }), 'line');
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [3, null]);

  const dying = spawn(node, [launcher, '-e', "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)"]);
  t.same(await once(dying, 'exit'), [null, 'SIGTERM'], 'and what ends by one is seen to');
}

function majorOf(version: string): number {
  return Number.parseInt(version.replace('v', ''), 10);
}
