import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import ts from 'typescript';

tap.setTimeout(300_000);

// Its own engine in JavaScript: one answer on every machine, and no Java or binary to be there.
process.env.RECHECK_SYNC_BACKEND = 'pure';
const { checkSync } = await import('recheck');

/**
 * Patterns that the check takes for worse than they are: their repetitions of words are counted (`{0,6}`), and it guesses
 * by trying. Of whoever changes one, it asks that the new one be looked at.
 */
const lookedAt = [
  /\b(?:deduct|cut|stop|cancel|withhold|withdraw|suspend|revoke|reduc|dock|halt|remov|den(?:y|ie)|los[est])\w*(?: \w+){0,3} (?:allowances?|subsid(?:y|ies)|benefits?(?! of)|pensions?|welfare|wages?|salar(?:y|ies)|stipends?|relief|insurance|dibao)\b/g,
  /\b(?:deduct|withh)\w*(?: \w+){0,6} (?:allowances?|subsid(?:y|ies)|pensions?|welfare|wages?|salar(?:y|ies))\b/g,
].map(String);

/** Files that put patterns together from parts, when they are loaded. */
const makers = ['src/rules/wording.ts', 'src/http/shapes.ts'];

const root = fileURLToPath(new URL('../', import.meta.url));

test('no pattern takes more than linear time of any text', async t => {
  const found: string[] = [];
  const left = new Set(lookedAt);
  for (const name of await readdir(join(root, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const path = join('src', name);
    found.push(...complaints(path, await readFile(join(root, path), 'utf8'), left));
  }
  t.strictSame(found, []);
  t.strictSame([...left], [], 'what was looked at is still there');
});

test('nor one that is put together when a file is loaded', async t => {
  const made: RegExp[] = [];
  const { RegExp: original } = globalThis;
  globalThis.RegExp = new Proxy(original, {
    construct(target, [pattern, flags]) {
      made.push(new target(pattern, flags));
      return made.at(-1)!;
    },
  });
  for (const path of makers) await import(`../${path}`);
  globalThis.RegExp = original;
  t.ok(made.length >= 5);
  t.strictSame(
    made.flatMap(({ source, flags }) => check(source, flags) ?? []),
    [],
  );
});

test('nor does one of the contract, which is tried on every request', async t => {
  const contract = JSON.parse(await readFile(join(root, 'openapi/openapi.json'), 'utf8'));
  const patterns = new Set<string>();
  JSON.stringify(contract, (name, value) => {
    if (name === 'pattern' && typeof value === 'string') patterns.add(value);
    return value;
  });
  t.ok(patterns.size > 5);
  t.strictSame(
    [...patterns].flatMap(pattern => check(pattern, 'u') ?? []),
    [],
  );
});

test('the check sees what it is for', async t => {
  const planted: [text: string, complaint: RegExp][] = [
    ['text.replace(/\\(.*\\)/g, "")', /polynomial/],
    ['/(a+)+$/.test(text)', /exponential/],
    ['/^(a|a)*$/.test(text)', /exponential/],
    ['text.replace(/\\s+$/, "")', /polynomial/],
    ['new RegExp(input)', /literal/],
    ['RegExp(input)', /literal/],
  ];
  for (const [text, complaint] of planted) t.match(complaints('src/planted.ts', text).join(), complaint, text);
  t.strictSame(complaints('src/planted.ts', 'text.replace(/\\([^()]*\\)/g, "")'), []);
});

/** What is wrong with the patterns of a source file. */
function complaints(path: string, text: string, left: Set<string> = new Set()): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const found: string[] = [];
  const say = (node: ts.Node, what: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    found.push(`${path}:${line + 1}: ${node.getText(source)} ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node) && !left.delete(node.text)) {
      const [, pattern = '', flags = ''] = /^\/(.*)\/([a-z]*)$/su.exec(node.text) ?? [];
      const wrong = check(pattern, flags);
      if (wrong !== undefined) say(node, wrong);
    }
    const isMade = ts.isNewExpression(node) || ts.isCallExpression(node);
    if (isMade && !makers.includes(path) && node.expression.getText(source) === 'RegExp') {
      say(node, 'is no literal, of which the time could be told');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Undefined where the time is at most in proportion to the length of the text. */
function check(pattern: string, flags: string): string | undefined {
  const found = checkSync(pattern, flags, { timeout: 60_000 });
  if (found.status === 'safe') return undefined;
  if (found.status === 'vulnerable') return `takes ${found.complexity.summary} time`;
  return `cannot be checked: ${found.error.kind}`;
}
