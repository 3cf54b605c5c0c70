import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso, startOf } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed } from '../refusals.ts';
import { type AwardResult, awardEach } from './award.ts';
import { type AwardLine, readContexts } from './validate-award.ts';

/** A sheet of awards; what it says at its head holds for every line that does not say otherwise. */
interface Sheet {
  mode: 'atomic' | 'perItem';
  businessDate?: string | undefined;
  occurredAt?: string | undefined;
  occasion?: string | undefined;
  lines: AwardLine[];
}

/**
 * Awards a sheet, line by line. The lines of one sheet share a batch id. With `atomic`, a refused line undoes all when
 * the caller throws, as it then must.
 */
export async function awardSheet(
  tx: Tx,
  actor: Actor,
  village: string,
  sheet: Sheet,
  now: Temporal.Instant,
): Promise<{ batchId: string; results: AwardResult[] }> {
  const batchId = randomUUIDv7();
  const occurredAt = occurredAtOf(sheet, now);
  const lines = sheet.lines.map(line => ({
    ...line,
    occurredAt: line.occurredAt ?? occurredAt,
    occasion: line.occasion ?? sheet.occasion,
  }));
  const atomic = sheet.mode === 'atomic';
  const inputs = lines.map(line => ({ actor, village, line }));
  const results = await awardEach(tx, inputs, await readContexts(tx, inputs), { atomic, batchId }, now);
  return { batchId, results };
}

/** Of a day that is named without an hour: this moment if it is today, else the day's first. */
function occurredAtOf({ businessDate, occurredAt }: Sheet, now: Temporal.Instant): string | undefined {
  if (businessDate === undefined) return occurredAt;
  if (occurredAt !== undefined) {
    throw malformed('/businessDate', 'not', {
      zh: '业务日期和发生时间只能填一项。',
      en: 'Provide either businessDate or occurredAt.',
    });
  }
  const day = Temporal.PlainDate.from(businessDate);
  return iso(day.equals(dayOf(now)) ? now : startOf(day));
}
