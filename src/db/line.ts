import pg from 'pg';

/*
 * The line to PostgreSQL. It breaks in two ways: it says so, or it falls silent, and then only a clock tells. Each wait lies
 * above that of PostgreSQL for the same thing, whose answer says more, and below the next: lock 2 s < statement 5 s < answer
 * 6 s < database transaction 8 s < handler 10 s < client 15 s.
 */

/** How long an answer is waited for. PostgreSQL gives up a statement after five seconds, and says so. */
export const answerMs = 6_000;

/**
 * Settings of node-postgres for every pool of the service. Where the other end is gone and nothing says so, keep-alives find
 * out about connections that wait for nothing.
 */
export const lineSettings = {
  query_timeout: answerMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/**
 * How long PostgreSQL may say nothing on the line of an export, which has no time limit of its own. To verify a book of a
 * million transactions, its first row is waited for for less.
 */
export const exportSilenceMs = 120_000;

/** What node-postgres says when no answer came in time; of an export it is for us to say. */
export function silence(): Error {
  return new Error('Query read timeout');
}

/** The PostgreSQL error in `error` or behind it: drizzle wraps what the driver throws. */
export function pgErrorOf(error: unknown): pg.DatabaseError | undefined {
  return causesOf(error).find(cause => cause instanceof pg.DatabaseError);
}

/**
 * Whether the database cannot be worked with for now, on this connection or at all: the line broke or is silent, PostgreSQL
 * is going away, full, or reads only. What was sent may have taken effect; trying it again at once is of no use.
 */
export function isOutOfReach(error: unknown): boolean {
  const code = pgErrorOf(error)?.code;
  if (code !== undefined) return isReadOnly(error) || /^(08|53|57P|58)/.test(code);
  return isSilent(error) || causesOf(error).some(isBroken);
}

/** Whether PostgreSQL reads only, as a standby does and a primary that has become one. */
export function isReadOnly(error: unknown): boolean {
  return pgErrorOf(error)?.code === '25006';
}

/** Whether no answer came in time. */
export function isSilent(error: unknown): boolean {
  return causesOf(error).some(({ message }) => message === silence().message);
}

/** What the network says of itself, and node-postgres of a connection that has gone. */
function isBroken({ code, message }: NodeJS.ErrnoException): boolean {
  return (
    /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENETRESET|ENOTCONN|ENOTFOUND|EAI_AGAIN|ERR_STREAM_DESTROYED)$/.test(
      code ?? '',
    ) ||
    /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout e(xceeded|xpired))/.test(
      message,
    )
  );
}

/** The error and those behind it, of which one that stands for several has more. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let e = error; e instanceof Error && causes.length < 20; e = e.cause) {
    causes.push(e);
    if (e instanceof AggregateError) causes.push(...e.errors.filter(one => one instanceof Error));
  }
  return causes;
}
