import { setTimeout as wait } from 'node:timers/promises';
import { to as copyTo } from 'pg-copy-streams';
import { t } from 'tap';
import { type Db, openDatabase } from '../../src/db/database.ts';
import { isOutOfReach, isSilent } from '../../src/db/line.ts';
import { textRows } from '../../src/verification/recorded.ts';
import { openBadLine } from '../support/bad-line.ts';
import { openService, villages } from '../support/service.ts';

/* Exports have no time limit, but their line has: else four silences would take all connections for exports for good. */

const silenceMs = 400;

const service = await openService(t);
const url = new URL(service.appUrl);
const line = await openBadLine(Number(url.port));
url.port = String(line.port);
const database = openDatabase(url.href, { exportSilenceMs: silenceMs, onError: () => undefined });
t.teardown(async () => {
  await database.close();
  line.close();
});

const long = 'select repeat(md5(n::text), 100) from generate_series(1, 20000) n';

/** Reads as exports do, and lets the line fall silent in the midst of it. */
const ways: Record<string, (db: Db, hush: () => void) => Promise<unknown>> = {
  'in a query': (db, hush) => {
    const asked = db.$client.query('select pg_sleep(600)');
    hush();
    return asked;
  },
  'between the rows of a cursor': async (db, hush) => {
    for await (const rows of textRows(db, 'rows', long)) if (rows.length > 0) hush();
  },
  'in a copy': async (db, hush) => {
    for await (const _ of db.$client.query(copyTo(`copy (${long}) to stdout`))) hush();
  },
  'before the end': async (db, hush) => {
    await db.$client.query('select 1');
    hush();
  },
};

t.test('an export whose line falls silent ends, and its connection is free again', async t => {
  for (const [when, read] of Object.entries(ways)) {
    // As many as there are connections.
    const asked = Array.from({ length: 4 }, () => {
      const reached = Promise.withResolvers<void>();
      const silent = Promise.withResolvers<void>();
      const over = database.inExport(villages.own, async db => {
        await db.$client.query('select 1');
        reached.resolve();
        await silent.promise;
        return read(db, () => line.turn('swallow'));
      });
      over.catch(() => undefined);
      return { reached, silent, over };
    });
    await Promise.all(asked.map(({ reached }) => reached.promise));
    for (const { silent } of asked) silent.resolve();
    for (const { status, reason } of (await Promise.allSettled(
      asked.map(({ over }) => over),
    )) as PromiseRejectedResult[]) {
      t.equal(status, 'rejected', when);
      t.ok(isSilent(reason) && isOutOfReach(reason), `${when}: ${reason}`);
    }
    line.turn('clear');
    const rows = await database.inExport(villages.own, async db => (await db.$client.query('select 7 as n')).rows);
    t.same(rows, [{ n: 7 }], `${when}, and the next one is served`);
  }
});

t.test('whoever reads slowly is not taken for a silent line', async t => {
  let bytes = 0;
  await database.inExport(villages.own, async db => {
    for await (const part of db.$client.query(copyTo(`copy (${long}) to stdout`))) {
      if (bytes === 0) await wait(4 * silenceMs);
      bytes += part.length;
    }
  });
  t.equal(bytes, 20_000 * 3_201);
});
