import { access, readFile } from 'node:fs/promises';
import { test } from 'tap';

const read = (name: string) => readFile(new URL(`../${name}`, import.meta.url), 'utf8');
const pages = await Promise.all(
  ['README.md', 'CONTRIBUTING.md', '.env.example', 'Dockerfile', 'docker-compose.yml', '.ci/run'].map(async name => ({
    name,
    text: await read(name),
  })),
);

test('every npm script that a page names exists', async t => {
  const { scripts } = JSON.parse(await read('package.json'));
  const silent = '(?: --?[a-z-]+)*';
  for (const { name, text } of pages) {
    for (const [, script] of text.matchAll(new RegExp(`npm run${silent} ([a-z:]+)`, 'g'))) {
      t.ok(script! in scripts, `${name}: npm run ${script}`);
    }
  }
});

test('every file that a page links to, and every program it calls, is there', async t => {
  for (const { name, text } of pages) {
    for (const [, path] of text.matchAll(
      /\]\((?!https?:)([^)#]+)\)|(?:node|npx node) ((?:src|test|bin|scripts)\/\S+\.[jt]s)/g,
    )) {
      if (path !== undefined) await t.resolves(access(new URL(`../${path}`, import.meta.url)), `${name}: ${path}`);
    }
  }
});

test('the page on earning names operations, settings and refusals that there are', async t => {
  const text = await read('docs/earning.md');
  const known = [await read('openapi/openapi.json'), await read('src/refusals.ts')].join();
  const named = [...text.matchAll(/`([a-z]+(?:[A-Z-][A-Za-z]+)+)`/g)].map(([, name]) => name!);
  t.ok(named.length > 20);
  for (const name of new Set(named)) t.match(known, new RegExp(`["']${name}["']`), name);
});

test('README and .env.example name every variable of the configuration, with its default', async t => {
  const config = await read('src/config.ts');
  const variables = [...config.matchAll(/^ {2}([A-Z0-9_]+): Type.*?default: ('[^']*'|\w+)/gm)];
  t.equal(variables.length, config.match(/: Type\.\w+\(.*default:/g)?.length, 'all of them are seen');
  t.ok(variables.length >= 18);
  for (const [, variable, value] of variables) {
    const text = value!.replaceAll("'", '').replaceAll('_', '');
    for (const { name, text: page } of pages.slice(0, 1).concat(pages.slice(2, 3))) {
      const line = page
        .split('\n')
        .find(line => line.includes(variable!) && (name !== '.env.example' || /^#\w+=/.test(line)));
      t.ok(line?.includes(variable === 'DATABASE_URL' ? '' : text), `${name}: ${variable} is ${text}`);
    }
  }
});
