import { availableParallelism, cpus } from 'node:os';
import { type Callers, openCallers } from './callers.ts';
import { fillBooks } from './fill.ts';
import { type Cluster, type Fixture, onClient, settle, startCluster } from './fixture.ts';
import { bytesBetween, ledgerSize } from './ledger-size.ts';
import type { Options } from './options.ts';
import type { Village } from './town.ts';

/** All that the parts share: one database with the service on it, and clerks who are signed in. */
export interface Bench {
  options: Options;
  cluster: Cluster;
  fixture: Fixture;
  callers: Callers;
  /** One village whose book has `options.book` transactions; it is filled when it is first asked for. */
  filledBook(): Promise<FilledBook>;
  /** Where and how it was measured. */
  about: Record<string, unknown>;
  /** Tells whoever waits what is being done. */
  say(what: string): void;
}

export interface FilledBook {
  village: Village;
  /** What each transaction took on the disk. */
  size: ReturnType<typeof bytesBetween>;
}

export async function openBench(options: Options): Promise<Bench> {
  const begin = performance.now();
  const say = (what: string) =>
    process.stderr.write(`${((performance.now() - begin) / 1000).toFixed(0).padStart(5)} s  ${what}\n`);
  const { villages, households } = options;
  say(`opening ${villages} villages of ${households} households`);
  const cluster = await startCluster();
  try {
    const fixture = await cluster.open('bench', { villages, households });
    const callers = await openCallers(fixture);
    let filled: Promise<FilledBook> | undefined;
    const filledBook = () => {
      filled ??= fillOne(fixture, options.book, say);
      return filled;
    };
    return { options, cluster, fixture, callers, filledBook, say, about: await aboutThis(options, cluster) };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

export async function closeBench({ cluster, callers }: Bench): Promise<void> {
  callers.close();
  await cluster.stop();
}

/** The second village of the city gets the book: the first is the hot one. */
async function fillOne(fixture: Fixture, transactions: number, say: Bench['say']): Promise<FilledBook> {
  const village = fixture.villages[1] ?? fixture.villages[0]!;
  say(`filling a book with ${transactions} transactions`);
  const before = await ledgerSize(fixture);
  await fillBooks(fixture, [{ village, transactions }], 1);
  await settle(fixture.ownerUrl);
  return { village, size: bytesBetween(before, await ledgerSize(fixture)) };
}

async function aboutThis(options: Options, cluster: Cluster): Promise<Record<string, unknown>> {
  const postgres = await onClient(cluster.url, async client => (await client.query('show server_version')).rows[0]);
  return {
    options,
    versions: { node: process.version, postgres: postgres.server_version },
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? null,
    at: new Date().toISOString(),
  };
}
