import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso } from '../../src/calendar.ts';
import { arrearsAccount, householdAccount, redeemed } from '../../src/ledger/accounts.ts';
import { openAccounts, post } from '../../src/ledger/post.ts';
import type { Command } from '../../src/ledger/transactions.ts';
import { nobody, type Service, villages } from './service.ts';

/**
 * A household that owes points: they are lent to it, as before a reversal, and it keeps `kept` of them. What it keeps is
 * there beside what it owes, as in a book of before points that come in paid it.
 */
export async function owe(
  service: Service,
  householdId: string,
  points: number,
  { kept = 0, village = villages.own }: { kept?: number; village?: string } = {},
): Promise<void> {
  const now = service.clock.now();
  const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const of = (purpose: 'arrears' | 'available') => householdAccount(householdId, purpose);
  const move = (from: string, to: string, amount: number): Command => {
    const id = randomUUIDv7();
    return { id, kind: 'test', cause: `test:${id}`, ...event, transfers: [{ from, to, asset: 'PTS', amount }] };
  };
  const lent = [move(of('arrears'), of('available'), points)];
  if (kept < points) lent.push(move(of('available'), redeemed, points - kept));
  await service.inVillage(village, async tx => {
    await openAccounts(tx, village, [arrearsAccount(householdId)]);
    const results = await post(tx, village, lent, { atomic: true });
    if (results.some(({ status }) => status !== 'posted')) throw new Error(JSON.stringify(results));
  });
}
