import { and, asc, eq, exists, gt, isNull, like, or, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor, Role } from '../http/route.ts';
import { grant, user } from './tables.ts';

export interface UserView {
  id: string;
  login: string;
  name: string;
  state: 'active' | 'disabled';
  grants: { id: string; role: Role; prefix: string; until: string | null }[];
  createdAt: string;
}

/** @throws Refusal `not-found` */
export async function getUser(db: Db, id: string, now: Temporal.Instant): Promise<UserView> {
  const row = one(await db.select().from(user).where(eq(user.id, id)));
  return { ...viewOf(row), grants: await openGrants(db, id, now) };
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
    .filter(([role]) => ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'].includes(role))
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
  return {
    ...listed,
    data: await Promise.all(
      listed.data.map(async row => ({ ...viewOf(row), grants: await openGrants(db, row.id, now) })),
    ),
  };
}

async function openGrants(db: Db, userId: string, now: Temporal.Instant): Promise<UserView['grants']> {
  return db
    .select({ id: grant.id, role: grant.role, prefix: grant.prefix, until: grant.until })
    .from(grant)
    .where(and(eq(grant.userId, userId), isNull(grant.endedAt), or(isNull(grant.until), gt(grant.until, iso(now)))))
    .orderBy(grant.role, grant.prefix);
}

function viewOf(row: typeof user.$inferSelect): Omit<UserView, 'grants'> {
  return { id: row.id, login: row.login, name: row.name, state: row.state, createdAt: row.createdAt };
}
