import { and, asc, desc, eq, gt, or, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { division, grid, policy, village } from './tables.ts';

export interface VillageView {
  village: string;
  name: string;
  kind: string;
  provisional: boolean;
  openedOn: string;
}

const villageColumns = {
  village: village.village,
  name: division.name,
  kind: division.kind,
  provisional: division.provisional,
  openedOn: village.openedOn,
};

/** @throws Refusal `not-found` */
export async function getVillage(db: Db, code: string): Promise<VillageView> {
  return one(
    await db
      .select(villageColumns)
      .from(village)
      .innerJoin(division, eq(division.code, village.village))
      .where(eq(village.village, code)),
  );
}

/** True when the village keeps a book here. */
export async function villageExists(db: Db, code: string): Promise<boolean> {
  const rows = await db.select({ village: village.village }).from(village).where(eq(village.village, code));
  return rows.length === 1;
}

/** Villages in the caller's scope, by code. */
export async function listVillages(
  db: Db,
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<VillageView>> {
  const filters = { list: 'villages', of: actor.id };
  const start = after<[string]>(query.cursor, filters);
  const inScope = actor.grants.map(([, prefix]) => sql`starts_with(${village.village}, ${prefix})`);
  const rows = await db
    .select(villageColumns)
    .from(village)
    .innerJoin(division, eq(division.code, village.village))
    .where(and(or(...inScope), start && gt(village.village, start[0])))
    .orderBy(asc(village.village))
    .limit(query.limit + 1);
  return page(rows, query.limit, filters, row => [row.village]);
}

export type DivisionView = typeof division.$inferSelect;

/** Divisions below `parent` (or the provinces), as far as they lie in or above the caller's scope. */
export async function listDivisions(
  db: Db,
  actor: Actor,
  query: { parent?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<Page<DivisionView>> {
  const filters = { list: 'divisions', parent: query.parent ?? null };
  const start = after<[string]>(query.cursor, filters);
  const visible = actor.grants.map(
    ([, prefix]) =>
      sql`(starts_with(${division.code}, ${prefix}) or starts_with(${prefix}, rtrim(${division.code}, '0')))`,
  );
  const rows = await db
    .select()
    .from(division)
    .where(
      and(
        query.parent === undefined ? eq(division.level, 'province') : eq(division.parentCode, query.parent),
        or(...visible),
        start && gt(division.code, start[0]),
      ),
    )
    .orderBy(asc(division.code))
    .limit(query.limit + 1);
  return page(rows, query.limit, filters, row => [row.code]);
}

/** @throws Refusal `not-found` */
export async function getDivision(db: Db, code: string): Promise<DivisionView> {
  return one(await db.select().from(division).where(eq(division.code, code)));
}

export async function listGrids(db: Db, code: string): Promise<{ number: number; name: string }[]> {
  return db
    .select({ number: grid.number, name: grid.name })
    .from(grid)
    .where(eq(grid.village, code))
    .orderBy(asc(grid.number));
}

/** @throws Refusal `not-found` */
export async function getGrid(db: Db, code: string, number: number): Promise<{ number: number; name: string }> {
  return one(
    await db
      .select({ number: grid.number, name: grid.name })
      .from(grid)
      .where(and(eq(grid.village, code), eq(grid.number, number))),
  );
}

/** Every policy the village has set, the newest first. */
export async function listPolicies(db: Db, code: string) {
  const rows = await db
    .select()
    .from(policy)
    .where(eq(policy.village, code))
    .orderBy(desc(policy.validFrom))
    .limit(200);
  return rows.map(row => ({ ...row.policy, validFrom: row.validFrom }));
}

/** Which opened villages there are: for jobs, which then work one village at a time. */
export async function listOpenVillages(db: Db): Promise<string[]> {
  const rows = await rowsOf<{ village: string }>(db, sql`select village from villages.village order by village`);
  return rows.map(row => row.village);
}
