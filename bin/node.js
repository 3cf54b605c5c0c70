#!/usr/bin/env node
// Runs what follows, a script or options of Node, on a Node that can run this project: the one that reads this file
// if it is new enough, else the one that `npm ci` has brought. npm scripts call it, because which of the two `node` means
// inside them differs between versions of npm. It is JavaScript that Node 20 understands.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';

const majorMin = 26;

try {
  run(findNode(), process.argv.slice(2));
} catch (error) {
  process.stderr.write(`jifen: ${error.message}\n`);
  process.exitCode = 1;
}

function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= majorMin) return process.execPath;
  const platform = `${process.platform.replace('win32', 'win')}-${process.arch}`;
  const { resolve } = createRequire(import.meta.url);
  for (const name of hasMusl() ? [] : [`node-bin-${platform}`, `node-${platform}`]) {
    try {
      const program = process.platform === 'win32' ? 'node.exe' : 'node';
      return join(dirname(resolve(`${name}/package.json`)), 'bin', program);
    } catch {
      // The next name, or none.
    }
  }
  throw new Error(
    `Node ${majorMin} or newer is needed, this is ${process.versions.node}, and npm has brought none for ${platform}. ` +
      `Install Node ${majorMin}; or run npm ci without --omit=optional, which brings it for Linux with glibc (x64, arm64), ` +
      'macOS and Windows (x64).',
  );
}

/** The Node that npm brings needs glibc. */
function hasMusl() {
  if (process.platform !== 'linux') return false;
  // Else it would look up the names of all open connections.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

function run(node, args) {
  // First in the path, so that programs which are started from there (tap, for one) run on the same Node.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  // In the place of this process, where that can be done: then nobody stands between the service and its signals.
  if (process.execve !== undefined && process.platform !== 'win32') process.execve(node, [node, ...args], env);
  const child = spawn(node, args, { env, stdio: 'inherit' });
  const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', error => {
    process.stderr.write(`jifen: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
