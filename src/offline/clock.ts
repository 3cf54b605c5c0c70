import type { Op } from './signed-op.ts';

/** So much a good clock may be off without anybody asking. */
const toleranceMs = 5 * 60_000;

/**
 * When an operation happened: by the device's clock, put right by what it last knew of ours, and never before `earliest`
 * or after it reached us. `doubtful` where that moved it by more than five minutes.
 */
export function momentOf(
  op: Pick<Op, 'occurredAt' | 'clockOffsetMs'>,
  bounds: { earliest: Temporal.Instant; latest: Temporal.Instant },
): { at: Temporal.Instant; doubtful: boolean } {
  const said = Temporal.Instant.from(op.occurredAt).epochMilliseconds + (op.clockOffsetMs ?? 0);
  const latest = bounds.latest.epochMilliseconds;
  const at = Math.max(Math.min(said, latest), Math.min(bounds.earliest.epochMilliseconds, latest));
  return { at: Temporal.Instant.fromEpochMilliseconds(at), doubtful: Math.abs(at - said) > toleranceMs };
}
