import type pg from 'pg';
import type { Db } from '../db/database.ts';
import type { Asset } from '../ledger/accounts.ts';
import type { Recorded } from './check-book.ts';
import type { Report } from './findings.ts';
import type { StoredTransfer } from './replay-accounts.ts';

/** Code and asset by account number. */
export type AccountNames = Map<number, { code: string; asset: string }>;

/**
 * The transactions of a village by number, each with its transfers. Two cursors side by side, merged here: a subquery or
 * a join for each transaction takes several times as long, and the plan for it is a gamble. Whatever no transaction owns,
 * or names no account of its asset, is reported as a stray.
 */
export async function* recordedOf(
  db: Db,
  village: string,
  accounts: AccountNames,
  report: Report,
): AsyncGenerator<Recorded[]> {
  await db.$client.query("set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'");
  const of = `where village = ${db.$client.escapeLiteral(village)}`;
  const transfers = await openTransfers(db, of);
  const transactions = textRows(
    db,
    'transactions',
    `select village, number, id, kind, cause, business_date, occurred_at, posted_at, actor, approver, reverses, memo, frozen,
            encode(leaf_hash, 'hex'), encode(hash, 'hex')
       from ledger.transaction ${of} order by number`,
  );
  for await (const rows of transactions) {
    const batch: Recorded[] = [];
    for (const row of rows) {
      const recorded = recordOf(row);
      const { number } = recorded.content;
      for (let next = transfers.next(); next !== undefined && next.number <= number; next = transfers.next()) {
        if (next.number < number) reportStray(next, report);
        else addTransfer(recorded, next, accounts, report);
        if (transfers.pass()) await transfers.more();
      }
      checkLines(recorded, report);
      batch.push(recorded);
    }
    yield batch;
  }
  for (let next = transfers.next(); next !== undefined; next = transfers.next()) {
    reportStray(next, report);
    if (transfers.pass()) await transfers.more();
  }
}

export async function accountNames(db: Db, village: string): Promise<AccountNames> {
  const names: AccountNames = new Map();
  const query = `select number, code, asset from ledger.account where village = ${db.$client.escapeLiteral(village)}`;
  for await (const rows of textRows(db, 'names', query)) {
    for (const [number, code, asset] of rows) names.set(Number(number), { code: code!, asset: asset! });
  }
  return names;
}

interface Transfer extends StoredTransfer {
  number: number;
  asset: string;
  amount: number;
  from: number;
  to: number;
}

type Row = (string | null)[];

function recordOf(row: Row): Recorded & { stored: StoredTransfer[] } {
  const [village, number, id, kind, cause, businessDate, occurredAt, postedAt, actorId, approverId, reverses, memo] =
    row;
  return {
    content: {
      village: village!,
      number: Number(number),
      id: id!,
      kind: kind!,
      cause: cause!,
      businessDate: businessDate!,
      occurredAt: instantOf(occurredAt!),
      postedAt: instantOf(postedAt!),
      actorId: actorId!,
      approverId: approverId!,
      reverses: reverses === null ? null : Number(reverses),
      memo: memo!,
      frozen: JSON.parse(row[12]!),
      transfers: [],
    },
    leafHash: row[13]!,
    hash: row[14]!,
    stored: [],
  };
}

/** `2026-11-23 02:15:04.123+00` as RFC 3339 with three decimals; anything else stays as it is, to be found. */
export function instantOf(text: string): string {
  const { length } = text;
  if (length > 26 || length < 22 || !text.endsWith('+00') || text[10] !== ' ') return text;
  const decimals = length === 22 ? '.000' : text.slice(19, -3).padEnd(4, '0');
  return `${text.slice(0, 10)}T${text.slice(11, 19)}${decimals}Z`;
}

function addTransfer(
  { content, stored }: Recorded & { stored: StoredTransfer[] },
  transfer: Transfer,
  accounts: AccountNames,
  report: Report,
): void {
  const { number, line, asset, amount } = transfer;
  const [from, to] = [transfer.from, transfer.to].map(account => {
    const known = accounts.get(account);
    if (known?.asset !== asset) {
      const found = known === undefined ? 'none' : `account ${account} of ${known.asset}`;
      report('strays', `transaction ${number} line ${line}`, `account ${account} of ${asset}`, found);
    }
    return known?.code ?? `unknown-${account}`;
  }) as [string, string];
  content.transfers.push({ from, to, asset: asset as Asset, amount });
  stored.push(transfer);
}

function checkLines(
  { content, stored }: { content: { number: number }; stored: StoredTransfer[] },
  report: Report,
): void {
  for (let i = 0; i < stored.length || i === 0; i += 1) {
    if (stored[i]?.line === i + 1) continue;
    const found = stored.length === 0 ? 'none' : `lines ${stored.map(({ line }) => line).join(', ')}`;
    report('strays', `transaction ${content.number}`, `lines 1 to ${Math.max(stored.length, 1)}`, found);
    return;
  }
}

function reportStray({ number, line }: Transfer, report: Report): void {
  report('strays', `transaction ${number} line ${line}`, `transaction ${number}`, 'none');
}

/** Transfers in the order of the book. Only for the next batch does anybody wait, not for each row. */
async function openTransfers(db: Db, of: string) {
  const batches = textRows(
    db,
    'transfers',
    `select number, line, asset, amount, from_account, to_account, from_balance, to_balance, from_seq, to_seq
       from ledger.transfer ${of} order by number, line`,
  );
  let rows: Row[] = [];
  let at = 0;
  let next: Transfer | undefined;
  const look = () => {
    next = rows[at] === undefined ? undefined : transferOf(rows[at]!);
  };
  const transfers = {
    /** The next transfer; none at the end. */
    next: () => next,
    /** Goes on to the one after; true when it takes `more`. */
    pass(): boolean {
      at += 1;
      look();
      return next === undefined;
    },
    async more(): Promise<void> {
      rows = (await batches.next()).value ?? [];
      at = 0;
      look();
    },
  };
  await transfers.more();
  return transfers;
}

function transferOf(row: Row): Transfer {
  return {
    number: Number(row[0]),
    line: Number(row[1]),
    asset: row[2]!,
    amount: Number(row[3]),
    from: Number(row[4]),
    to: Number(row[5]),
    fromBalance: Number(row[6]),
    toBalance: Number(row[7]),
    fromSeq: Number(row[8]),
    toSeq: Number(row[9]),
  };
}

const rowsAtOnce = 1_000;
/** Values as PostgreSQL writes them: a forged number may be more than JavaScript can hold, and must be named, not thrown. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** Rows of a query through a cursor `name` of its own. The next batch is asked for before the last is given out. */
export async function* textRows(db: Db, name: string, query: string): AsyncGenerator<Row[], undefined> {
  await db.$client.query(`declare ${name} no scroll cursor for ${query}`);
  const fetch = () => {
    const rows = db.$client.query<Row>({ text: `fetch ${rowsAtOnce} from ${name}`, rowMode: 'array', types: asText });
    // Whoever breaks off does not wait for it.
    rows.catch(() => undefined);
    return rows;
  };
  for (let next = fetch(); ; ) {
    const { rows } = await next;
    if (rows.length < rowsAtOnce) {
      if (rows.length > 0) yield rows;
      break;
    }
    next = fetch();
    yield rows;
  }
  await db.$client.query(`close ${name}`);
}
