import { sql } from 'drizzle-orm';
import { rowsOf, type Tx } from '../db/database.ts';
import type { RuleView } from '../rules/read.ts';
import { defaultPolicy, type PolicySettings } from '../villages/policy.ts';

/** A rule with the book it stands in. */
export type GroundRule = Pick<
  RuleView,
  | 'id'
  | 'ruleBookId'
  | 'code'
  | 'title'
  | 'points'
  | 'direction'
  | 'capTimes'
  | 'capPeriod'
  | 'capScope'
  | 'excludes'
  | 'highestOnlyGroup'
  | 'honour'
  | 'publicity'
> & { ruleBookTitle: string; inForceFrom: string | null; inForceTo: string | null };

/** What awards are judged by. Whatever is not there was not found. */
export interface Grounds {
  openedOn: string;
  rules: Map<string, GroundRule>;
  /** State of each household. */
  households: Map<string, string>;
  /** Household of each member. */
  members: Map<string, string>;
  policyOn: (day: string) => PolicySettings;
}

/**
 * Reads all that a list of awards is judged by, in one round trip however long the list. It also takes the lock that the
 * award's foreign key would take later, under the pen: there it might wait for somebody who waits for the pen.
 */
export async function groundsOf(
  tx: Tx,
  village: string,
  lines: { ruleId: string; householdId: string; memberId: string | null }[],
): Promise<Grounds> {
  const ids = (pick: (line: (typeof lines)[number]) => string | null) =>
    sql.param([...new Set(lines.map(pick).filter(id => id !== null))]);
  const [row] = await rowsOf<Row>(
    tx,
    sql`
    select v.opened_on as "openedOn",
           (select jsonb_agg(jsonb_build_object('validFrom', p.valid_from, 'policy', p.policy) order by p.valid_from desc)
              from villages.policy p
             where p.village = v.village) as policies,
           (select jsonb_agg(jsonb_build_object(
                     'id', r.id, 'ruleBookId', r.rule_book_id, 'code', r.code, 'title', r.title, 'points', r.points,
                     'direction', r.direction, 'capTimes', r.cap_times, 'capPeriod', r.cap_period,
                     'capScope', r.cap_scope, 'excludes', r.excludes, 'highestOnlyGroup', r.highest_only_group,
                     'honour', r.honour, 'publicity', r.publicity, 'ruleBookTitle', b.title,
                     'inForceFrom', b.in_force_from,
                     'inForceTo', (select min(next.in_force_from)
                                     from rules.rule_book next
                                    where next.village = v.village and next.in_force_from > b.in_force_from)))
              from rules.rule r
              join rules.rule_book b on b.village = r.village and b.id = r.rule_book_id
             where r.village = v.village and r.id = any(${ids(line => line.ruleId)}::uuid[])) as rules,
           (select jsonb_object_agg(h.id, h.state)
              from (select id, state
                      from households.household
                     where village = ${village} and id = any(${ids(line => line.householdId)}::uuid[])
                       for key share) h) as households,
           (select jsonb_object_agg(m.id, m.household_id)
              from households.member m
             where m.village = v.village and m.id = any(${ids(line => line.memberId)}::uuid[])) as members
      from villages.village v
     where v.village = ${village}`,
  );
  const { openedOn, policies, rules, households, members } = row!;
  return {
    openedOn,
    rules: new Map((rules ?? []).map(rule => [rule.id, rule])),
    households: new Map(Object.entries(households ?? {})),
    members: new Map(Object.entries(members ?? {})),
    policyOn: day => ({ ...defaultPolicy, ...policies?.find(policy => policy.validFrom <= day)?.policy }),
  };
}

interface Row {
  openedOn: string;
  policies: { validFrom: string; policy: PolicySettings }[] | null;
  rules: GroundRule[] | null;
  households: Record<string, string> | null;
  members: Record<string, string> | null;
}
