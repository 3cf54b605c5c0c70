// Whatever a rule book is tried on: read from the awards that stand.

import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { getRuleBook, type RuleView } from '../rules/read.ts';
import { rule } from '../rules/tables.ts';
import { defaultPolicy, type PolicySettings } from '../villages/policy-settings.ts';
import { listPolicies } from '../villages/read.ts';
import { startOfPeriod } from './caps.ts';
import { type EnteredAward, type SimulationTotals, simulate, totalsOf } from './simulate.ts';

/**
 * Awards that one simulation judges, and that it counts caps from: nothing else is answered meanwhile, and this many take
 * up to half a second.
 */
const awardsMax = 20_000;
const countedMax = 100_000;

interface SimulationView extends Omit<SimulationTotals, 'rules' | 'gainingMost' | 'losingMost'> {
  ruleBookId: string;
  from: string;
  to: string;
  rules: (SimulationTotals['rules'][number] & { title: string | null })[];
  gainingMost: MaskedChange[];
  losingMost: MaskedChange[];
}

/** A household by the end of its number: enough to recognise a pattern, not a neighbour. */
interface MaskedChange {
  household: string;
  pointsThen: number;
  pointsNow: number;
}

/**
 * What the awards of a span would have come to under a book, draft or adopted. Changes nothing.
 * @param span half-open, three months at most
 * @throws Refusal `not-found` | `out-of-bounds` (facts: `field`, `min`, `max`: the span's end, or too many awards)
 */
export async function simulateRuleBook(
  db: Db,
  key: { village: string; ruleBookId: string },
  span: { from: string; to: string },
  today: Temporal.PlainDate,
): Promise<SimulationView> {
  const { village } = key;
  refuseSpan(span);
  const book = await getRuleBook(db, village, key.ruleBookId, today);
  const policyOn = await policiesOf(db, village);
  const within = await awardsOf(db, village, dated(span), awardsMax);
  const before = await awardsOf(db, village, stillCounting(span, book.rules), countedMax);
  const spent = await spentBefore(db, village, span.from, policyOn);
  const totals = totalsOf(simulate({ before, within, rules: book.rules, policyOn, spent }), book.rules.map(codeOf));
  const titles = new Map(book.rules.map(rule => [rule.code, rule.title]));
  const { gainingMost, losingMost } = totals;
  const masked = await masksOf(
    db,
    village,
    [...gainingMost, ...losingMost].map(one => one.householdId),
  );
  const mask = ({ householdId, ...points }: SimulationTotals['gainingMost'][number]) => ({
    household: masked.get(householdId)!,
    ...points,
  });
  return {
    ruleBookId: book.id,
    ...span,
    ...totals,
    rules: totals.rules.map(rule => ({ ...rule, title: titles.get(rule.code) ?? null })),
    gainingMost: gainingMost.map(mask),
    losingMost: losingMost.map(mask),
  };
}

function refuseSpan({ from, to }: { from: string; to: string }): void {
  const first = Temporal.PlainDate.from(from);
  const [min, max] = [first.add({ days: 1 }).toString(), first.add({ months: 3 }).toString()];
  if (to < min || to > max) throw new Refusal('out-of-bounds', { field: 'to', min, max });
}

function dated({ from, to }: { from: string; to: string }): SQL {
  return sql`a.business_date >= ${from} and a.business_date < ${to}`;
}

/** Awards of days before the span that count in it: in a cap whose period has begun before. */
function stillCounting(span: { from: string; to: string }, rules: RuleView[]): SQL {
  const first = Temporal.PlainDate.from(span.from);
  const capped = rules.filter(rule => rule.capPeriod !== null);
  const since = capped.map(rule => startOfPeriod(rule.capPeriod!, first) ?? '2000-01-01');
  return sql`a.business_date < ${span.from} and exists (
    select from unnest(${sql.param(capped.map(codeOf))}::text[], ${sql.param(since)}::date[]) c (code, since)
     where c.code = a.rule_code and c.since <= a.business_date)`;
}

/** Awards that stand, with their rules as they were. @throws Refusal `out-of-bounds` (more than `max`) */
async function awardsOf(db: Db, village: string, which: SQL, max: number): Promise<EnteredAward[]> {
  const rows = await rowsOf<Omit<EnteredAward, 'rule'> & { ruleId: string }>(
    db,
    sql`
    select a.transaction_number as "transactionNumber", a.household_id as "householdId", a.member_id as "memberId",
           a.occasion, a.business_date as "businessDate", a.quantity, a.points,
           cardinality(a.decided_by) = 0 as direct, a.rule_id as "ruleId"
      from earning.award a
     where a.village = ${village} and a.state <> 'reversed' and ${which}
     limit ${max + 1}`,
  );
  if (rows.length > max) throw new Refusal('out-of-bounds', { field: 'awards', min: 0, max });
  const ids = [...new Set(rows.map(row => row.ruleId))];
  const rules = await db
    .select()
    .from(rule)
    .where(and(eq(rule.village, village), inArray(rule.id, ids)));
  const byId = new Map(rules.map(row => [row.id, row]));
  return rows.map(({ ruleId, ...award }) => ({ ...award, rule: byId.get(ruleId)! }));
}

/** Points of the year before a day, of those days whose policy counts them against a budget. */
async function spentBefore(
  db: Db,
  village: string,
  from: string,
  policyOn: (day: string) => PolicySettings,
): Promise<{ year: string; points: number }[]> {
  const year = from.slice(0, 4);
  const days = await rowsOf<{ day: string; points: number }>(
    db,
    sql`
    select business_date as day, sum(points)::bigint as points from earning.award
     where village = ${village} and state <> 'reversed' and business_date >= ${`${year}-01-01`} and business_date < ${from}
     group by business_date`,
  );
  const counted = days.filter(({ day }) => policyOn(day).issuingBudgetFen !== null);
  return [{ year, points: counted.reduce((sum, { points }) => sum + points, 0) }];
}

async function policiesOf(db: Db, village: string): Promise<(day: string) => PolicySettings> {
  const policies = await listPolicies(db, village);
  return day => ({ ...defaultPolicy, ...policies.find(policy => policy.validFrom <= day) });
}

async function masksOf(db: Db, village: string, householdIds: string[]): Promise<Map<string, string>> {
  const rows = await rowsOf<{ id: string; number: string }>(
    db,
    sql`select id, number from households.household
         where village = ${village} and id = any(${sql.param(householdIds)}::uuid[])`,
  );
  return new Map(
    rows.map(({ id, number }) => [id, `${'*'.repeat(Math.max(0, number.length - 2))}${number.slice(-2)}`]),
  );
}

function codeOf(rule: { code: string }): string {
  return rule.code;
}
