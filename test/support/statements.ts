import pg from 'pg';

/**
 * Records the text of every statement this process sends to PostgreSQL, in order, until `stop`. It listens at the driver,
 * so the service runs unchanged.
 */
export function recordStatements(): { texts: string[]; stop(): void } {
  const texts: string[] = [];
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [asked] = args as [string | { text?: string }];
    texts.push(typeof asked === 'string' ? asked : (asked.text ?? ''));
    return (query as (...args: unknown[]) => unknown).apply(this, args);
  } as typeof query;
  return {
    texts,
    stop() {
      pg.Client.prototype.query = query;
    },
  };
}
