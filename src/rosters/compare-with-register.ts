import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { folded, numberKey } from '../households/folding.ts';
import type { Mistake } from './mistakes.ts';
import type { RosterHousehold } from './roster.ts';

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
  const byRow = await peopleOf(db, village, households);
  for (const { number, members, rows } of households) {
    const head = byNumber.get(numberKey(number));
    if (head !== undefined) {
      if (isSame(head, members[0])) there.add(number);
      else mistakes.push({ row: rows[0]!, column: 'number', code: 'number-taken', facts: {} });
      continue;
    }
    for (const [place, row] of rows.entries()) {
      const other = byRow.get(`${row} ${place}`);
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
function isSame(known: Head, listed: { name: string; idLast4?: string | null | undefined }): boolean {
  const isNamesake = folded(known.name) === folded(listed.name);
  return isNamesake && (!known.idLast4 || !listed.idLast4 || known.idLast4 === listed.idLast4);
}

/** Heads of households, by the number as it is compared. */
async function headsOf(db: Db, village: string, households: RosterHousehold[]): Promise<Map<string, Head>> {
  const numbers = households.map(({ number }) => numberKey(number));
  const rows = await rowsOf<Head & { number: string }>(
    db,
    sql`
    select h.number_key as number, m.name, m.id_last4 as "idLast4"
      from households.household h
      join households.member m on m.village = h.village and m.id = h.head_member_id
     where h.village = ${village} and h.number_key = any(${sql.param(numbers)}::text[])`,
  );
  return new Map(rows.map(row => [row.number, row]));
}

/** Numbers of the households, not closed, in which people of the roster are: by row and place in the household. */
async function peopleOf(db: Db, village: string, households: RosterHousehold[]): Promise<Map<string, string>> {
  const people = households.flatMap(({ members, rows }) =>
    rows.flatMap((row, place) => {
      const { name = '', idLast4, phone } = members[place] ?? {};
      return idLast4 || phone ? [{ at: `${row} ${place}`, name, idLast4, phone }] : [];
    }),
  );
  const rows = await rowsOf<{ at: string; number: string }>(
    db,
    sql`
    select p.at, min(h.number) as number
      from jsonb_to_recordset(${JSON.stringify(people)}::jsonb) p(at text, name text, "idLast4" text, phone text)
      join households.member m on m.village = ${village} and m.name_folded = households.folded(p.name)
       and households.same_person(m.id_last4, m.phone, p."idLast4", p.phone)
      join households.household h on h.village = m.village and h.id = m.household_id and h.state <> 'closed'
     group by p.at`,
  );
  return new Map(rows.map(({ at, number }) => [at, number]));
}
