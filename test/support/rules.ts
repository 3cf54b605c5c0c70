import { iso } from '../../src/calendar.ts';
import type { RuleDraft } from '../../src/rules/rule-draft.ts';
import { insisting } from './awards.ts';
import type { Service } from './service.ts';
import { villages } from './service.ts';

/** A rule of a test's own: five points a time, for the household, without a cap, spendable at once. */
export function ruleDraft(code: string, fields: Partial<RuleDraft> = {}): RuleDraft {
  return {
    code,
    category: '环境卫生',
    title: `事项${code}`,
    titleEn: null,
    points: 5,
    direction: 'award',
    unit: '次',
    capTimes: null,
    capPeriod: null,
    capScope: 'household',
    evidence: ['photo'],
    excludes: [],
    highestOnlyGroup: null,
    honour: true,
    publicity: 'required',
    onBehalf: true,
    ...fields,
  };
}

export const unanimous = { present: 40, votesFor: 40, votesAgainst: 0, abstained: 0 };

/** Drafts and adopts a rule book over HTTP, by two people. Answers the id of each rule by its code. */
export async function adoptRules(
  service: Service,
  rules: RuleDraft[],
  options: { inForceFrom?: string; village?: string } = {},
): Promise<Record<string, string>> {
  const village = options.village ?? villages.own;
  const inForceFrom = options.inForceFrom ?? '2026-01-01';
  const drafter = insisting(await service.as('villageAdmin', village));
  const supervisor = insisting(await service.as('supervisor', village));
  const books = `/v1/villages/${village}/rule-books`;
  const drafted = await drafter('POST', books, { title: `积分细则 ${inForceFrom}`, rules });
  if (drafted.status !== 201) throw new Error(`not drafted: ${drafted.text}`);
  const heldOn = [inForceFrom, iso(service.clock.now()).slice(0, 10)].sort()[0]!;
  const adopted = await supervisor('POST', `${books}/${drafted.body.id}/adopt`, {
    inForceFrom,
    resolution: { heldOn, ...unanimous },
  });
  if (adopted.status !== 200) throw new Error(`not adopted: ${adopted.text}`);
  return Object.fromEntries(adopted.body.rules.map((rule: { code: string; id: string }) => [rule.code, rule.id]));
}
