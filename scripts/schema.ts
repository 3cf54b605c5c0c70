// npm run schema: writes migrations/schema.sql, what the migrations add up to.

import { writeFile } from 'node:fs/promises';
import pg from 'pg';
import { createDatabase, startCluster } from '../test/support/cluster.ts';
import { schemaText } from '../test/support/schema-text.ts';

const cluster = await startCluster(undefined);
try {
  const client = new pg.Client({ connectionString: await createDatabase(cluster) });
  await client.connect();
  const text = await schemaText(client).finally(() => client.end());
  await writeFile(new URL('../migrations/schema.sql', import.meta.url), text);
} finally {
  await cluster.stop();
}
