import { pipeline, Readable, Transform } from 'node:stream';
import canonicalize from 'canonicalize';
import { type SQL, sql } from 'drizzle-orm';
import { to as copyTo } from 'pg-copy-streams';
import { type TransactionView, transactionColumns } from '../book/transactions.ts';
import type { Db } from '../db/database.ts';
import type { Language } from '../http/problems.ts';
import { batchesOf } from './cursor.ts';
import type { Period } from './period.ts';

/** Transactions of a period by business day, and within a day in the order of the book. */
export function transactionsOf(village: string, period: Period): SQL {
  return sql`
    select ${transactionColumns}
      from ledger.transaction t
     where t.village = ${village} and t.business_date >= ${period.from} and t.business_date < ${period.to}
     order by t.business_date, t.number`;
}

/** One transaction a line, as JSON in its canonical form (RFC 8785). */
export function journalJsonl(db: Db, village: string, period: Period): Readable {
  return Readable.from(
    (async function* () {
      for await (const rows of batchesOf<TransactionView>(db, transactionsOf(village, period))) {
        yield rows.map(row => `${canonicalize(row)}\n`).join('');
      }
    })(),
    { objectMode: false },
  );
}

const columns: [name: string, title: string, expression: string][] = [
  ['number', '凭证号', 't.number'],
  ['businessDate', '业务日期', 't.business_date'],
  ['occurredAt', '发生时间', inShanghai('t.occurred_at')],
  ['postedAt', '入账时间', inShanghai('t.posted_at')],
  ['kind', '事项', 't.kind'],
  ['cause', '事由', 'audit.cell(t.cause)'],
  ['line', '行', 'r.line'],
  ['asset', '资产', 'r.asset'],
  ['amount', '金额', 'r.amount'],
  ['from', '转出账户', 'f.code'],
  ['fromBalance', '转出后余额', 'r.from_balance'],
  ['to', '转入账户', 'g.code'],
  ['toBalance', '转入后余额', 'r.to_balance'],
  ['actorId', '经办', 't.actor'],
  ['approverId', '复核', 't.approver'],
  ['reverses', '冲正凭证号', 't.reverses'],
  ['ruleCode', '细则', `audit.cell(t.frozen ->> 'ruleCode')`],
  ['memo', '备注', 'audit.cell(t.memo)'],
  ['hash', '校验', `encode(t.hash, 'hex')`],
];

/** One transfer a row, straight out of PostgreSQL: nothing of it passes through this process but its bytes. */
export function journalCsv(db: Db, village: string, period: Period, language: Language): Readable {
  const client = db.$client;
  const rows = client.query(copyTo(journalRows(client, village, period, language)));
  // A connection that is closed in the midst of its answer tells the query so, when nobody listens any more.
  rows.on('error', () => undefined);
  const body = forSpreadsheets();
  pipeline(rows, body, () => undefined);
  return body;
}

/** The rows as `COPY` gives them; it takes no parameters, so `client` escapes them. */
export function journalRows(
  client: { escapeLiteral(text: string): string },
  village: string,
  period: Period,
  language: Language,
): string {
  const [v, from, to] = [village, period.from, period.to].map(text => client.escapeLiteral(text));
  const titled = columns.map(([name, title, expression]) => `${expression} as "${language === 'en' ? name : title}"`);
  return `copy (
      select ${titled.join(', ')}
        from ledger.transaction t
       cross join lateral (select * from ledger.transfer where village = ${v} and number = t.number offset 0) r
       cross join lateral (select code from ledger.account where village = ${v} and number = r.from_account offset 0) f
       cross join lateral (select code from ledger.account where village = ${v} and number = r.to_account offset 0) g
       where t.village = ${v} and t.business_date >= ${from} and t.business_date < ${to}
       order by t.business_date, t.number, r.line
    ) to stdout with (format csv, header true, encoding 'UTF8')`;
}

/** Puts a BOM before, and CR before every LF: no cell holds one (`audit.cell`). */
function forSpreadsheets(): Transform {
  let begun = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bom = begun ? '' : '\u00ef\u00bb\u00bf';
      begun = true;
      // latin1 gives every byte back as it was.
      done(null, Buffer.from(bom + chunk.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'));
    },
  });
}

function inShanghai(column: string): string {
  return `to_char(${column} at time zone 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+08:00"')`;
}
