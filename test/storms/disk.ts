import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startCluster } from '../support/cluster.ts';
import { firstViolation, missingOf } from '../support/invariants.ts';
import { makePostgres } from '../support/postgres.ts';
import { connect } from '../support/service.ts';
import { at } from '../support/shop.ts';
import { ask, countsOf, nothingSeen, settle } from './calls.ts';
import { diceOf } from './dice.ts';
import { report, seed } from './size.ts';
import { acknowledgedBy, type Intent, openStormVillage, send, unlikeIntents } from './village.ts';

/*
 * The disk under the data is full: writes are refused by name, reads go on, and when there is room again the same calls go
 * through. The disk under the log is full: PostgreSQL stops, comes back when there is room, and nothing acknowledged is
 * missing. Needs root, for a small file system to fill, and is no test of every change.
 */
t.setTimeout(900_000);

const megabytes = 160;

for (const full of ['data', 'log'] as const) {
  t.test(`the disk under the ${full} is full`, async t => {
    const disk = await mountSmall(t);
    if (disk === undefined) {
      report(t, `disk, ${full}`, { result: 'not run: needs root' });
      return;
    }
    const postgres = await makePostgres(
      true,
      full === 'data' ? { data: join(disk, 'data') } : { wal: join(disk, 'wal') },
    );
    t.teardown(() => postgres.remove());
    const settings = ['synchronous_commit=on', 'max_wal_size=64MB', 'min_wal_size=32MB', 'autovacuum=off'];
    if (full === 'data') settings.push('wal_recycle=off');
    await postgres.start(settings);
    const cluster = await startCluster(postgres.url);
    const village = await openStormVillage(t, { households: 8, cluster, connectionWaitMs: 2_000 });
    const { clerk } = village.shop;
    const dice = diceOf(seed);
    const seen = nothingSeen();
    const intents: Intent[] = [];
    const acknowledged: ReturnType<typeof acknowledgedBy>[] = [];

    const write = async () => {
      const intent = village.intent(dice, village.households);
      intents.push(intent);
      const answer = await ask(seen, () => send(clerk, intent));
      if (answer?.status === 201) acknowledged.push(acknowledgedBy(intent, answer));
    };
    for (let left = 200; left > 0; left -= 1) await write();
    const before = acknowledged.length;
    const ballast = join(disk, 'ballast');
    await fill(ballast);
    // Until the last free page inside the files is used, too.
    for (let left = 20_000; left > 0 && seen.unknown < 20; left -= 1) await write();
    t.equal(before, 200, 'there was something to lose');
    t.ok(seen.unknown >= 20, 'the disk was full; otherwise the run says nothing');
    t.same(seen.unexpected.slice(0, 3), [], 'and writes were answered by name');
    const read = await clerk('GET', `${at}/households/${village.households[0]}/points`);
    if (full === 'data') t.equal(read.status, 200, 'reads go on');
    t.equal((await village.shop.service.anonymous('GET', '/healthz')).status, 200);

    await rm(ballast);
    const begun = performance.now();
    for (let left = 100; left > 0 && postgres.runs() && full === 'log'; left -= 1) await wait(20);
    if (!postgres.runs()) await postgres.start();
    for (const intent of intents) {
      const answer = await settle(seen, () => send(clerk, intent), { pauseMs: 100 });
      if (answer?.status === 201) acknowledged.push(acknowledgedBy(intent, answer));
    }
    const owner = await connect(t, village.shop.service.ownerUrl);
    owner.on('error', () => undefined);
    t.same(seen.unexpected.slice(0, 3), []);
    t.same(await missingOf(owner, acknowledged), []);
    t.same(await unlikeIntents(owner, intents, village.households), []);
    t.equal(await firstViolation(owner), null);
    const resumedMs = Math.round(performance.now() - begun);
    report(t, `disk, ${full}`, {
      calls: intents.length,
      acknowledgedBefore: before,
      resumedMs,
      ...countsOf(seen),
    });
  });
}

/** A file system of its own for this test; undefined where we may not make one. */
async function mountSmall(t: Test): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0777`, 'none', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  t.teardown(async () => {
    execFileSync('umount', ['--lazy', folder]);
    await rm(folder, { recursive: true });
  });
  return folder;
}

/** Writes until there is no room. */
async function fill(file: string): Promise<void> {
  const piece = Buffer.alloc(64 * 1024);
  for (let left = megabytes * 16; left > 0; left -= 1) {
    try {
      await writeFile(file, piece, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
  throw new Error('the disk does not become full');
}
