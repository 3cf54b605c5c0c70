#!/usr/bin/env node
// The machine's own Node may be too old to run TypeScript: this starts the one that comes with the package.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const node = createRequire(import.meta.url).resolve('node/bin/node');
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const { status, error } = spawnSync(node, [cli, ...process.argv.slice(2)], { stdio: 'inherit' });
if (error) process.stderr.write(`jifen: ${error.message}\n`);
process.exitCode = status ?? 1;
