import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { isRefusalCode, refusals } from '../../src/refusals.ts';
import type { Reply } from '../support/service.ts';
import { patienceMs } from '../support/waiting.ts';

/** What the calls of a storm were answered. Whatever is `unexpected` is a finding. */
export interface Seen {
  success: number;
  refused: Record<string, number>;
  /** It may have happened, or not. */
  unknown: number;
  unexpected: string[];
}

export function nothingSeen(): Seen {
  return { success: 0, refused: {}, unknown: 0, unexpected: [] };
}

export type Send = (method: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;

/**
 * Each answer is a success, a refusal by a name that is on the list, or openly unknown. A line that breaks is unknown, and
 * so is whoever says that it is busy; nothing else is.
 */
export function classify(answer: Reply | Error): 'success' | 'refused' | 'unknown' | 'unexpected' {
  if (answer instanceof Error) return 'unknown';
  if (answer.status >= 200 && answer.status < 300) return 'success';
  const code = answer.body?.code;
  if (typeof code !== 'string' || !isRefusalCode(code) || code === 'internal-error') return 'unexpected';
  if (refusals[code].status !== answer.status) return 'unexpected';
  return code === 'unavailable' || code === 'idempotency-in-progress' ? 'unknown' : 'refused';
}

/** Calls once and counts what came. */
export async function ask(seen: Seen, send: () => Promise<Reply>): Promise<Reply | undefined> {
  const answer = await send().catch((error: Error) => error);
  const kind = classify(answer);
  if (kind === 'success' || kind === 'unknown') seen[kind] += 1;
  else if (kind === 'refused') {
    const { code } = (answer as Reply).body;
    seen.refused[code] = (seen.refused[code] ?? 0) + 1;
  } else seen.unexpected.push(`${(answer as Reply).status} ${(answer as Reply).text.slice(0, 300)}`);
  return answer instanceof Error || kind === 'unknown' ? undefined : answer;
}

/**
 * Calls until the outcome is known, or the caller has given up. Whoever sends the same key each time may do so.
 * @param options.abandoned whether the caller has given up
 */
export async function settle(
  seen: Seen,
  send: () => Promise<Reply>,
  options: { pauseMs: number; abandoned?: () => boolean },
): Promise<Reply | undefined> {
  const tooLate = AbortSignal.timeout(patienceMs);
  while (!tooLate.aborted) {
    const answer = await ask(seen, send);
    if (answer !== undefined || options.abandoned?.() === true) return answer;
    await wait(options.pauseMs);
  }
  seen.unexpected.push(`unknown for ${patienceMs} ms`);
  return undefined;
}

/** Calls over TCP. What is not answered in time is given up, as a client would. */
export function overTcp(
  origin: string,
  token: string,
  options: { timeoutMs: number; keepAlive?: boolean },
): Send & { close(): void } {
  const agent = new Agent({ keepAlive: options.keepAlive ?? false });
  const send: Send = (method, url, body, headers) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? '' : JSON.stringify(body);
      const call = request(
        `${origin}${url}`,
        {
          agent,
          method,
          signal: AbortSignal.timeout(options.timeoutMs),
          headers: {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
            ...(method === 'POST' && { 'content-length': Buffer.byteLength(payload) }),
            ...headers,
          },
        },
        answer => {
          const parts: Buffer[] = [];
          answer.on('data', part => parts.push(part)).on('error', reject);
          answer.on('end', () => resolve(replyOf(answer.statusCode!, answer.headers, Buffer.concat(parts).toString())));
        },
      );
      call.on('error', reject);
      call.end(payload);
    });
  return Object.assign(send, { close: () => agent.destroy() });
}

function replyOf(status: number, headers: object, text: string): Reply {
  const typed = headers as Record<string, string | undefined>;
  const isJson = /json\b/.test(typed['content-type'] ?? '') && text !== '';
  return { status, headers: typed, text, body: isJson ? JSON.parse(text) : null };
}

/** For a table: what was seen, in numbers. */
export function countsOf(seen: Seen): Record<string, number> {
  return { success: seen.success, unknown: seen.unknown, ...seen.refused, findings: seen.unexpected.length };
}
