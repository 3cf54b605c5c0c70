import type { Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type Calling, recogniseDevice } from './device.ts';

/**
 * Refuses devices that may not be used, and those whose app is older than this installation's oldest: of the versions they have
 * named last, at their pairing or in a heartbeat. What a suspended device may still do, an old one may, too.
 */
export function recognising(minClientVersion: string | null) {
  return async (tx: Tx, device: Calling, now: Temporal.Instant): Promise<void> => {
    const { appVersion } = await recogniseDevice(tx, device, now);
    if (!device.whileSuspended) refuseOldClient(appVersion, minClientVersion);
  };
}

/** @throws Refusal `client-upgrade-required` (facts: `minClientVersion`) */
export function refuseOldClient(appVersion: string, minClientVersion: string | null): void {
  if (minClientVersion === null || !isOlder(appVersion, minClientVersion)) return;
  throw new Refusal('client-upgrade-required', { minClientVersion });
}

/** By major, minor and patch; a version that is written otherwise is older than every other. */
function isOlder(version: string, than: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(than)];
  const differs = a.findIndex((number, place) => number !== b[place]);
  return differs !== -1 && a[differs]! < b[differs]!;
}

function numbersOf(version: string): number[] {
  const [, ...numbers] = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?![0-9])/.exec(version) ?? ['', '-1', '-1', '-1'];
  return numbers.map(Number);
}
