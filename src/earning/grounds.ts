import { type SQL, sql } from 'drizzle-orm';
import { remembering } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { RuleView } from '../rules/read.ts';
import { defaultPolicy, type PolicySettings } from '../villages/policy-settings.ts';

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
  | 'evidence'
  | 'excludes'
  | 'highestOnlyGroup'
  | 'honour'
  | 'publicity'
  | 'onBehalf'
> & { ruleBookTitle: string; inForceFrom: string | null; inForceTo: string | null };

/** What awards are judged by. Whatever is not there was not found. */
export interface Grounds {
  openedOn: string;
  rules: Map<string, GroundRule>;
  /** State of each household. */
  households: Map<string, string>;
  /** Household of each member. */
  members: Map<string, string>;
  /** Day of death of each member who has died. */
  died: Map<string, string>;
  /** Who must keep out of which of the households, each as `<user> <household>`. */
  kin: Set<string>;
  policyOn: (day: string) => PolicySettings;
}

/**
 * Reads all that a list of awards is judged by, in one round trip however long the list, and answers it by village. It
 * holds the households as they are: one that is being closed is waited for, and then seen closed. Taken under the pen, the
 * lock might wait for somebody who waits for the pen.
 */
export async function groundsOf(
  tx: Tx,
  lines: { village: string; ruleId: string; householdId: string; memberId: string | null }[],
): Promise<Map<string, Grounds>> {
  const villages = [...new Set(lines.map(line => line.village))];
  const [row] = await rowsOf<Row>(
    tx,
    sql`
    select (select json_agg(json_build_object('village', village, 'openedOn', opened_on))
              from villages.village where village = any(${sql.param(villages)}::text[])) as villages,
           (select json_agg(json_build_object('village', village, 'validFrom', valid_from, 'policy', policy)
                             order by valid_from desc)
              from villages.policy where village = any(${sql.param(villages)}::text[])) as policies,
           (select json_agg(json_build_object(
                     'village', r.village, 'id', r.id, 'ruleBookId', r.rule_book_id, 'code', r.code, 'title', r.title,
                     'points', r.points, 'direction', r.direction, 'capTimes', r.cap_times, 'capPeriod', r.cap_period,
                     'capScope', r.cap_scope, 'evidence', r.evidence, 'excludes', r.excludes,
                     'highestOnlyGroup', r.highest_only_group, 'honour', r.honour, 'publicity', r.publicity, 'onBehalf', r.on_behalf,
                     'ruleBookTitle', b.title, 'inForceFrom', b.in_force_from,
                     'inForceTo', (select min(next.in_force_from)
                                     from rules.rule_book next
                                    where next.village = b.village and next.in_force_from > b.in_force_from)))
              from ${pairs(lines, line => line.ruleId)} k (village, id)
             cross join lateral (select * from rules.rule where village = k.village and id = k.id offset 0) r
             cross join lateral (
               select * from rules.rule_book where village = r.village and id = r.rule_book_id offset 0) b) as rules,
           (select json_agg(json_build_object('village', h.village, 'id', h.id, 'state', h.state))
              from (select h.village, h.id, h.state
                      from ${pairs(lines, line => line.householdId)} k (village, id)
                      join households.household h on h.village = k.village and h.id = k.id
                       for key share of h) h) as households,
           (select json_agg(json_build_object('village', m.village, 'id', m.id, 'householdId', m.household_id,
                                              'diedOn', m.died_on))
              from ${pairs(lines, line => line.memberId)} k (village, id)
             cross join lateral (
               select * from households.member where village = k.village and id = k.id offset 0) m) as members,
           (select json_agg(json_build_object('village', village, 'pair', user_id || ' ' || household_id))
              from households.kin
             where village = any(${sql.param(villages)}::text[]) and ended_at is null
               and household_id = any(${sql.param([...new Set(lines.map(line => line.householdId))])}::uuid[])) as kin`,
  );
  return new Map(villages.map(village => [village, groundsIn(village, row!)]));
}

type Line = Parameters<typeof groundsOf>[1][number];

/** Village and id of what the lines name, each once, as a table. */
function pairs(lines: Line[], pick: (line: Line) => string | null): SQL {
  const named = lines.flatMap(line => {
    const id = pick(line);
    return id === null ? [] : [`${line.village} ${id}`];
  });
  const unique = [...new Set(named)].map(name => name.split(' ') as [string, string]);
  const column = (index: 0 | 1) => sql.param(unique.map(pair => pair[index]));
  return sql`unnest(${column(0)}::text[], ${column(1)}::uuid[])`;
}

function groundsIn(village: string, row: Row): Grounds {
  const own = <T extends { village: string }>(rows: T[] | null) => (rows ?? []).filter(one => one.village === village);
  const policies = own(row.policies);
  return {
    openedOn: own(row.villages)[0]!.openedOn,
    rules: new Map(own(row.rules).map(rule => [rule.id, rule])),
    households: new Map(own(row.households).map(household => [household.id, household.state])),
    members: new Map(own(row.members).map(member => [member.id, member.householdId])),
    died: new Map(own(row.members).flatMap(({ id, diedOn }) => (diedOn === null ? [] : [[id, diedOn]]))),
    kin: new Set(own(row.kin).map(({ pair }) => pair)),
    policyOn: remembering(day => ({ ...defaultPolicy, ...policies.find(policy => policy.validFrom <= day)?.policy })),
  };
}

interface Row {
  villages: { village: string; openedOn: string }[] | null;
  policies: { village: string; validFrom: string; policy: PolicySettings }[] | null;
  rules: (GroundRule & { village: string })[] | null;
  households: { village: string; id: string; state: string }[] | null;
  members: { village: string; id: string; householdId: string; diedOn: string | null }[] | null;
  kin: { village: string; pair: string }[] | null;
}
