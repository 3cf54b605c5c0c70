import { once } from 'node:events';
import { connect } from 'node:net';
import { to as copyTo } from 'pg-copy-streams';
import { journalRows } from '../src/audit/journal.ts';
import type { Period } from '../src/audit/period.ts';
import { connectAsApp, type Fixture } from './fixture.ts';
import { residentBytes } from './service-process.ts';
import { requestText } from './wire.ts';

/** What came of reading a journal: how much, how fast, and the most memory the service held meanwhile. */
export interface Reading {
  bytes: number;
  seconds: number;
}

/** A journal as CSV through HTTP, thrown away as it comes. */
export async function journalThroughHttp(
  port: number,
  token: string,
  village: string,
  period: Period,
): Promise<Reading> {
  const begin = performance.now();
  const socket = connect({ port, host: '127.0.0.1' });
  const path = `/v1/villages/${village}/journal?format=csv&from=${period.from}&to=${period.to}`;
  socket.write(requestText('GET', path, [`authorization: Bearer ${token}`, 'connection: close']));
  let bytes = 0;
  let head = '';
  let tail = '';
  socket.on('data', chunk => {
    if (bytes === 0) head = chunk.toString('latin1', 0, 200);
    bytes += chunk.length;
    tail = `${tail}${chunk.toString('latin1', Math.max(0, chunk.length - 5))}`.slice(-5);
  });
  await once(socket, 'end');
  // The last chunk of a chunked body (RFC 9112, section 7.1) says that nothing was cut off.
  if (!head.startsWith('HTTP/1.1 200') || tail !== '0\r\n\r\n') throw new Error(`the journal was cut off: ${head}`);
  return { bytes, seconds: (performance.now() - begin) / 1000 };
}

/** The same rows and columns by `COPY … TO STDOUT`, thrown away as they come. */
export async function journalByCopy(fixture: Fixture, village: string, period: Period): Promise<Reading> {
  const client = await connectAsApp(fixture);
  // Five million rows take longer than what the role allows a statement.
  await client.query(
    "select set_config(name, '0', false) from pg_settings where name in ('statement_timeout', 'transaction_timeout')",
  );
  const begin = performance.now();
  const rows = client.query(copyTo(journalRows(client, village, period, 'zh-CN')));
  let bytes = 0;
  rows.on('data', chunk => {
    bytes += chunk.length;
  });
  await once(rows, 'end');
  const seconds = (performance.now() - begin) / 1000;
  await client.end();
  return { bytes, seconds };
}

/** The most memory process `pid` held above what it holds now, while `work` is done; null where it cannot be seen. */
export async function growthWhile<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; growth: number | null }> {
  const before = await residentBytes(pid);
  let most = before ?? 0;
  const watch = setInterval(async () => {
    most = Math.max(most, (await residentBytes(pid)) ?? 0);
  }, 100);
  try {
    const result = await work();
    return { result, growth: before === null ? null : most - before };
  } finally {
    clearInterval(watch);
  }
}
