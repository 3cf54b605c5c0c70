import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { folded, numberKey } from './folding.ts';

/** Numbers of one series lie no further apart: a gap is no error, a slip of the finger is not followed. */
const gapMax = 1_000;

/**
 * The next number of the village's own series: of the letter, the place and the width of most of its numbers. One that lies
 * far from the others, entered by mistake or on purpose, makes no series. After the last number there can be, the lowest
 * free one.
 */
export async function nextNumber(db: Db, village: string): Promise<string> {
  const [row] = await rowsOf<{ letter: string; width: number; next: number }>(
    db,
    sql`
    with numbered as (
      select left(number, -length(digits)) as letter, digits::integer as value, length(digits) as width, created_at
        from households.household cross join lateral (select ltrim(number, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') as digits) d
       where village = ${village}),
    stepped as (
      select *, value - lag(value) over (partition by letter order by value) > ${gapMax} as leaps from numbered),
    grouped as (
      select *, count(*) filter (where leaps) over (partition by letter order by value) as nth from stepped),
    series as (
      select letter, max(value) as last, (array_agg(width order by value desc))[1] as width
        from grouped group by letter, nth order by count(*) desc, max(created_at) desc, max(value) limit 1)
    select letter, case when last < 99999999 then width else 4 end as width,
           case when last < 99999999 then last + 1
                else (select min(free) from (select 1 as free union all select value + 1 from numbered n where n.letter = s.letter) f
                       where free > 0 and not exists (
                         select from numbered n where n.letter = s.letter and n.value = f.free)) end as next
      from series s`,
  );
  const { letter, width, next } = row ?? { letter: 'H', width: 4, next: 1 };
  return `${letter}${String(next).padStart(width, '0')}`;
}

/**
 * Refuses a number that lies far from every other one of its letter, or is that of another household but for the letter,
 * unless somebody has looked at it again. With the same head, it is that household.
 * @param of who is numbered: the head's name, where it is known, and the household itself, where it has a number already
 * @throws Refusal `number-far` (facts: `number`; `next`, the next of the series) | `already-exists` (facts: `field`,
 *   `existingId`)
 */
export async function refuseFarNumber(
  db: Db,
  village: string,
  input: { number?: string | null | undefined; numberConfirmed?: boolean | undefined },
  of: { head?: string | undefined; householdId?: string } = {},
): Promise<void> {
  const { number, numberConfirmed = false } = input;
  // Whose number is taken as it stands is told that.
  if (!number || (await isTaken(db, village, number))) return;
  const twins = (await twinsOf(db, village, [number])).filter(({ id }) => id !== of.householdId);
  const same = twins.find(({ head }) => of.head !== undefined && folded(head) === folded(of.head));
  if (same !== undefined) throw new Refusal('already-exists', { field: 'number', existingId: same.id });
  if (numberConfirmed) return;
  const isFar = (await farNumbers(db, village, [number])).has(number);
  if (isFar || twins.length > 0) throw new Refusal('number-far', { number, next: await nextNumber(db, village) });
}

async function isTaken(db: Db, village: string, number: string): Promise<boolean> {
  const found = await rowsOf(
    db,
    sql`select from households.household where village = ${village} and number_key = ${numberKey(number)}`,
  );
  return found.length > 0;
}

/** The same number with the letter, or without: whoever writes it down may leave the letter away. */
export async function twinsOf(
  db: Db,
  village: string,
  numbers: readonly string[],
): Promise<{ of: string; id: string; key: string; head: string }[]> {
  return rowsOf(
    db,
    sql`
    select n.key as "of", h.id, h.number_key as key, m.name as head
      from unnest(${sql.param(numbers.map(numberKey))}::text[]) n(key)
      join households.household h on h.village = ${village}
       and case when n.key ~ '^[A-Z]' then h.number_key = substr(n.key, 2)
                else h.number_key ~ '^[A-Z]' and substr(h.number_key, 2) = n.key end
      join households.member m on m.village = h.village and m.id = h.head_member_id
     where n.key <> ''`,
  );
}

/** Those of the numbers that lie far from every registered one of their letter, and from every other of them. */
export async function farNumbers(db: Db, village: string, numbers: readonly string[]): Promise<Set<string>> {
  const parted = numbers.flatMap(number => {
    const [, letter, digits] = /^([A-Z]?)([0-9]{1,8})$/.exec(numberKey(number)) ?? [];
    return letter === undefined ? [] : [{ number, letter, value: Number(digits) }];
  });
  const rows = await rowsOf<{ number: string }>(
    db,
    sql`
    with listed as (
      select * from jsonb_to_recordset(${JSON.stringify(parted)}::jsonb) l(number text, letter text, value integer)),
    known as (
      select left(number_key, -length(digits)) as letter, digits::integer as value, null::text as number
        from households.household
       cross join lateral (select ltrim(number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') as digits) d
       where village = ${village}
       union all select letter, value, number from listed),
    near as (
      select k.*, value - lag(value) over w as below, lead(value) over w - value as above
        from known k window w as (partition by letter order by value))
    select number from near
     where number is not null and value > ${gapMax} and coalesce(below, value) > ${gapMax} and coalesce(above, value) > ${gapMax}`,
  );
  return new Set(rows.map(({ number }) => number));
}
