import { sql } from 'drizzle-orm';
import { rowsOf, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';

/**
 * Lets one database transaction at a time look in a village's register for a person and enrol who is not there. No key
 * could: of two people with one name and one end of the ID number, both may be meant. Taken before the book is opened.
 */
export async function lockRegister(tx: Tx, village: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`households:${village}`}, 0))`);
}

/**
 * Whether somebody of these people is in the register already, or stands among them twice: the same name, as names are
 * compared, and the same person (`households.same_person`). To be called with the register locked.
 * @param except somebody in the register who is meant, and is not somebody else
 * @throws Refusal `member-elsewhere` (facts: `place`, counted from 0; `number` of the household, or null)
 */
export async function refuseRegistered(
  tx: Tx,
  village: string,
  people: { name: string; phone?: string | null | undefined; idLast4?: string | null | undefined }[],
  except: string | null = null,
): Promise<void> {
  const [found] = await rowsOf<{ place: number; number: string | null }>(
    tx,
    sql`
    with person as (
      select p.nth::integer - 1 as place, households.folded(p.name) as name, p."idLast4" as id_last4, p.phone
        from rows from (jsonb_to_recordset(${JSON.stringify(people)}::jsonb) as (name text, "idLast4" text, phone text))
             with ordinality p(name, "idLast4", phone, nth))
    select p.place, h.number
      from person p
      join households.member m on m.village = ${village} and m.name_folded = p.name
       and households.same_person(m.id_last4, m.phone, p.id_last4, p.phone) and m.id is distinct from ${except}::uuid
      join households.household h on h.village = m.village and h.id = m.household_id and h.state <> 'closed'
     union all
    select p.place, null
      from person p join person other on other.place < p.place and other.name = p.name
       and households.same_person(other.id_last4, other.phone, p.id_last4, p.phone)
     order by 1, 2 limit 1`,
  );
  if (found !== undefined) throw new Refusal('member-elsewhere', { ...found });
}
