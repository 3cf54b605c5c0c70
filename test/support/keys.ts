/**
 * Takes the lock on an Idempotency-Key until the database transaction ends, as a call does in another process that is
 * still running.
 */
export async function lockKey(
  client: { query(text: string, values: unknown[]): Promise<unknown> },
  { village, owner, key }: { village: string; owner: string; key: string },
): Promise<void> {
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`key ${village} ${owner} ${key}`]);
}
