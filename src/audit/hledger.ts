import { Readable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { TransactionView } from '../book/transactions.ts';
import { type Db, rowsOf } from '../db/database.ts';
import { batchesOf } from './cursor.ts';
import { transactionsOf } from './journal.ts';
import type { Period } from './period.ts';

/**
 * A period as a plain-text journal for hledger, which declares its accounts and commodities, so that `hledger check
 * --strict` proves with somebody else's program that the books balance.
 */
export function journalHledger(db: Db, village: string, period: Period): Readable {
  return Readable.from(text(db, village, period), { objectMode: false });
}

async function* text(db: Db, village: string, period: Period): AsyncGenerator<string> {
  yield `; ${village}, ${period.from} to ${period.to} (not included), by business date\n\n`;
  const assets = await rowsOf<{ asset: string }>(
    db,
    sql`select distinct asset from ledger.account where village = ${village} order by asset`,
  );
  yield `${assets.map(({ asset }) => `commodity ${commodity(asset)}\n`).join('')}\n`;
  const codes = sql`select distinct code from ledger.account where village = ${village} order by code`;
  for await (const rows of batchesOf<{ code: string }>(db, codes)) {
    yield rows.map(({ code }) => `account ${code}\n`).join('');
  }
  for await (const rows of batchesOf<TransactionView>(db, transactionsOf(village, period))) {
    yield rows.map(entry).join('');
  }
}

function entry(t: TransactionView): string {
  const tags = [`cause:${t.cause}`, `posted:${t.postedAt}`];
  if (t.reverses !== null) tags.push(`reverses:${t.reverses}`);
  const memo = t.memo === null ? '' : `    ; memo:${comment(t.memo)}\n`;
  const postings = t.transfers.map(
    ({ from, to, asset, amount }) =>
      `    ${to}    ${amount} ${commodity(asset)}\n    ${from}    -${amount} ${commodity(asset)}\n`,
  );
  return `\n${t.businessDate} (${t.number}) ${t.kind}  ; ${tags.join(', ')}\n${memo}${postings.join('')}`;
}

/** hledger takes letters as they are; digits and colons stand in quotes. */
function commodity(asset: string): string {
  return /^[A-Z]+$/.test(asset) ? asset : `"${asset}"`;
}

const lookalikes: Record<string, string> = { ';': '；', ',': '，', ':': '：', '[': '［', ']': '］' };

/** A text in which hledger finds no further line, comment, tag or date. */
function comment(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replaceAll(/[;,:[\]]/g, sign => lookalikes[sign]!);
}
