import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import type { HouseholdPatch, MemberPatch } from '../households/corrections.ts';
import type { NewMember } from '../households/enrol.ts';
import { folded, numberKey } from '../households/folding.ts';
import { twinsOf } from '../households/numbers.ts';
import type { Mistake } from './mistakes.ts';
import type { RosterHousehold } from './roster.ts';

/** What a roster says differently of a household that is registered, and how the register would come to say it. */
export interface Difference extends Mistake {
  /** Absent where nothing can be taken over. */
  taking?: Taking;
}

/** Whether whoever takes it over must keep out of the household, and what would be done to which record. */
type Taking = { isKin: boolean; id: string } & (
  | { kind: 'household'; patch: HouseholdPatch }
  | { kind: 'member'; patch: MemberPatch }
  | { kind: 'newMember'; person: NewMember }
);

/**
 * Holds households of a roster against the village's register: which of them are there already, under the same number and
 * with the same head, and what speaks against the others. Of those that are there, what the roster says and the register
 * does not: `differences`, which nobody is kept out by.
 * @param by who has sent the roster, or commits it
 */
export async function compareWithRegister(
  db: Db,
  village: string,
  households: RosterHousehold[],
  by: string,
): Promise<{ there: Set<string>; mistakes: Mistake[]; differences: Difference[] }> {
  const there = new Set<string>();
  const mistakes: Mistake[] = [];
  const differences: Difference[] = [];
  const twins = await twinsOf(
    db,
    village,
    households.map(({ number }) => number),
  );
  const keys = [...households.map(({ number }) => numberKey(number)), ...twins.map(({ key }) => key)];
  const byNumber = await registeredOf(db, village, { keys, by });
  const twinKeys = Map.groupBy(twins, twin => twin.of);
  // An office that leaves the letter of the numbers away means the same households.
  const twinOf = ({ number, members }: RosterHousehold) =>
    (twinKeys.get(numberKey(number)) ?? [])
      .map(({ key }) => byNumber.get(key)!)
      .find(({ people }) => people.some(person => person.isHead && isSame(person, members[0])));
  const byRow = await peopleOf(db, village, households);
  const elsewhere = (row: number, place: number): Mistake | undefined => {
    const number = byRow.get(`${row} ${place}`);
    return number === undefined
      ? number
      : { row, column: columnOf(place), code: 'person-elsewhere', facts: { number } };
  };
  for (const household of households) {
    const { number, members, rows } = household;
    const registered = byNumber.get(numberKey(number)) ?? twinOf(household);
    if (registered === undefined && twinKeys.has(numberKey(number))) {
      mistakes.push({ row: rows[0]!, column: 'number', code: 'number-unlettered', facts: {} });
    } else if (registered === undefined) {
      mistakes.push(...rows.flatMap((row, place) => elsewhere(row, place) ?? []));
    } else if (registered.people.some(person => person.isHead && isSame(person, members[0]))) {
      there.add(number);
      const found = differencesOf(household, registered);
      differences.push(
        ...found.map(
          ({ place, ...listed }) => (listed.code === 'member-new' && elsewhere(listed.row, place)) || listed,
        ),
      );
    } else mistakes.push({ row: rows[0]!, column: 'number', code: 'number-taken', facts: {} });
  }
  return { there, mistakes, differences };
}

function columnOf(place: number): 'head_name' | 'member_name' {
  return place === 0 ? 'head_name' : 'member_name';
}

/** What a roster says of a household that the register has otherwise, or not at all. */
function differencesOf(
  listed: RosterHousehold,
  { id, isKin, version, grid, address, people }: Registered,
): (Difference & { place: number })[] {
  const differences: ReturnType<typeof differencesOf> = [];
  const differ = (
    place: number,
    column: string,
    code: Mistake['code'],
    more: { facts?: Mistake['facts']; taking?: Taking },
  ) => differences.push({ row: listed.rows[place]!, column, code, facts: {}, place, ...more });
  const ofHousehold = (patch: HouseholdPatch) => ({
    facts: { version },
    taking: { kind: 'household', isKin, id, patch } as const,
  });
  if (listed.grid !== null && listed.grid !== grid)
    differ(0, 'grid_number', 'grid-differs', ofHousehold({ grid: listed.grid }));
  if (listed.address && listed.address !== address)
    differ(0, 'address', 'address-differs', ofHousehold({ address: listed.address }));
  for (const place of listed.rows.keys()) {
    const member = listed.members[place]!;
    const known = people.find(person => isSame(person, member));
    if (known === undefined) {
      differ(place, columnOf(place), 'member-new', { taking: { kind: 'newMember', isKin, id, person: member } });
      continue;
    }
    const ofMember = (patch: MemberPatch) => ({
      facts: { version: known.version },
      taking: { kind: 'member', isKin, id: known.id, patch } as const,
    });
    if (member.phone && digits(member.phone) !== digits(known.phone))
      differ(place, 'phone', 'phone-differs', ofMember({ phone: member.phone }));
    if (member.idLast4 && member.idLast4 !== known.idLast4)
      differ(place, 'id_last4', 'id-differs', ofMember({ idLast4: member.idLast4 }));
  }
  // Whose people are only counted says by their number that one was born.
  const living = people.filter(({ isDead }) => !isDead).length;
  const isCounted = listed.members.length > listed.rows.length;
  if (isCounted && listed.members.length !== living)
    differ(0, 'members', 'members-differ', { facts: { number: living } });
  return differences;
}

function digits(phone: string | null): string | undefined {
  return phone?.replace(/[^0-9]/g, '');
}

interface Registered {
  id: string;
  version: number;
  isKin: boolean;
  grid: number | null;
  address: string | null;
  people: {
    id: string;
    version: number;
    name: string;
    phone: string | null;
    idLast4: string | null;
    isHead: boolean;
    isDead: boolean;
  }[];
}

/** Where both say how the ID number ends, that is to be the same as well. */
function isSame(
  known: { name: string; idLast4: string | null },
  listed: { name: string; idLast4?: string | null | undefined },
): boolean {
  const isNamesake = folded(known.name) === folded(listed.name);
  return isNamesake && (!known.idLast4 || !listed.idLast4 || known.idLast4 === listed.idLast4);
}

/** Households of the register with their people, by the number as it is compared. */
async function registeredOf(
  db: Db,
  village: string,
  { keys, by }: { keys: string[]; by: string },
): Promise<Map<string, Registered>> {
  const versionOf = (subject: 'household' | 'member', id: SQL) => sql`(
    select coalesce(max(c.version), 1) from corrections.correction c
     where c.village = ${village} and c.subject = ${subject} and c.subject_id = ${id}::text)`;
  const rows = await rowsOf<Registered & { number: string }>(
    db,
    sql`
    select h.number_key as number, h.id, h.grid, h.address, ${versionOf('household', sql`h.id`)} as version,
           households.is_kin(${village}, ${by}, h.id) as "isKin",
           jsonb_agg(jsonb_build_object('id', m.id, 'version', ${versionOf('member', sql`m.id`)}, 'name', m.name,
             'phone', m.phone, 'idLast4', m.id_last4, 'isHead', m.id = h.head_member_id,
             'isDead', m.died_on is not null) order by m.id) as people
      from households.household h
      join households.member m on m.village = h.village and m.household_id = h.id
     where h.village = ${village} and h.number_key = any(${sql.param(keys)}::text[])
     group by h.number_key, h.id, h.grid, h.address`,
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
