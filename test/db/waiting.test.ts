import { sql } from 'drizzle-orm';
import { type Test, test } from 'tap';
import { openDatabase } from '../../src/db/database.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { none } from '../../src/db/scope.ts';
import { createDatabase, dropDatabase, openCluster } from '../support/cluster.ts';

test('whoever waits for a connection waits on while others are served', async t => {
  const { hold } = await openSmall(t);
  // Six in turn on each connection: 2.4 seconds for the last ones, and never one without somebody being served.
  t.equal((await Promise.all(Array.from({ length: 12 }, () => hold(0.4)))).length, 12);
});

test('where nobody is served, they are told', async t => {
  const { hold } = await openSmall(t);
  const held = [hold(1.8), hold(1.8)];
  await t.rejects(hold(0), { code: 'unavailable' });
  await Promise.all(held);
});

/** A database with two connections, for which a call waits a second. */
async function openSmall(t: Test) {
  const cluster = await openCluster();
  const url = await createDatabase(cluster);
  const database = openDatabase(await prepareRoles(url), {
    connections: 2,
    connectionWaitMs: 1_000,
    onError: error => t.comment(error.message),
  });
  t.teardown(async () => {
    await database.close();
    await dropDatabase(cluster.url, new URL(url).pathname.slice(1));
  });
  const hold = (seconds: number) =>
    database.inTransaction(none, tx => tx.execute(sql`select pg_sleep(${seconds}::float8)`));
  return { hold };
}
