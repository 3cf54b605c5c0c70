import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import tap, { type Test, test } from 'tap';
import { queues, startWorker } from '../src/app.ts';
import { iso } from '../src/calendar.ts';
import { findLatest } from '../src/checkpoints/read.ts';
import { openJobs } from '../src/db/jobs.ts';
import { none } from '../src/db/scope.ts';
import { openService, type Service, villages } from './support/service.ts';

// A killed worker is missed after half a minute.
tap.setTimeout(240_000);

test('the job of a killed worker is done by the next one, and a long one is left to whoever has it', async t => {
  const service = await openService(t, { worker: true });
  const rows = await openRows(t, service);
  const options = { worker: false, onError: (error: Error) => t.comment(error.message) };
  // As an operator has it who comes from a version that knew no heartbeat.
  await rows("update jobs.queue set heartbeat_seconds = null where name = 'photos.remove'");
  await (await openJobs(service.appUrl, queues, options)).stop();
  const { jobs } = service;
  const ask = (queue: string) =>
    service.database.inTransaction(none, tx =>
      jobs.send(tx, queue, {}, { key: 'one', startAfter: iso(Temporal.Now.instant()) }),
    );

  let took = 0;
  const long = new Promise<void>(resolve => {
    void jobs.work('expiry.resume', async () => {
      took += 1;
      await sleep(50_000);
      resolve();
    });
  });
  await ask('expiry.resume');
  await ask('photos.remove');
  const program = fileURLToPath(new URL('support/held-job.ts', import.meta.url));
  const child = spawn(process.execPath, [program, service.appUrl, 'photos.remove'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await new Promise<void>(resolve => void jobs.work('photos.remove', async () => resolve()));
  await long;
  await sleep(1_000);
  t.equal(took, 1);
  t.match(await rows("select state, retry_count from jobs.job where name = 'expiry.resume'"), [
    { state: 'completed', retry_count: 0 },
  ]);
});

test('what came while nothing ran is done at the next start, once', async t => {
  const service = await openService(t);
  const rows = await openRows(t, service);
  await service.givePoints(await service.household(), 5);
  const work = async () => {
    const jobs = await openJobs(service.appUrl, queues, { worker: true, onError: error => t.comment(error.message) });
    await startWorker({ ...service, jobs });
    return jobs;
  };
  await (await work()).stop();
  const names = (await rows('select name from jobs.schedule order by name')).map(({ name }) => name as string);
  t.ok(names.length >= 7, names.join(', '));

  // All ticks are at minutes that five divides: one that comes meanwhile would be done as well.
  while (
    Temporal.Now.plainTimeISO().add({ seconds: 20 }).minute % 5 === 0 ||
    Temporal.Now.plainTimeISO().minute % 5 === 0
  )
    await sleep(1_000);
  await rows(
    'delete from jobs.job',
    "update jobs.schedule set created_on = created_on - interval '20 days'",
    "update jobs.version set cron_on = now() - interval '16 days'",
  );
  const jobs = await work();
  t.teardown(() => jobs.stop());
  const done = async () =>
    (
      await rows("select name from jobs.job where state = 'completed' and name <> '__pgboss__send-it' order by name")
    ).map(({ name }) => name);
  for (let left = 60; (await done()).length < names.length && left > 0; left -= 1) await sleep(500);
  t.same(await done(), names);
  const latest = await service.database.inSnapshot(villages.own, db => findLatest(db, villages.own));
  t.equal(latest?.size, 1, 'a checkpoint for the sixteen evenings');
  t.same(await rows("select name from jobs.job where state <> 'completed'"), []);
});

async function openRows(t: Test, { ownerUrl }: Service) {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  client.on('error', () => undefined);
  t.teardown(() => client.end());
  return async (...statements: string[]): Promise<Record<string, unknown>[]> => {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  };
}
