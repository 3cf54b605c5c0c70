import { listPoliciesFrom } from '../villages/policy.ts';
import type { ExchangeDay } from '../villages/policy-settings.ts';
import type { Read } from './entry.ts';

interface PolicyEntry {
  id: string;
  validFrom: string | null;
  exchangeDays: ExchangeDay[];
  exchangeDayMaxVisits: number | null;
  redemptionsPerDay: number;
  pinAbovePoints: number;
  reservationMinutes: number;
  pickupDays: number;
}

/** Days of exchange and limits of today, and those that follow. */
export const policies: Read<PolicyEntry> = async (db, { village, today }) =>
  (await listPoliciesFrom(db, village, today)).map(policy => ({
    id: policy.validFrom ?? 'default',
    validFrom: policy.validFrom,
    exchangeDays: policy.exchangeDays,
    exchangeDayMaxVisits: policy.exchangeDayMaxVisits,
    redemptionsPerDay: policy.redemptionsPerDay,
    pinAbovePoints: policy.pinAbovePoints,
    reservationMinutes: policy.reservationMinutes,
    pickupDays: policy.pickupDays,
  }));
