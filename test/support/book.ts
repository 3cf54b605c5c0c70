import { createHash, randomUUIDv7 } from 'node:crypto';
import pg from 'pg';
import type { Test } from 'tap';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { type AccountKey, bookAccounts, goodsAccounts, householdAccounts, supply } from '../../src/ledger/accounts.ts';
import { openAccounts, openBook, type PostResult, post } from '../../src/ledger/post.ts';
import type { Command, Event, Transfer } from '../../src/ledger/transactions.ts';
import { type Cluster, createDatabase, dropDatabase, openCluster } from './cluster.ts';
import { callerOf } from './refusal.ts';

export const home = '520281127101';
export const sibling = '520281127102';

/** Ids that tests of the ledger share: it knows households, stores and goods by these and by nothing else. */
export const ids = {
  household: '0193563d-1111-7000-8000-000000000007',
  neighbour: '0193563d-1111-7000-8000-000000000008',
  store: '0193563d-2222-7000-8000-000000000001',
  rice: '0193563d-3333-7000-8000-000000000001',
  receipt: '0193563d-4444-7000-8000-000000000001',
  clerk: '0193563d-0000-7000-8000-00000000000c',
  secretary: '0193563d-0000-7000-8000-00000000000d',
} as const;

/** What a test of the ledger alone needs: two villages with a book each, and no service. */
export interface Books {
  database: Database;
  ownerUrl: string;
  appUrl: string;
  /** A superuser, who can do what nobody may. */
  superuser: pg.Client;
  post(commands: Command[], options?: { atomic?: boolean; village?: string }): Promise<PostResult[]>;
  open(accounts: AccountKey[], village?: string): Promise<void>;
  balance(code: string, asset?: string, village?: string): Promise<number>;
}

export async function openBooks(t: Test, said: { cluster?: Cluster } = {}): Promise<Books> {
  const cluster = said.cluster ?? (await openCluster());
  const ownerUrl = await createDatabase(cluster);
  const appUrl = await prepareRoles(ownerUrl);
  const database = openDatabase(appUrl, { onError: error => t.comment(`database: ${error.message}`) });
  const superuser = new pg.Client({ connectionString: ownerUrl });
  await superuser.connect();
  t.teardown(async () => {
    await superuser.end();
    await database.close();
    await dropDatabase(cluster.url, new URL(ownerUrl).pathname.slice(1));
  });
  for (const village of [home, sibling]) {
    await database.inTransaction(village, async tx => {
      await openBook(tx, village, bookAccounts);
      await openAccounts(tx, village, [
        ...householdAccounts(ids.household),
        ...householdAccounts(ids.neighbour),
        ...goodsAccounts(ids.store, ids.rice),
        { code: supply(ids.receipt), asset: `SKU:${ids.rice}` },
      ]);
    });
  }
  return {
    database,
    ownerUrl,
    appUrl,
    superuser,
    post: (commands, { atomic = false, village = home } = {}) =>
      database.inTransaction(village, tx => post(tx, village, commands, { atomic })),
    open: (accounts, village = home) => database.inTransaction(village, tx => openAccounts(tx, village, accounts)),
    async balance(code, asset = 'PTS', village = home) {
      const { rows } = await superuser.query(
        'select balance from ledger.account where village = $1 and code = $2 and asset = $3',
        [village, code, asset],
      );
      return rows[0].balance;
    },
  };
}

/**
 * Holds what became of each command of a list: of a refusal its code and each of its facts, of the others what `expected`
 * says of them.
 */
export function haveOutcomes(t: Test, results: PostResult[], expected: object[], why = 'what became of it'): void {
  const isRefusal = (one: object) => 'status' in one && one.status === 'refused';
  const caller = callerOf(haveOutcomes);
  t.equal(results.length, expected.length, why, caller);
  for (const [n, wanted] of expected.entries()) {
    const found = results[n] ?? {};
    if (isRefusal(wanted) || isRefusal(found)) t.strictSame(found, wanted, why, caller);
    else t.match(found, wanted, why, caller);
  }
}

export const event: Event = {
  actor: ids.clerk,
  occurredAt: '2026-11-23T02:10:00.000Z',
  businessDate: '2026-11-23',
};

export const available = `household:${ids.household}:available`;
export const honour = `household:${ids.household}:honour`;

/** Points from `issued` to the household; `fields` override. */
export function give(amount: number, fields: Partial<Command> = {}): Command {
  const id = randomUUIDv7();
  const transfers: Transfer[] = [{ from: 'issued', to: available, asset: 'PTS', amount }];
  return { id, kind: 'award', cause: `award:${id}`, ...event, transfers, ...fields };
}

/** Points of the household to `redeemed`. */
export function spend(amount: number, fields: Partial<Command> = {}): Command {
  const id = randomUUIDv7();
  const transfers: Transfer[] = [{ from: available, to: 'redeemed', asset: 'PTS', amount }];
  return { id, kind: 'redemption', cause: `redemption:${id}:fulfil`, ...event, transfers, ...fields };
}

/** What is hashed of a transaction, built without the ledger's help, after docs/canonical.md. */
export interface Canonical extends Omit<Event, 'approver' | 'memo'> {
  village: string;
  number: number;
  id: string;
  kind: string;
  cause: string;
  postedAt: string;
  approver?: string | null | undefined;
  reverses?: number | null | undefined;
  memo?: string | null | undefined;
  frozen: Record<string, string>;
  transfers: Transfer[];
}

export function canonicalText(t: Canonical): string {
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('\r', '\\r').replaceAll('\n', '\\n');
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const fields: [string, string | number | null | undefined][] = [
    ['village', t.village],
    ['number', t.number],
    ['id', t.id],
    ['kind', t.kind],
    ['cause', t.cause],
    ['businessDate', t.businessDate],
    ['occurredAt', t.occurredAt],
    ['postedAt', t.postedAt],
    ['actor', t.actor],
    ['approver', t.approver],
    ['reverses', t.reverses],
    ['memo', t.memo],
    ...Object.keys(t.frozen)
      .sort(byBytes)
      .map((name): [string, string] => [`frozen ${name}`, t.frozen[name]!]),
  ];
  const lines = fields.filter(([, value]) => value !== null && value !== undefined);
  return [
    'jifen/1\n',
    ...lines.map(([name, value]) => `${name} ${escaped(String(value))}\n`),
    ...t.transfers.map(line => `line ${line.asset} ${line.amount} ${line.from} ${line.to}\n`),
  ].join('');
}

export function sha256(...parts: (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function leafOf(text: string | Buffer): Buffer {
  return sha256(Buffer.of(0), text);
}
