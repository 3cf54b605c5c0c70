import { sql } from 'drizzle-orm';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';

/**
 * Refuses whom the case of an award went through: who entered it, decided on it, published it or lodged something about
 * it. Asks what the database asks of the decision itself.
 * @throws Refusal `second-person-required`
 */
export async function refuseHands(tx: Tx, village: string, awardId: string, actor: Actor): Promise<void> {
  const [asked] = await rowsOf<{ hand: boolean }>(
    tx,
    sql`select ${actor.id} = any(publicity.hands_of(${village}, ${awardId})) as hand`,
  );
  if (asked!.hand) throw new Refusal('second-person-required');
}

/** Refuses kin of the household, and of those that object. @throws Refusal `own-household` */
export async function refuseKin(tx: Tx, village: string, awardId: string, actor: Actor): Promise<void> {
  const [asked] = await rowsOf<{ kin: boolean }>(
    tx,
    sql`select publicity.is_kin_in(${village}, ${actor.id}, ${awardId}) as kin`,
  );
  if (asked!.kin) throw new Refusal('own-household');
}
