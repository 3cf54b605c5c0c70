import { and, eq, isNull } from 'drizzle-orm';
import { goods as table } from '../store/tables.ts';
import type { Read } from './entry.ts';

interface GoodsEntry {
  id: string;
  sku: string;
  name: string;
  nameEn: string | null;
  unit: string;
  barcode: string | null;
  category: string;
  isService: boolean;
}

/** The catalogue. Archived goods are gone. */
export const goods: Read<GoodsEntry> = (db, { village }) =>
  db
    .select({
      id: table.id,
      sku: table.sku,
      name: table.name,
      nameEn: table.nameEn,
      unit: table.unit,
      barcode: table.barcode,
      category: table.category,
      isService: table.isService,
    })
    .from(table)
    .where(and(eq(table.village, village), isNull(table.archivedAt)));
