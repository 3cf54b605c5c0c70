import { and, eq, ne, sql } from 'drizzle-orm';
import { maskName } from '../households/masking.ts';
import { household, member } from '../households/tables.ts';
import type { Read } from './entry.ts';

interface HouseholdEntry {
  id: string;
  number: string;
  /** Masked. */
  headName: string;
  state: 'active' | 'frozen';
  hasPin: boolean;
}

/** The register as a kiosk needs it to greet somebody. Closed households are gone. */
export const households: Read<HouseholdEntry> = async (db, { village }) => {
  const rows = await db
    .select({
      id: household.id,
      number: household.number,
      headName: member.name,
      state: household.state,
      hasPin: sql<boolean>`${household.pinHash} is not null`,
    })
    .from(household)
    .innerJoin(member, and(eq(member.village, household.village), eq(member.id, household.headMemberId)))
    .where(and(eq(household.village, village), ne(household.state, 'closed')));
  return rows.map(row => ({ ...row, headName: maskName(row.headName), state: row.state as HouseholdEntry['state'] }));
};
