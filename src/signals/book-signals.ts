import type { Db } from '../db/database.ts';
import { listUnsound } from '../verification/read.ts';
import type { Signal, Span } from './signal.ts';

/** Discrepancies that the service found by itself: one signal, however often the same was found. */
export async function bookSignals(db: Db, { village, fromAt, toAt }: Span): Promise<Signal[]> {
  const unsound = await listUnsound(db, village, { fromAt, toAt });
  const [last] = unsound;
  if (last === undefined) return [];
  const failed = last.checks.filter(({ ok }) => !ok);
  const count = failed.reduce((sum, { findings }) => sum + findings.length, 0);
  return [
    {
      kind: 'bookUnsound',
      severity: 100,
      zh: `系统核账发现差异 ${count} 处`,
      en: `The service found ${count} discrepancies when it verified the book`,
      evidence: {
        userIds: [],
        householdIds: [],
        awardIds: [],
        reversalIds: [],
        claimIds: [],
        photoIds: [],
        redemptionIds: [],
        kioskIds: [],
        count,
        of: null,
        points: null,
        limit: null,
        firstAt: unsound.at(-1)!.checkedAt,
        lastAt: last.checkedAt,
      },
    },
  ];
}
