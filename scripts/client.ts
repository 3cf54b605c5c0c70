// npm run client: generates a client's types from openapi/openapi.json, as a stranger would, and compiles a use of them under
// strict: each refusal's own members are known once its code is.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const use = `
import type { operations } from './contract.js';

type Refused<O extends keyof operations, S extends number> = operations[O]['responses'] extends {
  [status in S]: { content: { 'application/problem+json': infer P } };
} ? P : never;

export function say(problem: Refused<'kioskSessionCreate', 403>): string {
  switch (problem.code) {
    case 'pin-wrong':
      return String(problem.attemptsLeft satisfies number);
    case 'pin-locked':
      return problem.until satisfies string | null ?? problem.title;
    default:
      return problem.title;
  }
}

type Polled = operations['kioskPairingPoll']['responses'][200]['content']['application/json'];

export function tokenOf(polled: Polled): string | null {
  return polled.status === 'approved' ? polled.accessToken satisfies string : polled.accessToken;
}

// @ts-expect-error what a code does not have is unknown
export const none = (problem: Refused<'kioskSessionCreate', 403> & { code: 'pin-wrong' }) => problem.until;
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

const folder = await mkdtemp(join(root, 'node_modules', '.client-'));
try {
  const contract = JSON.parse(await readFile(join(root, 'openapi/openapi.json'), 'utf8'));
  const types = astToString(await openapiTS(contract));
  await writeFile(join(folder, 'contract.ts'), types);
  await writeFile(join(folder, 'use.ts'), use);
  const program = ts.createProgram([join(folder, 'use.ts')], {
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  });
  const mistakes = ts.getPreEmitDiagnostics(program);
  for (const { messageText, file, start } of mistakes) {
    const line = file === undefined ? '' : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    say(`${file?.fileName.slice(folder.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  }
  say(`${types.split('\n').length} lines of types, ${mistakes.length} mistakes`);
  if (mistakes.length > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
