import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import type { Mistake } from './mistakes.ts';
import { keyOf, type RosterHousehold } from './roster.ts';

/**
 * Holds households of a roster against the village's register: which of them are there already, under the same number and
 * with the same head, and what speaks against the others.
 */
export async function compareWithRegister(
  db: Db,
  village: string,
  households: RosterHousehold[],
): Promise<{ there: Set<string>; mistakes: Mistake[] }> {
  const there = new Set<string>();
  const mistakes: Mistake[] = [];
  const byNumber = await headsOf(db, village, households);
  const byPerson = await peopleOf(db, village, households);
  for (const { number, members, rows } of households) {
    const head = byNumber.get(number);
    if (head !== undefined) {
      if (isSame(head, members[0])) there.add(number);
      else mistakes.push({ row: rows[0]!, column: 'number', code: 'number-taken', facts: {} });
      continue;
    }
    for (const [place, row] of rows.entries()) {
      const key = members[place] && keyOf(members[place]);
      const other = key && byPerson.get(key);
      if (!other) continue;
      const column = place === 0 ? 'head_name' : 'member_name';
      mistakes.push({ row, column, code: 'person-elsewhere', facts: { number: other } });
    }
  }
  return { there, mistakes };
}

interface Head {
  name: string;
  idLast4: string | null;
}

/** Where both say how the ID number ends, that is to be the same as well. */
function isSame(known: Head, said: { name: string; idLast4?: string | null | undefined }): boolean {
  return known.name === said.name && (!known.idLast4 || !said.idLast4 || known.idLast4 === said.idLast4);
}

async function headsOf(db: Db, village: string, households: RosterHousehold[]): Promise<Map<string, Head>> {
  const numbers = households.map(({ number }) => number);
  const rows = await rowsOf<Head & { number: string }>(
    db,
    sql`
    select h.number, m.name, m.id_last4 as "idLast4"
      from households.household h
      join households.member m on m.village = h.village and m.id = h.head_member_id
     where h.village = ${village} and h.number = any(${sql.param(numbers)}::text[])`,
  );
  return new Map(rows.map(row => [row.number, row]));
}

/** Numbers of the households, not closed, in which people of the roster are. */
async function peopleOf(db: Db, village: string, households: RosterHousehold[]): Promise<Map<string, string>> {
  const people = households.flatMap(({ members }) => members.filter(member => member.idLast4));
  const rows = await rowsOf<Head & { number: string }>(
    db,
    sql`
    select p.name, p."idLast4", h.number
      from jsonb_to_recordset(${JSON.stringify(people)}::jsonb) p(name text, "idLast4" text)
      join households.member m on m.village = ${village} and m.name = p.name and m.id_last4 = p."idLast4"
      join households.household h on h.village = m.village and h.id = m.household_id and h.state <> 'closed'`,
  );
  return new Map(rows.map(row => [keyOf(row)!, row.number]));
}
