import { sql } from 'drizzle-orm';
import type { Test } from 'tap';
import type { RuleDraft } from '../../src/rules/rule-draft.ts';
import type { PolicySettings } from '../../src/villages/policy-settings.ts';
import { insisting } from './awards.ts';
import { adoptRules, ruleDraft } from './rules.ts';
import { type Caller, nobody, openService, type Service, villages } from './service.ts';

export const claimsPath = `/v1/villages/${villages.own}/claims`;

export const witness = [{ kind: 'witness', text: '组长张三在场' }];

/** A village where claims are reviewed, and its people. */
export async function openReview(t: Test, policy: Partial<PolicySettings> = {}, rules: RuleDraft[] = []) {
  const service = await openService(t, { policy });
  const ids = await adoptRules(service, [
    ruleDraft('ENV03', { evidence: ['photo', 'witness'] }),
    ruleDraft('ENV09', { evidence: ['witness'], points: 10 }),
    ...rules,
  ]);
  const person = async (role: 'clerk' | 'reviewer' | 'supervisor' | 'villageAdmin' | 'auditor') =>
    insisting(await service.as(role));
  const [clerk, reviewer, supervisor] = [await person('clerk'), await person('reviewer'), await person('supervisor')];

  /** A claim of a new household, unless one is named. Answers its address and what it is. */
  const filed = async (fields: object = {}, by: Caller = clerk) => {
    const body = { ruleId: ids.ENV03, quantity: 1, evidence: witness, ...fields };
    const householdId = (fields as { householdId?: string }).householdId ?? (await service.household());
    const made = await by('POST', claimsPath, { householdId, ...body });
    if (made.status !== 201) throw new Error(`not filed: ${made.text}`);
    return { url: `${claimsPath}/${made.body.id}`, ...made.body } as { url: string; id: string; householdId: string };
  };
  const passed = async (fields: object = {}, by: Caller = clerk) => {
    const claim = await filed(fields, by);
    const answer = await reviewer('POST', `${claim.url}/pass`, {});
    if (answer.status !== 200) throw new Error(`not passed: ${answer.text}`);
    return claim;
  };
  /** Votes of new members of the panel, one after another. */
  const voted = async (url: string, ...votes: object[]) => {
    const answers = [];
    for (const vote of votes) answers.push(await (await person('reviewer'))('POST', `${url}/votes`, vote));
    return answers;
  };
  return { service, ids, person, clerk, reviewer, supervisor, filed, passed, voted };
}

export const yes = { verdict: 'approve' };
export const no = { verdict: 'reject', reason: '未按要求清运' };

/** Declares that a person must keep out of a household's affairs. */
export async function declareKin(service: Service, userId: string, householdId: string, relation = 'kin') {
  await service.inVillage(villages.own, tx =>
    tx.execute(sql`
      insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
      values (${villages.own}, ${userId}, ${householdId}, ${relation}, ${nobody.id}, now())`),
  );
}
