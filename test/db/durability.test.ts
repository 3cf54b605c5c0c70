import { readdir, readFile } from 'node:fs/promises';
import { test } from 'tap';
import { durabilityOf, openCluster, openDurableCluster } from '../support/cluster.ts';

/* Which tests wait for a disk. What the service's own PostgreSQL promises is held by embedded.test.ts. */

test('the database of ordinary tests waits for no disk', async t => {
  // An external one is as its owner has set it up.
  const expected = process.env.DATABASE_URL === undefined ? 'off' : /^(on|off)$/;
  const found = await durabilityOf(await openCluster());
  t.match(found, { fsync: expected, full_page_writes: expected, synchronous_commit: expected });
});

test('a storm’s does, and whoever opens it is told if not', async t => {
  const found = await durabilityOf(await openDurableCluster());
  t.strictSame(found, { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' });
});

test('every storm blows over one that does', async t => {
  const folder = new URL('../storms/', import.meta.url);
  const storms = (await readdir(folder)).filter(name => name.endsWith('.test.ts'));
  t.ok(storms.length >= 8, `${storms.length} storms`);
  for (const name of storms) {
    const text = await readFile(new URL(name, folder), 'utf8');
    t.match(text, /\bopenStormVillage\(|\bopenDurableCluster\(|\bmakePostgres\(true\b/, `${name} opens a durable one`);
    t.notMatch(text, /\bopenCluster\b|\bmakePostgres\(false\b/, `${name} opens no other`);
  }
});
