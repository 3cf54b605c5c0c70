import { and, asc, desc, eq, isNotNull, lt, lte, sql } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { rule, ruleBook } from './tables.ts';

/** What the village assembly decided: the meeting's day, who was there, how they voted. */
export interface Resolution {
  heldOn: string;
  present: number;
  votesFor: number;
  votesAgainst: number;
  abstained: number;
}

export type RuleView = Omit<typeof rule.$inferSelect, 'village'>;

interface RuleBookSummary {
  id: string;
  village: string;
  title: string;
  state: 'draft' | 'adopted' | 'discarded' | 'withdrawn';
  /** What it is today: an adopted book comes into force, and is superseded by the next. */
  standing: 'draft' | 'discarded' | 'withdrawn' | 'adopted' | 'inForce' | 'superseded';
  /** Counts the revisions of the draft, from 1. */
  revision: number;
  ruleCount: number;
  /** First day it holds, and the first day it holds no more; null: not adopted, and still in force. */
  inForceFrom: string | null;
  inForceTo: string | null;
  resolution: Resolution | null;
  createdBy: string;
  createdAt: string;
  /** Who else has revised the draft. */
  editedBy: string[];
  adoptedBy: string | null;
  adoptedAt: string | null;
  discardedBy: string | null;
  discardedAt: string | null;
  /** First day that a withdrawn book was to hold. */
  intendedFrom: string | null;
  withdrawnBy: string | null;
  withdrawnAt: string | null;
}

export interface RuleBookView extends RuleBookSummary {
  rules: RuleView[];
}

/** A book holds until the next adopted one does: derived, so that adopting a book changes no other. */
export const inForceTo = sql<string | null>`(select min(next.in_force_from) from rules.rule_book next
  where next.village = "rule_book"."village" and next.in_force_from > "rule_book"."in_force_from")`;

const ruleCount = sql<number>`(select count(*) from rules.rule
  where rule.village = "rule_book"."village" and rule.rule_book_id = "rule_book"."id")`;

/** A book with its rules, as it stands on a day. @throws Refusal `not-found` */
export async function getRuleBook(
  db: Db,
  village: string,
  id: string,
  today: Temporal.PlainDate,
): Promise<RuleBookView> {
  const found = one(
    await db
      .select({ book: ruleBook, inForceTo })
      .from(ruleBook)
      .where(and(eq(ruleBook.village, village), eq(ruleBook.id, id))),
  );
  const rules = await rulesOf(db, village, id);
  return { ...summaryOf({ ...found, ruleCount: rules.length }, today), rules };
}

/** Books without their rules, the newest first. */
export async function listRuleBooks(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
  today: Temporal.PlainDate,
): Promise<Page<RuleBookSummary>> {
  const filters = { list: 'ruleBooks', village };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select({ book: ruleBook, inForceTo, ruleCount })
    .from(ruleBook)
    .where(and(eq(ruleBook.village, village), start && lt(ruleBook.id, start[0])))
    .orderBy(desc(ruleBook.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.book.id]);
  return { ...listed, data: listed.data.map(row => summaryOf(row, today)) };
}

interface RulesInForce {
  on: string;
  ruleBook: { id: string; title: string; inForceFrom: string; inForceTo: string | null } | null;
  data: RuleView[];
}

/** The rules that hold on a day; none before the village's first book. */
export async function rulesInForce(db: Db, village: string, day: Temporal.PlainDate): Promise<RulesInForce> {
  const on = day.toString();
  const [found] = await db
    .select({ id: ruleBook.id, title: ruleBook.title, inForceFrom: ruleBook.inForceFrom, inForceTo })
    .from(ruleBook)
    .where(and(eq(ruleBook.village, village), isNotNull(ruleBook.inForceFrom), lte(ruleBook.inForceFrom, on)))
    .orderBy(desc(ruleBook.inForceFrom))
    .limit(1);
  if (found === undefined) return { on, ruleBook: null, data: [] };
  return {
    on,
    ruleBook: { ...found, inForceFrom: found.inForceFrom! },
    data: await rulesOf(db, village, found.id),
  };
}

async function rulesOf(db: Db, village: string, ruleBookId: string): Promise<RuleView[]> {
  const rows = await db
    .select()
    .from(rule)
    .where(and(eq(rule.village, village), eq(rule.ruleBookId, ruleBookId)))
    .orderBy(asc(rule.code));
  return rows.map(viewOf);
}

function viewOf({ village: _, ...row }: typeof rule.$inferSelect): RuleView {
  return row;
}

interface BookRow {
  book: typeof ruleBook.$inferSelect;
  inForceTo: string | null;
}

function summaryOf(row: BookRow & { ruleCount: number }, today: Temporal.PlainDate): RuleBookSummary {
  const { heldOn, present, votesFor, votesAgainst, abstained, ...book } = row.book;
  return {
    ...book,
    standing: standingOf(row, today.toString()),
    inForceTo: row.inForceTo,
    ruleCount: row.ruleCount,
    resolution:
      heldOn === null
        ? null
        : {
            heldOn,
            present: present!,
            votesFor: votesFor!,
            votesAgainst: votesAgainst!,
            abstained: abstained!,
          },
  };
}

function standingOf({ book, inForceTo }: BookRow, today: string): RuleBookSummary['standing'] {
  if (book.inForceFrom === null) return book.state;
  if (today < book.inForceFrom) return 'adopted';
  return inForceTo !== null && inForceTo <= today ? 'superseded' : 'inForce';
}
