import { apiCompare, type Diff } from 'api-smart-diff';

// biome-ignore lint/suspicious/noExplicitAny: a contract has every shape
export type Contract = any;

/** What a client that was made for an earlier contract would trip over. */
export interface BreakingChange {
  /** The operation, or `components` for what belongs to none. */
  operationId: string;
  change: string;
}

/** The breaking changes from one contract to the next, each once. */
export function breakingChanges(before: Contract, after: Contract): BreakingChange[] {
  const { diffs } = apiCompare(compared(before), compared(after));
  const found = diffs.filter(({ type }) => type === 'breaking').map(diff => changeOf(diff, before));
  const kept = found.filter(({ operationId }) => operationId !== 'components');
  return [...new Map(kept.map(one => [`${one.operationId} ${one.change}`, one])).values()];
}

/** Those that the changelog does not announce: `### Breaking` of its next release names the operation, `like this`. */
export function unannounced(changes: BreakingChange[], changelog: string): BreakingChange[] {
  const unreleased = /^## \[Unreleased\]\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog)?.[1] ?? '';
  const breaking = /^### Breaking\n([\s\S]*?)(?=^### |$(?![\s\S]))/m.exec(unreleased)?.[1] ?? '';
  const named = new Set([...breaking.matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name));
  return changes.filter(({ operationId }) => !named.has(operationId));
}

/** Without what no program reads. Fields and components may have any name, `description` among them. */
function compared({ openapi, info, paths, components }: Contract): Contract {
  const isText = /^(description|summary|examples?|tags|servers|headers|discriminator|x-.*)$/;
  const holdsNames = /^(properties|schemas|responses|parameters|paths)$/;
  const stripped = (node: unknown, isNamed: boolean): unknown => {
    if (Array.isArray(node)) return node.map(part => stripped(part, false));
    if (typeof node !== 'object' || node === null) return node;
    const kept = Object.entries(node).filter(([name]) => isNamed || !isText.test(name));
    return Object.fromEntries(kept.map(([name, part]) => [name, stripped(part, !isNamed && holdsNames.test(name))]));
  };
  return stripped({ openapi, info: { title: info.title, version: '0' }, paths, components }, false);
}

function changeOf({ path, action, description }: Diff, before: Contract): BreakingChange {
  const [root, url, method, ...rest] = path.map(String);
  if (root !== 'paths') return { operationId: 'components', change: `${action} ${path.join('/')}` };
  const operations = before.paths[url!] ?? {};
  const operationId = operations[method!]?.operationId ?? Object.values<Contract>(operations)[0]?.operationId ?? url!;
  return {
    operationId,
    change: `${action} ${rest.join('/') || 'the operation'}${description ? ` (${description})` : ''}`,
  };
}
