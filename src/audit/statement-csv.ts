import { pipeline, Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import { zone } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import type { Language } from '../http/problems.ts';
import { batchesOf } from './cursor.ts';
import { type StatementEntry, type StatementFrame, statementEntries } from './statement.ts';
import { kindTitle } from './titles.ts';

const columns: [name: string, title: string][] = [
  ['transactionNumber', '凭证号'],
  ['businessDate', '业务日期'],
  ['occurredAt', '发生时间'],
  ['postedAt', '入账时间'],
  ['kind', '事项'],
  ['counterAccountCode', '对方账户'],
  ['amount', '金额'],
  ['balance', '余额'],
  ['cause', '事由'],
  ['ruleCode', '细则'],
  ['memo', '备注'],
];

/**
 * A statement as a table for spreadsheets (RFC 4180, UTF-8 with BOM): opening, entries, closing. A text that begins like
 * a formula gets a leading ', numbers stay numbers.
 */
export function statementCsv(db: Db, frame: StatementFrame, language: Language): Readable {
  const chinese = language === 'zh-CN';
  const rows = stringify({
    bom: true,
    record_delimiter: '\r\n',
    escape_formulas: true,
    header: true,
    columns: columns.map(([key, title]) => ({ key, header: chinese ? title : key })),
  });
  pipeline(Readable.from(lines(db, frame, chinese)), rows, () => undefined);
  return rows;
}

async function* lines(db: Db, frame: StatementFrame, chinese: boolean) {
  yield { businessDate: frame.from, kind: chinese ? '期初余额' : 'opening', balance: frame.opening };
  for await (const entries of batchesOf<StatementEntry>(db, statementEntries(frame))) {
    for (const entry of entries) {
      yield {
        ...entry,
        kind: chinese ? kindTitle(entry.kind) : entry.kind,
        occurredAt: inShanghai(entry.occurredAt),
        postedAt: inShanghai(entry.postedAt),
      };
    }
  }
  // The last day that is in it: the period's end is the first day of the next.
  const lastDay = Temporal.PlainDate.from(frame.to).subtract({ days: 1 }).toString();
  yield { businessDate: lastDay, kind: chinese ? '期末余额' : 'closing', balance: frame.closing };
  for (const { frozenOn, reason, unfrozenOn } of frame.freezes) {
    yield { businessDate: frozenOn, kind: chinese ? '冻结' : 'frozen', memo: reason };
    if (unfrozenOn !== null) yield { businessDate: unfrozenOn, kind: chinese ? '解冻' : 'unfrozen' };
  }
}

/** The clock on the village's wall, with its distance from UTC. */
function inShanghai(instant: string): string {
  return Temporal.Instant.from(instant).toString({ timeZone: zone, fractionalSecondDigits: 3 });
}
