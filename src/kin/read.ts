import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { type Actor, holds } from '../http/route.ts';
import { getUser } from '../identity/read.ts';
import { Refusal } from '../refusals.ts';

export interface KinEntry {
  householdId: string;
  /** The person's own household, or that of declared kin. */
  relation: 'own' | 'kin';
}

export interface KinView {
  userId: string;
  data: (KinEntry & { householdNumber: string; declaredBy: string; declaredAt: string })[];
}

export interface KinKey {
  village: string;
  userId: string;
}

/**
 * Households that a person keeps out of, by number. Everybody sees their own; those who appoint see others'.
 * @throws Refusal `not-found`
 */
export async function getKin(db: Db, actor: Actor, key: KinKey, now: Temporal.Instant): Promise<KinView> {
  await refuseStranger(db, actor, key, now);
  return viewOf(db, key);
}

/** Whoever is neither the person nor somebody who appoints is told what they would be told of nobody. */
export async function refuseStranger(db: Db, actor: Actor, { village, userId }: KinKey, now: Temporal.Instant) {
  if (actor.id !== userId && !holds(actor, village, ['villageAdmin', 'supervisor'])) throw new Refusal('not-found');
  const { grants } = await getUser(db, userId, now);
  if (!grants.some(({ prefix }) => village.startsWith(prefix))) throw new Refusal('not-found');
}

export async function viewOf(db: Db, { village, userId }: KinKey): Promise<KinView> {
  const data = await rowsOf<KinView['data'][number]>(
    db,
    sql`
    select k.household_id as "householdId", h.number as "householdNumber", k.relation, k.declared_by as "declaredBy",
           to_char(k.declared_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "declaredAt"
      from households.kin k
      join households.household h on h.village = k.village and h.id = k.household_id
     where k.village = ${village} and k.user_id = ${userId} and k.ended_at is null
     order by h.number`,
  );
  return { userId, data };
}
