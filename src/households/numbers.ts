import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { numberKey } from './folding.ts';

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
 * Refuses a number that lies far from every other one of its letter, unless somebody has looked at it again.
 * @throws Refusal `number-far` (facts: `number`; `next`, the next of the series)
 */
export async function refuseFarNumber(
  db: Db,
  village: string,
  input: { number?: string | null | undefined; numberConfirmed?: boolean | undefined },
): Promise<void> {
  const { number, numberConfirmed = false } = input;
  if (!number || numberConfirmed) return;
  const [, letter = '', digits = ''] = /^([A-Z]?)([0-9]{1,8})$/.exec(numberKey(number)) ?? [];
  if (Number(digits) <= gapMax) return;
  const [row] = await rowsOf<{ near: boolean }>(
    db,
    sql`
    select exists (
      select from households.household
       where village = ${village} and left(number_key, ${letter.length}) = ${letter}
         and length(ltrim(number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')) = length(number_key) - ${letter.length}
         and abs(ltrim(number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')::integer - ${Number(digits)}) <= ${gapMax}) as near`,
  );
  if (!row!.near) throw new Refusal('number-far', { number, next: await nextNumber(db, village) });
}
