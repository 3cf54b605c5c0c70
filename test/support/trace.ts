import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { declaredOperations } from './declared.ts';
import { prepare, send } from './hostile.ts';
import { adoptRules, ruleDraft } from './rules.ts';
import { type Reply, type Service, villages } from './service.ts';
import { recordStatements } from './statements.ts';
import { openWorld } from './world.ts';

/** What one request passed through. */
export interface Trace {
  reply: Reply;
  /** Names of the functions of ours that ran, by file; those without a name count for their file only. */
  files: Map<string, string[]>;
  named: number;
  /** Texts of the statements that were sent to PostgreSQL. */
  statements: string[];
}

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** Traces an operation's sample call, after two others like it. */
export async function traceOperation(service: Service, id: string): Promise<Trace> {
  const operation = declaredOperations(service.app).find(one => one.id === id);
  if (operation === undefined) throw new Error(`the contract has no operation ${id}`);
  const world = openWorld(service);
  const { caller } = await prepare(world, operation);
  // Staff call again with a token that the service has verified before; a household's call is its own.
  const prepared = async () => {
    const one = await prepare(world, operation);
    return caller?.actor.kind === 'staff' ? { ...one, caller } : one;
  };
  for (let warm = 0; warm < 2; warm += 1) await send(service, await prepared());
  const warm = await prepared();
  return trace(() => send(service, warm));
}

/** Traces an award that a cap refuses, after another one. */
export async function traceCapped(service: Service): Promise<Trace> {
  const rules = await adoptRules(service, [ruleDraft('CAP', { points: 1, capTimes: 1, capPeriod: 'day' })], {
    inForceFrom: '2026-11-02',
  });
  const clerk = await service.as('clerk');
  const body = { ruleId: rules.CAP, householdId: await service.household(), quantity: 1 };
  const give = () => clerk('POST', `/v1/villages/${villages.own}/awards`, body);
  for (let warm = 0; warm < 2; warm += 1) await give();
  return trace(give);
}

async function trace(call: () => Promise<Reply>): Promise<Trace> {
  const inspector = new Session();
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const statements = recordStatements();
  try {
    // Whatever has run until now does not count.
    await inspector.post('Profiler.takePreciseCoverage');
    const reply = await call();
    const { result } = await inspector.post('Profiler.takePreciseCoverage');
    const files = new Map<string, string[]>();
    for (const { url, functions } of result) {
      const path = url.startsWith('file://') ? fileURLToPath(url) : '';
      const names = functions.filter(one => one.ranges[0]!.count > 0).map(one => one.functionName);
      if (!path.startsWith(src) || names.length === 0) continue;
      files.set(
        path.slice(src.length),
        names.filter(name => name !== ''),
      );
    }
    return { reply, files, named: [...files.values()].flat().length, statements: statements.texts };
  } finally {
    statements.stop();
    inspector.disconnect();
  }
}

/** A trace to be read: the functions of each file, the statements, the figures. */
export function textOf(title: string, { reply, files, named, statements }: Trace): string {
  const lines = [`${title}: ${reply.status} ${reply.body?.code ?? ''}`.trimEnd()];
  for (const [file, names] of [...files].sort()) lines.push(`  ${file}: ${names.join(', ')}`);
  for (const text of statements) lines.push(`  > ${text.replaceAll(/\s+/g, ' ').trim().slice(0, 100)}`);
  lines.push(
    `${files.size} files, ${named} named functions; ${transactionsOf(statements)} database transactions, ${statements.length} statements`,
  );
  return lines.join('\n');
}

/** How many database transactions these statements began. */
export function transactionsOf(statements: string[]): number {
  return statements.filter(text => /^begin\b/.test(text)).length;
}
