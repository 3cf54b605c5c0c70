/**
 * npm run trace [-- <operationId>]: the files and named functions of ours that one warm request over HTTP passes through, as
 * V8 counts them, and the statements it sends to PostgreSQL. Without an operation: `awardCreate`, posted, and refused by a
 * cap; test/posting/trace.test.ts holds their figures.
 */
import type { Test } from 'tap';
import { startCluster } from '../test/support/cluster.ts';
import { openService } from '../test/support/service.ts';
import { type Trace, textOf, traceCapped, traceOperation } from '../test/support/trace.ts';

const endings: (() => unknown)[] = [];
const cluster = await startCluster(undefined);
try {
  const ending = {
    teardown: (end: () => unknown) => endings.push(end),
    comment: (line: string) => process.stderr.write(`${line}\n`),
  } as unknown as Test;
  const service = await openService(ending, { cluster, line: true });
  const [operationId] = process.argv.slice(2);
  print(operationId ?? 'awardCreate', await traceOperation(service, operationId ?? 'awardCreate'));
  if (operationId === undefined) print('awardCreate, refused by a cap', await traceCapped(service));
} finally {
  for (const end of endings) await end();
  await cluster.stop();
}

function print(title: string, trace: Trace): void {
  process.stdout.write(`${textOf(title, trace)}\n\n`);
}
