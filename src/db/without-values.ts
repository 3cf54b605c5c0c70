import { pgErrorOf } from './line.ts';

/**
 * An error as it may stand in a log or a queue. A failed query quotes its parameters, and PostgreSQL the row that it
 * refused: both are full of names. Of these only what went wrong and where is left; any other error stays as it is.
 */
export function withoutValues(error: unknown): unknown {
  const behind = pgErrorOf(error);
  if (behind === undefined) return error;
  const told = new Error(`PostgreSQL: ${behind.code} ${behind.constraint ?? behind.message}`);
  // From the first frame on: what stands above it is the message.
  const frames = (error as Error).stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? [];
  told.stack = [`Error: ${told.message}`, ...frames].join('\n');
  return told;
}
