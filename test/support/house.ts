import { posix } from 'node:path';
import ts from 'typescript';

/** Source files by their path from the root, as the rules of the house look at them all together. */
export type Files = Map<string, string>;

interface Exported {
  name: string;
  /** Whether the file that exports it uses it too. */
  usedInside: boolean;
}

/** What a file says of itself and of others. */
export interface SourceFile {
  path: string;
  exports: Exported[];
  /** Names by the path they are imported from; `*` is all of a file. */
  imports: { from: string; names: string[] }[];
  /** Its string and template literals; what a template fills in reads as a space. */
  texts: string[];
}

export function parse(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const found: SourceFile = { path, exports: [], imports: [], texts: [] };
  const uses = new Map<string, number>();
  const take = (specifier: ts.Node | undefined, names: string[]) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.')) return;
    found.imports.push({ from: posix.join(posix.dirname(path), specifier.text), names });
  };
  // `import * as x`: of such a file it takes what it names.
  const namespaces = new Map<string, string[]>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      namespaces.get(node.expression.text)?.push(node.name.text);
    }
    if (ts.isIdentifier(node)) uses.set(node.text, (uses.get(node.text) ?? 0) + 1);
    if (ts.isImportDeclaration(node)) {
      take(node.moduleSpecifier, namesOf(node, namespaces));
      return;
    }
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const named = node.exportClause !== undefined && ts.isNamedExports(node.exportClause);
      const elements = named ? (node.exportClause as ts.NamedExports).elements : [];
      found.exports.push(...elements.map(({ name }) => ({ name: name.text, usedInside: false })));
      take(node.moduleSpecifier, named ? elements.map(one => (one.propertyName ?? one.name).text) : ['*']);
      return;
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      take(node.arguments[0], ['*']);
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      take(node.argument.literal, [node.qualifier?.getText(source).split('.')[0] ?? '*']);
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.texts.push(node.text);
    if (ts.isTemplateExpression(node)) {
      found.texts.push([node.head.text, ...node.templateSpans.map(span => span.literal.text)].join(' '));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const name of exportedNames(source)) found.exports.push({ name, usedInside: (uses.get(name) ?? 0) > 1 });
  return found;
}

function namesOf({ importClause }: ts.ImportDeclaration, namespaces: Map<string, string[]>): string[] {
  const bindings = importClause?.namedBindings;
  if (bindings === undefined) return [];
  if (ts.isNamespaceImport(bindings)) {
    const used: string[] = [];
    namespaces.set(bindings.name.text, used);
    return used;
  }
  return bindings.elements.map(one => (one.propertyName ?? one.name).text);
}

function exportedNames(source: ts.SourceFile): string[] {
  return source.statements.flatMap(statement => {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause, moduleSpecifier } = statement;
      if (moduleSpecifier !== undefined || exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
      return exportClause.elements.map(one => one.name.text);
    }
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(one => one.kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
    }
    const { name } = statement as ts.Statement & { name?: ts.Identifier };
    return name === undefined ? [] : [name.text];
  });
}

/** Circles of imports, each once, as the files it leads through. */
export function circles(files: SourceFile[]): string[][] {
  const byPath = new Map(files.map(file => [file.path, file]));
  const found: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const walk = (path: string): void => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    way.push(path);
    for (const { from } of byPath.get(path)?.imports ?? []) walk(from);
    way.pop();
    done.add(path);
  };
  for (const { path } of files) walk(path);
  return found;
}

/**
 * Exports of `src` that are of no use: no other file imports them; or a test alone does, and not even their own file runs
 * them. What its own file uses may be exported for a test that looks at it by itself. The tables of `tables.ts` are held
 * beside the catalogue by a test that finds them by their path.
 */
export function deadExports(files: SourceFile[]): { path: string; name: string; onlyInTests: boolean }[] {
  const users = (path: string, name: string) =>
    files.filter(
      file =>
        file.path !== path &&
        file.imports.some(({ from, names }) => from === path && (names.includes(name) || names.includes('*'))),
    );
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, exports }) =>
      exports.flatMap(({ name, usedInside }) => {
        if (/\/tables\.ts$/.test(path) && /^[a-z]/.test(name)) return [];
        const by = users(path, name);
        const onlyInTests = by.every(user => user.path.startsWith('test/'));
        const alive = by.length > 0 && (!onlyInTests || usedInside);
        return alive ? [] : [{ path, name, onlyInTests: by.length > 0 }];
      }),
    );
}

/** A table or function of the database that the SQL of a folder names, and which is another's. */
export interface ForeignSql {
  path: string;
  folder: string;
  /** `schema.name` */
  object: string;
  owner: string;
  writes: boolean;
}

/**
 * What the SQL in `src` touches of other folders. `ownerOf` says whose a table or a function of the database is; calling a
 * function counts as reading. A text that is nothing but a dotted name is that of a queue.
 */
export function foreignSql(
  files: SourceFile[],
  schemas: readonly string[],
  ownerOf: (object: string) => string,
): ForeignSql[] {
  const mention = new RegExp(
    `(insert\\s+into|merge\\s+into|update|delete\\s+from|truncate)?\\s*(?:only\\s+)?\\b((?:${schemas.join('|')})\\.[a-z_]+)\\b`,
    'gi',
  );
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, texts }) => {
      const folder = path.split('/')[1]!;
      return texts
        .filter(text => !/^[\w.]+$/.test(text))
        .flatMap(text => [...text.matchAll(mention)])
        .map(([, verb, object]) => ({ object: object!, writes: verb !== undefined }))
        .map(({ object, writes }) => ({ path, folder, object, owner: ownerOf(object), writes }))
        .filter(({ owner }) => owner !== folder);
    });
}

/** Whose each table is, as the lenses in `tables.ts` say. */
export function tableOwners(files: Files): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [path, text] of files) {
    const folder = /^src\/([^/]+)\/tables\.ts$/.exec(path)?.[1];
    const schema = /pgSchema\('(\w+)'\)/.exec(text)?.[1];
    if (folder === undefined || schema === undefined) continue;
    for (const [, table] of text.matchAll(/\.table\(\s*'(\w+)'/g)) owners.set(`${schema}.${table}`, folder);
  }
  return owners;
}
