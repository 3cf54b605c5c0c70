// npm run breaking [-- REVISION]: compares openapi/openapi.json with the last release, or with another revision, and fails
// on a breaking change that CHANGELOG.md does not announce under "### Breaking" of the next release.

import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { breakingChanges, unannounced } from '../test/support/contract-changes.ts';

const root = new URL('..', import.meta.url);
const git = (...args: string[]) =>
  execFileSync('git', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

const say = (line: string) => process.stdout.write(`${line}\n`);

function lastRelease(): string | undefined {
  const [newest] = git('tag', '--list', 'v[0-9]*', '--merged', 'HEAD', '--sort=-version:refname').split('\n');
  return newest === '' ? undefined : newest;
}

const revision = process.argv[2] ?? lastRelease();
if (revision === undefined) {
  say('no release yet: there is nothing to break');
} else {
  const before = JSON.parse(git('show', `${revision}:openapi/openapi.json`));
  const after = JSON.parse(await readFile(new URL('openapi/openapi.json', root), 'utf8'));
  const changes = breakingChanges(before, after);
  const missing = unannounced(changes, await readFile(new URL('CHANGELOG.md', root), 'utf8'));
  for (const { operationId, change } of missing) say(`${operationId}: ${change}`);
  say(`${changes.length} breaking changes since ${revision}, ${missing.length} of them not announced`);
  if (missing.length > 0) process.exitCode = 1;
}
