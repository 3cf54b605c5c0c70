import { iso } from '../../src/calendar.ts';
import type { RuleDraft } from '../../src/rules/rule-draft.ts';
import { insisting } from './awards.ts';
import type { Service } from './service.ts';
import { villages } from './service.ts';

/** A rule of a test's own: five points a time, for the household, without a cap, by a count, so that a clerk may award it. */
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
    evidence: ['count'],
    excludes: [],
    highestOnlyGroup: null,
    honour: true,
    publicity: 'required',
    onBehalf: true,
    ...fields,
  };
}

export const unanimous = { present: 40, votesFor: 40, votesAgainst: 0, abstained: 0 };

/** Does something at another time than the service's clock shows, and puts the clock back. */
export async function atTime<T>(service: Service, time: string, work: () => Promise<T>): Promise<T> {
  const now = iso(service.clock.now());
  service.clock.set(time);
  try {
    return await work();
  } finally {
    service.clock.set(now);
  }
}

/**
 * Drafts and adopts a rule book over HTTP, by two people: the day before it comes into force at the latest. Answers the
 * id of each rule by its code.
 */
export async function adoptRules(
  service: Service,
  rules: RuleDraft[],
  options: { inForceFrom?: string; village?: string } = {},
): Promise<Record<string, string>> {
  const { inForceFrom = '2026-01-01', village = villages.own } = options;
  const drafter = insisting(await service.as('villageAdmin', village));
  const supervisor = insisting(await service.as('supervisor', village));
  const books = `/v1/villages/${village}/rule-books`;
  const drafted = await drafter('POST', books, { title: `积分细则 ${inForceFrom}`, rules });
  if (drafted.status !== 201) throw new Error(`not drafted: ${drafted.text}`);
  const now = iso(service.clock.now());
  const dayBefore = `${Temporal.PlainDate.from(inForceFrom).subtract({ days: 1 })}T02:00:00.000Z`;
  const adoptedAt = [dayBefore, now].sort()[0]!;
  const resolution = { heldOn: [inForceFrom, adoptedAt.slice(0, 10)].sort()[0]!, ...unanimous };
  const adopted = await atTime(service, adoptedAt, () =>
    supervisor('POST', `${books}/${drafted.body.id}/adopt`, { inForceFrom, resolution }),
  );
  if (adopted.status !== 200) throw new Error(`not adopted: ${adopted.text}`);
  return Object.fromEntries(adopted.body.rules.map((rule: { code: string; id: string }) => [rule.code, rule.id]));
}
