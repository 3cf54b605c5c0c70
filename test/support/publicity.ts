import { insisting } from './awards.ts';
import { adoptRules, ruleDraft } from './rules.ts';
import { openService, type Reply, type Service, villages } from './service.ts';

export const at = `/v1/villages/${villages.own}`;
export const publicAt = `/v1/public/villages/${villages.own}`;

type Options = NonNullable<Parameters<typeof openService>[1]>;

/** A village in which points wait three days on the notice board, with the people who work there. */
export async function openBoard(t: Parameters<typeof openService>[0], options: Options = {}) {
  const policy = { directAwardPublicityDays: 3, householdDayMaxPoints: 1_000, ...options.policy };
  const service = await openService(t, { ...options, policy });
  const rules = await adoptRules(service, [ruleDraft('ENV03'), ruleDraft('EXE01', { publicity: 'exempt', points: 3 })]);
  const by = async (role: Parameters<Service['as']>[0]) => insisting(await service.as(role));
  const staff = {
    clerk: await by('clerk'),
    publisher: await by('clerk'),
    admin: await by('villageAdmin'),
    board: await by('supervisionBoard'),
    supervisor: await by('supervisor'),
  };
  /** Enters an award of five points for each of the households. Answers their ids, in order. */
  const award = async (householdIds: string[], fields: object = {}): Promise<string[]> => {
    const items = householdIds.map(householdId => ({ ruleId: rules.ENV03, householdId, quantity: 1, ...fields }));
    const { body } = succeeded(await staff.clerk('POST', `${at}/awards/batch`, { mode: 'perItem', items }));
    return body.results.map((result: { award: { id: string } }) => result.award.id);
  };
  /** Publishes all that waits. Answers the notice. */
  const publish = async () => succeeded(await staff.publisher('POST', `${at}/notices`, {})).body;
  /** What a household can spend and what waits. */
  const points = async (householdId: string) =>
    (await staff.clerk('GET', `${at}/households/${householdId}/points`)).body;
  const awardState = async (id: string): Promise<string> => (await staff.clerk('GET', `${at}/awards/${id}`)).body.state;
  const sound = async () => (await staff.admin('POST', `${at}/book/verify`)).body.sound as boolean;
  return { service, rules, ...staff, award, publish, points, awardState, sound };
}

export type Board = Awaited<ReturnType<typeof openBoard>>;

export function succeeded(reply: Reply): Reply {
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text.slice(0, 300)}`);
  return reply;
}
