import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { maskName } from '../households/masking.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, seesWhole } from '../http/route.ts';
import { getVillage } from '../villages/read.ts';
import { getNotice, type NoticeView } from './read.ts';

/** On the board; there, but paused; its points can be spent; cancelled. */
type LineState = 'onNotice' | 'paused' | 'posted' | 'cancelled';

/** A line as everybody may see it: the name is masked. */
export interface PublicLine {
  place: number;
  /** What an objection names. */
  awardId: string;
  householdNumber: string;
  headName: string;
  groupName: string | null;
  ruleTitle: string;
  quantity: number;
  unit: string;
  points: number;
  state: LineState;
}

/** A line as those see it who work with it. */
interface LineView extends PublicLine {
  awardNumber: string;
  householdId: string;
  businessDate: string;
  struckBy: string | null;
  strikeReason: string | null;
}

/** What a notice comes to: lines in each state, and points of those that were not cancelled. */
interface Totals {
  onNotice: number;
  paused: number;
  posted: number;
  cancelled: number;
  points: number;
}

/** Whether an award waits for somebody to decide: its points do not move meanwhile. `award` is a row with village and id. */
export function isPaused(award: SQL): SQL {
  return sql`(
    exists (select from publicity.objection o
             where o.village = ${award}.village and o.award_id = ${award}.id and o.state = 'open')
    or exists (select from publicity.appeal p
                where p.village = ${award}.village and p.award_id = ${award}.id and p.state = 'open'))`;
}

const stateOfLine = sql`
  case when a.state = 'reversed' then 'cancelled' when a.state = 'posted' then 'posted'
       when ${isPaused(sql`a`)} then 'paused' else 'onNotice' end`;

/** A notice with a page of its lines, in their order, names as this caller may see them. @throws Refusal `not-found` */
export async function getNoticeWithLines(
  db: Db,
  actor: Actor,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<NoticeView & { totals: Totals; lines: Page<LineView> }> {
  const { notice, totals, lines } = await pageOf(db, village, id, query);
  const data = lines.data.map(line => ({
    ...line,
    headName: seesWhole(actor, village, line.householdId) ? line.headName : maskName(line.headName),
  }));
  return { ...notice, totals, lines: { ...lines, data } };
}

type PublicNotice = Pick<NoticeView, 'id' | 'number' | 'startsOn' | 'days' | 'endsAt' | 'state' | 'lineCount'>;

/** The same for anybody: masked without exception. @throws Refusal `not-found` */
export async function getPublicNotice(
  db: Db,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<PublicNotice & { totals: Totals; lines: Page<PublicLine> }> {
  const { notice, totals, lines } = await pageOf(db, village, id, query);
  return { ...publicOf(notice), totals, lines: { ...lines, data: lines.data.map(publicLineOf) } };
}

/** What is printed: the whole of it, masked. */
export interface Sheet {
  villageName: string;
  notice: PublicNotice;
  totals: Totals;
  lines: PublicLine[];
}

/** @throws Refusal `not-found` */
export async function getSheet(db: Db, village: string, id: string): Promise<Sheet> {
  const notice = publicOf(await getNotice(db, village, id));
  const { name: villageName } = await getVillage(db, village);
  const lines = await linesOf(db, village, id, { from: 0, limit: 1000 });
  return { villageName, notice, totals: await totalsOf(db, village, id), lines: lines.map(publicLineOf) };
}

/** What of a notice is for everybody: not who published it. */
export function publicOf({ id, number, startsOn, days, endsAt, state, lineCount }: NoticeView): PublicNotice {
  return { id, number, startsOn, days, endsAt, state, lineCount };
}

async function pageOf(db: Db, village: string, id: string, query: { limit: number; cursor?: string | undefined }) {
  const notice = await getNotice(db, village, id);
  const { limit, cursor } = query;
  const filters = { list: 'noticeLines', village, id };
  const start = after<[number]>(cursor, filters);
  const rows = await linesOf(db, village, id, { from: start?.[0] ?? 0, limit: limit + 1 });
  return {
    notice,
    totals: await totalsOf(db, village, id),
    lines: page(rows, limit, filters, row => [row.place]),
  };
}

function publicLineOf(line: LineView): PublicLine {
  const { place, awardId, householdNumber, headName, groupName, ruleTitle, quantity, unit, points, state } = line;
  return {
    place,
    awardId,
    householdNumber,
    headName: maskName(headName),
    groupName,
    ruleTitle,
    quantity,
    unit,
    points,
    state,
  };
}

/** Lines after the place `from`, names whole. Each row by its key, hence `offset 0`: a young village has no statistics. */
function linesOf(db: Db, village: string, id: string, { from, limit }: { from: number; limit: number }) {
  return rowsOf<LineView>(
    db,
    sql`
    select l.place, a.id as "awardId", a.number as "awardNumber", h.id as "householdId", h.number as "householdNumber",
           m.name as "headName", g.name as "groupName", r.title as "ruleTitle", a.quantity, r.unit, a.points,
           a.business_date as "businessDate", ${stateOfLine} as state, l.struck_by as "struckBy",
           l.strike_reason as "strikeReason"
      from publicity.line l
     cross join lateral (select * from earning.award where village = l.village and id = l.award_id offset 0) a
     cross join lateral (select * from rules.rule where village = a.village and id = a.rule_id offset 0) r
     cross join lateral (select * from households.household where village = a.village and id = a.household_id offset 0) h
     cross join lateral (select * from households.member where village = h.village and id = h.head_member_id offset 0) m
      left join villages.grid g on g.village = h.village and g.number = h.grid
     where l.village = ${village} and l.notice_id = ${id} and l.place > ${from}
     order by l.place
     limit ${limit}`,
  );
}

async function totalsOf(db: Db, village: string, id: string): Promise<Totals> {
  const rows = await rowsOf<{ state: LineState; count: number; points: number }>(
    db,
    sql`
    select ${stateOfLine} as state, count(*) as count, sum(a.points) as points
      from publicity.line l
     cross join lateral (select * from earning.award where village = l.village and id = l.award_id offset 0) a
     where l.village = ${village} and l.notice_id = ${id}
     group by 1`,
  );
  const count = (state: LineState) => rows.find(row => row.state === state)?.count ?? 0;
  return {
    onNotice: count('onNotice'),
    paused: count('paused'),
    posted: count('posted'),
    cancelled: count('cancelled'),
    points: rows.filter(row => row.state !== 'cancelled').reduce((sum, row) => sum + row.points, 0),
  };
}
