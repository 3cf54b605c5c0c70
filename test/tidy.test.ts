import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';

/** A file imports from earlier levels and its own folder. Folders on one line do not know each other. */
const levels = [
  ['refusals', 'calendar', 'config', 'explain-error'],
  ['db'],
  ['ledger'],
  ['http'],
  ['identity'],
  ['villages'],
  ['households'],
  ['kin'],
  ['joining', 'household-changes', 'rosters'],
  ['rules'],
  ['photos'],
  ['earning', 'store'],
  ['stock', 'redemptions'],
  ['claims', 'evaluations'],
  ['publicity'],
  ['expiry'],
  ['kiosks'],
  ['book'],
  ['checkpoints'],
  ['verification'],
  ['audit'],
  ['signals'],
  ['app', 'main', 'cli', 'commands', 'say', 'sample'],
];

/** Where the whole service is put together: these may know each other, and everybody's routes. */
const top = levels.at(-1)!;

const forbiddenNames = /^(index|utils?|helpers?|common|types|services?|managers?|repository|dto|misc|constants)$/;

type Files = Map<string, string>;

test('the house is tidy', async t => {
  t.same(complaints(await readHouse(['src', 'test', 'bench', 'scripts', 'sample'])), []);
});

test('every rule sees a violation of itself', async t => {
  const planted: [path: string, text: string, complaint: RegExp][] = [
    ['src/store/a.ts', "import { x } from '../audit/read.ts';", /audit stands later than store/],
    ['src/store/a.ts', "import { x } from '../earning/read.ts';", /earning and store stand on one level/],
    ['src/db/a.ts', "export { x } from '../ledger/post.ts';", /ledger stands later than db/],
    ['src/refusals.ts', "const x = await import('./db/database.ts');", /db stands later than refusals/],
    ['src/cellar/a.ts', '', /no level/],
    [
      'src/store/reserve.ts',
      "import { household } from '../households/tables.ts';\nlet tx: Tx;",
      /households\/read\.ts/,
    ],
    ['src/store/cancel.ts', "import { household } from '../households/tables.ts';\ndb.update(household)", /read\.ts/],
    ['src/store/a.ts', "import { Household } from '../households/schemas.ts';", /http\/shapes\.ts/],
    ['src/store/a.ts', "import { householdRoutes } from '../households/routes.ts';", /belongs to households alone/],
    ['src/store/reserve.ts', "import type { FastifyRequest } from 'fastify';", /routes\.ts/],
    ['src/store/reserve.ts', "import cors from '@fastify/cors';", /routes\.ts/],
    ['src/store/helpers.ts', '', /says nothing/],
    ['src/store/a.ts', 'const port = process.env.PORT;', /config\.ts/],
    ['src/store/a.ts', `// ${'TO'}DO later`, /issue/],
    ['test/a.test.ts', `test.${'only'}('x')`, /whole suite/],
    ['test/a.test.ts', `t.${'skip'}('x')`, /whole suite/],
  ];
  for (const [path, text, complaint] of planted) {
    const found = complaints(new Map([[path, text]]));
    t.match(found.join('\n'), complaint, `${path}: ${text.split('\n')[0]}`);
    t.equal(found.length, 1, 'and nothing else');
  }
});

test('what is allowed is left alone', async t => {
  const allowed: Files = new Map([
    ['src/app.ts', "import { storeRoutes } from './store/routes.ts';\nimport Fastify from 'fastify';"],
    ['src/main.ts', "import { build } from './app.ts';"],
    ['src/store/read.ts', "import { household } from '../households/tables.ts';\nimport { x } from './tables.ts';"],
    ['src/store/stock-routes.ts', "import fp from 'fastify-plugin';\nimport { Id } from '../http/shapes.ts';"],
    ['src/store/schemas.ts', "import { PassbookNumber } from '../households/shapes.ts';"],
    [
      'src/store/reserve.ts',
      "import { x } from './schemas.ts';\nimport { post } from '../ledger/post.ts';\nlet tx: Tx;",
    ],
    ['src/store/limits.ts', "import type { Household } from '../households/tables.ts';\nlet tx: Tx;"],
    ['src/config.ts', 'process.env'],
  ]);
  t.same(complaints(allowed), []);
});

/** What is wrong with these files, each in a sentence that says what to do instead. */
function complaints(files: Files): string[] {
  return [...files].flatMap(([path, text]) =>
    [...(path.startsWith('src/') ? complaintsOfSource(path, text) : []), ...complaintsOfText(path, text)].map(
      complaint => `${path}: ${complaint}`,
    ),
  );
}

function complaintsOfSource(path: string, text: string): string[] {
  const own = partOf(path);
  const level = levelOf(own);
  if (level < 0) return [`${own} has no level in test/tidy.test.ts: give it one, as early as it can stand.`];
  const found: string[] = [];
  if (forbiddenNames.test(basename(path, '.ts'))) {
    found.push(`this name says nothing: a file is called what it exports.`);
  }
  for (const { target, typeOnly } of importsOf(text)) {
    if (/^(fastify$|fastify-plugin$|@fastify\/)/.test(target) && !mayKnowFastify(path)) {
      found.push(
        `Fastify is for routes.ts, http/, identity/ and app.ts: hand over plain arguments instead of ${target}.`,
      );
    }
    if (!target.startsWith('.')) continue;
    const imported = posix.join(dirname(path), target);
    const other = partOf(imported);
    if (!imported.startsWith('src/') || other === own) continue;
    found.push(...complaintsOfImport({ text, own, level }, { imported, typeOnly }, other));
  }
  return found;
}

function complaintsOfImport(
  file: { text: string; own: string; level: number },
  { imported, typeOnly }: { imported: string; typeOnly: boolean },
  other: string,
): string[] {
  const { text, own, level } = file;
  const isTop = top.includes(own);
  if (levelOf(other) > level) {
    return [`${other} stands later than ${own}: pass what you need as an argument, or move it to an earlier level.`];
  }
  if (levelOf(other) === level && !isTop && level > 0) {
    return [`${other} and ${own} stand on one level: what both need belongs on an earlier one.`];
  }
  const name = basename(imported);
  if (name === 'tables.ts' && !typeOnly && /\bTx\b|\b(tx|db)\s*\.(insert|update|delete)\(/.test(text)) {
    return [`only files that read join another folder's tables: ask ${other}/read.ts, or let ${other} write them.`];
  }
  if (/(^|-)(routes|schemas)\.ts$/.test(name) && !isTop) {
    return [
      `${name} belongs to ${other} alone: shapes that several need stand in http/shapes.ts, or in shapes.ts of the folder they are about.`,
    ];
  }
  return [];
}

function complaintsOfText(path: string, text: string): string[] {
  const found: string[] = [];
  if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text)) found.push('file an issue, or do it now.');
  if (/\.(only|skip|todo)\(/.test(text)) found.push('the whole suite runs, always: take .only, .skip and .todo out.');
  if (/\bprocess\.env\b/.test(text) && path.startsWith('src/') && path !== 'src/config.ts') {
    found.push('config.ts alone reads the environment: take a setting as an argument.');
  }
  return found;
}

/** The folder below src, or for files at its root their own name. */
function partOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '');
}

function levelOf(part: string): number {
  return levels.findIndex(level => level.includes(part));
}

function mayKnowFastify(path: string): boolean {
  return path === 'src/app.ts' || /^src\/(http|identity)\//.test(path) || /(\/|-)routes\.ts$/.test(path);
}

function importsOf(text: string): { target: string; typeOnly: boolean }[] {
  const statement =
    /^\s*(?:import|export)( type)?\b[^;'"]*?\bfrom\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;
  return [...text.matchAll(statement)].map(([, type, from, bare, dynamic]) => ({
    target: (from ?? bare ?? dynamic)!,
    typeOnly: type !== undefined,
  }));
}

async function readHouse(folders: string[]): Promise<Files> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const files: Files = new Map();
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder), { recursive: true }).catch(() => [])) {
      if (!name.endsWith('.ts') || name === 'tidy.test.ts') continue;
      files.set(posix.join(folder, name), await readFile(join(root, folder, name), 'utf8'));
    }
  }
  return files;
}
