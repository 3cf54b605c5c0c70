import { and, asc, eq, gt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Heartbeat, kiosk } from './tables.ts';

export type KioskRow = typeof kiosk.$inferSelect;

export type KioskView = { heartbeat: (Heartbeat & { at: string }) | null } & Omit<
  KioskRow,
  | 'unknownCards'
  | 'unknownCardsSince'
  | 'wrongPins'
  | 'wrongPinsSince'
  | 'pairedBy'
  | 'publicKey'
  | 'heartbeat'
  | 'heartbeatAt'
>;

/** The device with all that is kept of it. @throws Refusal `not-found` */
export async function getKioskRow(db: Db, village: string, id: string): Promise<KioskRow> {
  return one(
    await db
      .select()
      .from(kiosk)
      .where(and(eq(kiosk.village, village), eq(kiosk.id, id))),
  );
}

/** @throws Refusal `not-found` */
export async function getKiosk(db: Db, village: string, id: string): Promise<KioskView> {
  return kioskView(
    one(
      await db
        .select()
        .from(kiosk)
        .where(and(eq(kiosk.village, village), eq(kiosk.id, id))),
    ),
  );
}

/** The village's devices by code, retired ones too. */
export async function listKiosks(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<KioskView>> {
  const filters = { list: 'kiosks', village };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(kiosk)
    .where(and(eq(kiosk.village, village), start && gt(kiosk.code, start[0])))
    .orderBy(asc(kiosk.code))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.code]);
  return { ...listed, data: listed.data.map(kioskView) };
}

export function kioskView({
  unknownCards,
  unknownCardsSince,
  wrongPins,
  wrongPinsSince,
  pairedBy,
  publicKey,
  heartbeat,
  heartbeatAt,
  ...row
}: KioskRow): KioskView {
  return { ...row, heartbeat: heartbeat && { ...heartbeat, at: heartbeatAt! } };
}
