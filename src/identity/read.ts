import { and, asc, eq, exists, gt, inArray, isNotNull, isNull, like, or, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, holds, type Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { grant, secondFactor, user } from './tables.ts';

/** Who may look at the accounts of others, each within the prefix of that very grant. */
export const userReaders: readonly Role[] = ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'];

export interface UserView {
  id: string;
  login: string;
  name: string;
  state: 'active' | 'disabled';
  /** Until when a one-time password can be exchanged for an own one; null once it has been. */
  oneTimePasswordUntil: string | null;
  secondFactor: boolean;
  grants: { id: string; role: Role; prefix: string; state: 'active' | 'proposed'; until: string | null }[];
  createdAt: string;
}

/** @throws Refusal `not-found` */
export async function getUser(db: Db, id: string, now: Temporal.Instant): Promise<UserView> {
  const row = one(await db.select().from(user).where(eq(user.id, id)));
  return viewOf(row, await openGrants(db, [id], now), await withSecondFactor(db, [id]));
}

/** A user with a grant that one of the caller's own reaches over. @throws Refusal `not-found` */
export async function getReadable(db: Db, actor: Actor, id: string, now: Temporal.Instant): Promise<UserView> {
  const view = await getUser(db, id, now);
  if (!view.grants.some(held => holds(actor, held.prefix, userReaders))) throw new Refusal('not-found');
  return view;
}

/** Users with a grant inside the caller's own prefixes, by login. */
export async function listUsers(
  db: Db,
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
  now: Temporal.Instant,
): Promise<Page<UserView>> {
  const filters = { list: 'users', of: actor.id };
  const start = after<[string]>(query.cursor, filters);
  const inScope = actor.grants
    .filter(([role]) => userReaders.includes(role))
    .map(([, prefix]) => like(grant.prefix, `${prefix}%`));
  const rows = await db
    .select()
    .from(user)
    .where(
      and(
        start && gt(user.login, start[0]),
        exists(
          db
            .select({ one: sql`1` })
            .from(grant)
            .where(and(eq(grant.userId, user.id), isNull(grant.endedAt), or(...inScope))),
        ),
      ),
    )
    .orderBy(asc(user.login))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.login]);
  const ids = listed.data.map(row => row.id);
  const grants = ids.length === 0 ? [] : await openGrants(db, ids, now);
  const factors = ids.length === 0 ? new Set<string>() : await withSecondFactor(db, ids);
  return { ...listed, data: listed.data.map(row => viewOf(row, grants, factors)) };
}

async function withSecondFactor(db: Db, userIds: string[]): Promise<Set<string>> {
  const rows = await db
    .select({ userId: secondFactor.userId })
    .from(secondFactor)
    .where(and(inArray(secondFactor.userId, userIds), isNotNull(secondFactor.setAt)));
  return new Set(rows.map(row => row.userId));
}

async function openGrants(db: Db, userIds: string[], now: Temporal.Instant) {
  return db
    .select({
      userId: grant.userId,
      id: grant.id,
      role: grant.role,
      prefix: grant.prefix,
      state: sql<'active' | 'proposed'>`case when ${grant.proposed} then 'proposed' else 'active' end`,
      until: grant.until,
    })
    .from(grant)
    .where(
      and(inArray(grant.userId, userIds), isNull(grant.endedAt), or(isNull(grant.until), gt(grant.until, iso(now)))),
    )
    .orderBy(grant.role, grant.prefix);
}

function viewOf(
  row: typeof user.$inferSelect,
  grants: Awaited<ReturnType<typeof openGrants>>,
  factors: Set<string>,
): UserView {
  const { id, login, name, state, oneTimeUntil, createdAt } = row;
  const held = grants.filter(({ userId }) => userId === id).map(({ userId: _, ...one }) => one);
  const secondFactor = factors.has(id);
  return { id, login, name, state, oneTimePasswordUntil: oneTimeUntil, secondFactor, grants: held, createdAt };
}
