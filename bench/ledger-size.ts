import { type Fixture, onClient } from './fixture.ts';

/** Bytes of each table of the ledger, indexes included, and how many transactions there are. */
export interface LedgerSize {
  transactions: number;
  bytes: Record<string, number>;
}

export function ledgerSize(fixture: Fixture): Promise<LedgerSize> {
  return onClient(fixture.ownerUrl, async client => {
    const { rows } = await client.query(`
      select relname as name, pg_total_relation_size(oid)::float8 as bytes
        from pg_class where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p') order by relname`);
    const counted = await client.query('select coalesce(sum(number), 0)::float8 as transactions from ledger.book');
    return {
      transactions: counted.rows[0].transactions,
      bytes: Object.fromEntries(rows.map(row => [row.name, row.bytes])),
    };
  });
}

/** What each transaction between two sizes took, by table and in all. */
export function bytesBetween(before: LedgerSize, after: LedgerSize) {
  const transactions = after.transactions - before.transactions;
  const byTable = Object.entries(after.bytes).map(([name, bytes]) => {
    return [name, Math.round((bytes - (before.bytes[name] ?? 0)) / transactions)] as const;
  });
  return {
    bytesPerTransaction: byTable.reduce((sum, [, bytes]) => sum + bytes, 0),
    bytesPerTransactionByTable: Object.fromEntries(byTable),
  };
}
