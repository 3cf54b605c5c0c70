import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { complaintsOfAssertions } from './support/assertions.ts';
import { circles, deadExports, type Files, foreignSql, parse, type SourceFile, tableOwners } from './support/house.ts';

/** A file imports from earlier levels and its own folder. Folders on one line do not know each other. */
const levels = [
  ['refusals', 'calendar', 'config', 'explain-error', 'pdf-text', 'pdf-qr'],
  ['db'],
  ['ledger'],
  ['http'],
  ['posting'],
  ['corrections'],
  ['tls'],
  ['identity'],
  ['villages'],
  ['households'],
  ['kin'],
  ['joining', 'household-changes', 'rosters'],
  ['rules'],
  ['photos'],
  ['expiry'],
  ['allowances'],
  ['arrears', 'earning', 'store'],
  ['printing'],
  ['stock', 'redemptions'],
  ['receipts'],
  ['claims', 'evaluations'],
  ['publicity'],
  ['kiosks'],
  ['sync', 'offline'],
  ['book'],
  ['checkpoints'],
  ['verification'],
  ['audit'],
  ['signals'],
  ['backup'],
  ['app', 'main', 'cli', 'commands', 'backup-commands', 'say', 'sample'],
];

/** Where the whole service is put together: these may know each other, and everybody's routes. */
const top = levels.at(-1)!;

const forbiddenNames = /^(index|utils?|helpers?|common|types|services?|managers?|repository|dto|misc|constants)$/;

/** The most files of one folder: with more, some of them are another part of the village's life. */
const folderMax = 22;

/** Schemas of the database. Each has a folder of its name; others have tables in it, as their `tables.ts` says. */
const schemas = [
  'audit',
  'claims',
  'corrections',
  'earning',
  'evaluations',
  'expiry',
  'households',
  'http',
  'identity',
  'kiosks',
  'ledger',
  'offline',
  'photos',
  'publicity',
  'rules',
  'store',
  'villages',
];

/** What in the database is not of the folder that its schema is named after, and in no `tables.ts`. */
const otherOwners = new Map([
  ['http.idempotency', 'posting'],
  ['http.lock_keys', 'posting'],
  ['earning.propose_waiver', 'arrears'],
  ['earning.decide_waiver', 'arrears'],
  ['households.is_kin', 'kin'],
  ['households.refuse_kin', 'kin'],
  ['store.place_order', 'redemptions'],
  ['store.move_order', 'redemptions'],
  ['store.propose_return', 'redemptions'],
  ['store.decide_return', 'redemptions'],
  ['households.decide_change', 'household-changes'],
  ['households.decide_join', 'joining'],
  ['households.join_duplicates', 'joining'],
]);

/** What the SQL of each folder reads of others. It writes nothing of theirs. */
const reads: Record<string, string[]> = {
  audit: ['ledger.account', 'ledger.entry', 'ledger.transaction', 'ledger.transfer'],
  book: ['ledger.account', 'ledger.book', 'ledger.entry', 'ledger.transaction', 'ledger.transfer'],
  checkpoints: ['ledger.account', 'ledger.transaction', 'ledger.transfer'],
  claims: ['households.is_kin'],
  earning: [
    'households.household',
    'households.kin',
    'households.member',
    'ledger.limit_use',
    'ledger.transaction',
    'ledger.transfer',
    'rules.rule',
    'rules.rule_book',
    'villages.policy',
    'villages.village',
  ],
  evaluations: ['households.household', 'households.kin', 'households.member'],
  expiry: ['ledger.account', 'ledger.book', 'ledger.transaction'],
  'household-changes': [
    'claims.claim',
    'earning.award',
    'ledger.account',
    'ledger.transaction',
    'ledger.transfer',
    'publicity.appeal',
  ],
  households: ['households.is_kin', 'households.refuse_kin'],
  kin: ['households.household'],
  publicity: [
    'earning.award',
    'households.household',
    'households.member',
    'ledger.transaction',
    'rules.rule',
    'villages.grid',
  ],
  redemptions: ['households.folded', 'households.is_own_proof'],
  rosters: [
    'corrections.correction',
    'households.folded',
    'households.household',
    'households.is_kin',
    'households.member',
    'households.same_person',
  ],
  sample: ['identity.user', 'villages.division'],
  signals: [
    'claims.claim',
    'claims.decision',
    'earning.award',
    'earning.reversal',
    'households.kin',
    'kiosks.kiosk',
    'ledger.transaction',
    'photos.photo',
    'store.pin_try',
    'store.redemption',
    'villages.policy',
  ],
  verification: [
    'earning.arrears_waiver',
    'earning.award',
    'expiry.line',
    'households.change',
    'ledger.account',
    'ledger.book',
    'ledger.limit_use',
    'ledger.transaction',
    'ledger.transfer',
    'offline.allowance',
    'store.goods',
    'store.redemption',
    'store.redemption_line',
    'store.return',
    'store.stock_document',
    'store.stock_line',
  ],
};

test('the house is tidy', async t => {
  const files = await readHouse(['src', 'test', 'bench', 'scripts', 'sample']);
  t.same(complaints(files), []);
  t.same(complaintsOfHouse(files, reads), []);
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

test('an assertion that cannot fail, or that fails on a slow machine, is seen', async t => {
  const planted: [text: string, complaint: RegExp][] = [
    ['t.match(body, {});', /holds whatever is there/],
    ['t.match(body, []);', /holds whatever is there/],
    ["t.match(body, { state: 'open', data: [] });", /holds whatever is there/],
    ["t.match(body, [{ data: { rows: [{}] } }], 'why');", /holds whatever is there/],
    ['t.has(body, { links: {} as object });', /holds whatever is there/],
    ['await t.rejects(work());', /any error would do/],
    ["await t.rejects(work(), 'it is refused');", /any error would do/],
    [`await t.rejects(work(), \`it is \${refused}\`);`, /any error would do/],
    ['await t.rejects(work(), JSON.stringify(command));', /any error would do/],
    ['await t.rejects(work(), {});', /any error would do/],
    ["await t.rejects(work(), /./, 'is refused');", /any error would do/],
    ['t.throws(() => read(), what);', /any error would do/],
    ['t.ok(performance.now() - begun < 9_000);', /how long it took/],
    [`const took = Date.now() - begun;\nt.ok(took < 1_000, \`after \${took} ms\`);`, /how long it took/],
    [
      'let longest = 0;\nlongest = Math.max(longest, performance.now() - begun);\nt.ok(longest <= 5);',
      /how long it took/,
    ],
    [
      'waits.push(performance.now() - begun);\nconst longest = Math.max(...waits);\nt.ok(3 > longest);',
      /how long it took/,
    ],
    ['t.equal(performance.now() - begun < 9, true);', /how long it took/],
    ['await new Promise(resolve => setTimeout(resolve, 300));', /wait for what happens/],
  ];
  for (const [text, complaint] of planted) {
    const found = complaints(new Map([['test/a.test.ts', text]]));
    t.match(found.join('\n'), complaint, text);
    t.equal(found.length, 1, 'and nothing else');
    t.strictSame(complaints(new Map([['bench/a.ts', text]])), [], 'elsewhere it is no test');
  }
  const allowed = [
    't.match(body, { data: { length: 0 }, links: Object, rows: [Object] });',
    't.strictSame(body, { data: [] });',
    't.match(text, /x/);',
    "await t.rejects(work(), { code: '42501' }, statement);",
    'await t.rejects(work(), /permission denied/);',
    'await t.rejects(work(), expected, statement);',
    `const begun = performance.now();\nt.comment(\`\${performance.now() - begun} ms\`);\nt.ok(left > 3);`,
  ];
  for (const text of allowed) t.strictSame(complaints(new Map([['test/a.test.ts', text]])), [], text);
});

test('rules of the whole house see a violation of themselves', async t => {
  const a = "import { b } from './b.ts';\nexport const a = b;";
  const planted: [files: Record<string, string>, complaint: RegExp][] = [
    [{ 'src/store/a.ts': a, 'src/store/b.ts': "import { a } from './a.ts';\nexport const b = a;" }, /a circle/],
    [
      { 'src/store/a.ts': a, 'src/store/b.ts': "import type { a } from './a.ts';\nexport const b = 1 as a;" },
      /a circle/,
    ],
    [
      {
        'src/store/a.ts': a,
        'src/store/b.ts': "export { c as b } from './c.ts';",
        'src/store/c.ts': "import { a } from './a.ts';\nexport const c = a;",
      },
      /store\/a.ts → src\/store\/b.ts → src\/store\/c.ts → src\/store\/a.ts/,
    ],
    [{ 'src/store/a.ts': 'export const a = 1;' }, /nobody imports a\b/],
    [{ 'src/store/a.ts': 'export function a() {\n  return a();\n}' }, /nobody imports a\b/],
    [{ 'src/store/tables.ts': 'export type A = 1;' }, /nobody imports A\b/],
    [
      { 'src/store/a.ts': 'export const a = 1;', 'src/app.ts': "import * as all from './store/a.ts';\nall.b();" },
      /nobody imports a\b/,
    ],
    [
      { 'src/store/a.ts': 'export const a = 1;', 'test/a.test.ts': "import { a } from '../src/store/a.ts';" },
      /only tests run a\b/,
    ],
    [{ 'src/store/a.ts': `sql\`update households.household set grid = \${1}\`` }, /writes households\.household/],
    [{ 'src/store/a.ts': 'sql`insert into\n  households.member (id) values (1)`' }, /writes households\.member/],
    [{ 'src/store/a.ts': "'delete from claims.claim'" }, /writes claims\.claim/],
    [
      { 'src/store/a.ts': 'sql`update store.redemption set x`', 'src/redemptions/tables.ts': lensOf('redemption') },
      /writes store\.redemption, which is redemptions’/,
    ],
    [{ 'src/store/a.ts': 'sql`select from store.goods g join claims.claim c on true`' }, /reads claims\.claim/],
    [{ 'src/store/a.ts': 'sql`select households.is_kin(1)`' }, /reads households\.is_kin, which is kin’s/],
    [Object.fromEntries(Array.from({ length: 23 }, (_, n) => [`src/store/a${n}.ts`, ''])), /23 files/],
  ];
  for (const [files, complaint] of planted) {
    const found = complaintsOfHouse(new Map(Object.entries(files)), {});
    t.match(found.join('\n'), complaint, Object.values(files).join(' | '));
    t.equal(found.length, 1, 'and nothing else');
  }
  t.match(complaintsOfHouse(new Map(), { store: ['claims.claim'] }), [/store does not read claims\.claim/]);
});

test('what is allowed is left alone in the whole house', async t => {
  const allowed: Files = new Map(
    Object.entries({
      'src/store/a.ts': "import { b } from './b.ts';\nexport function a() {\n  return b;\n}",
      'src/store/b.ts': 'export const b = 1;\nexport const c = b;',
      'src/store/tables.ts': lensOf('goods'),
      'src/store/jobs.ts': "const queue = 'households.import';",
      'src/store/d.ts': 'sql`select from store.goods g join claims.claim c on true`',
      'src/app.ts': "import * as store from './store/a.ts';\nstore.a();",
      'test/a.test.ts': "import { b, c } from '../src/store/b.ts';",
      'test/support/a.ts': 'export const nobodyAsksForIt = 1;',
      'bench/a.ts': "import { c } from '../src/store/b.ts';",
    }),
  );
  t.same(complaintsOfHouse(allowed, { store: ['claims.claim'] }), []);
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

/** What is wrong with these files together. */
function complaintsOfHouse(files: Files, allowedReads: Record<string, string[]>): string[] {
  const parsed = [...files].map(([path, text]) => parse(path, text));
  return [
    ...circles(parsed).map(
      way => `${way[0]}: a circle of imports, ${way.join(' → ')}: what both ends need belongs in a file of its own.`,
    ),
    ...deadExports(parsed).map(({ path, name, onlyInTests }) =>
      onlyInTests
        ? `${path}: only tests run ${name}: move it to test/support, or take it out.`
        : `${path}: nobody imports ${name}: take its export away, or all of it.`,
    ),
    ...complaintsOfSql(files, parsed, allowedReads),
    ...foldersOf(files).map(([folder, count]) => `src/${folder}: ${count} files: part of it is a folder of its own.`),
  ];
}

function complaintsOfSql(files: Files, parsed: SourceFile[], allowedReads: Record<string, string[]>): string[] {
  const owners = tableOwners(files);
  const ownerOf = (object: string) =>
    owners.get(object) ?? otherOwners.get(object) ?? object.slice(0, object.indexOf('.'));
  const foreign = foreignSql(parsed, schemas, ownerOf);
  const unlisted = foreign.filter(
    ({ folder, object, writes }) => writes || !(allowedReads[folder] ?? []).includes(object),
  );
  const stale = Object.entries(allowedReads).flatMap(([folder, objects]) =>
    objects
      .filter(object => !foreign.some(one => one.folder === folder && one.object === object))
      .map(object => `test/tidy.test.ts: ${folder} does not read ${object}: take it off the list.`),
  );
  return [
    ...unlisted.map(({ path, object, owner, writes }) =>
      writes
        ? `${path}: this SQL writes ${object}, which is ${possessive(owner)}: let it write what is its own.`
        : `${path}: this SQL reads ${object}, which is ${possessive(owner)}: ask its read.ts, or list it in test/tidy.test.ts.`,
    ),
    ...stale,
  ];
}

function possessive(name: string): string {
  return name.endsWith('s') ? `${name}’` : `${name}’s`;
}

function foldersOf(files: Files): [folder: string, count: number][] {
  const inFolders = [...files.keys()].filter(path => /^src\/[^/]+\//.test(path));
  const byFolder = Map.groupBy(inFolders, partOf);
  return [...byFolder]
    .map(([folder, paths]): [string, number] => [folder, paths.length])
    .filter(([, n]) => n > folderMax);
}

function lensOf(table: string): string {
  return `const schema = pgSchema('store');\nexport const ${table} = schema.table('${table}', {});`;
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
        `Fastify is for routes.ts, http/, posting/, identity/ and app.ts: hand over plain arguments instead of ${target}.`,
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
  found.push(...complaintsOfAssertions(path, text));
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
  return path === 'src/app.ts' || /^src\/(http|posting|identity)\//.test(path) || /(\/|-)routes\.ts$/.test(path);
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
