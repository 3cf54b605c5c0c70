import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import type { World } from '../world.ts';

const application = {
  grid: 1,
  address: '第一组 8 号',
  phone: null,
  members: [{ name: '张三', phone: '19900000963', idLast4: '166X' }],
  consent: { given: true, by: '张三' },
};

export const joiningSamples: Record<string, Sample> = {
  joinApplicationList: placed(async (_world, { village }) => get(`${at(village)}/join-applications`)),
  joinApplicationCreate: placed(async (_world, { village }) => post(`${at(village)}/join-applications`, application)),
  joinApplicationGet: placed(async (world, ask) => get(await submitted(world, ask))),
  joinApplicationApprove: placed(async (world, ask) => {
    const number = `J${world.next('joined')}`;
    return post(`${await submitted(world, ask)}/approve`, { number });
  }),
  joinApplicationReject: placed(async (world, ask) =>
    post(`${await submitted(world, ask)}/reject`, { reason: '不在本村居住' }),
  ),
  joinApplicationReturn: placed(async (world, ask) =>
    post(`${await submitted(world, ask)}/return`, { question: '户主电话少一位' }),
  ),
  joinApplicationResubmit: placed(async (world, ask) => {
    const url = await submitted(world, ask);
    const clerk = await world.by('clerk', ask.village);
    await world.made(clerk, 'POST', `${url}/return`, { question: '户主电话少一位' });
    return post(`${url}/resubmit`, { answer: '已更正', corrected: application });
  }),
  joinApplicationWithdraw: placed(async (world, ask) => post(`${await submitted(world, ask)}/withdraw`)),

  userKinGet: placed(async (world, ask) => get(await kinOf(world, ask))),
  userKinSet: placed(async (world, ask) => {
    const householdId = await world.service.household({}, ask.village);
    return { method: 'PUT', url: await kinOf(world, ask), body: { entries: [{ householdId, relation: 'kin' }] } };
  }),
};

/** Of somebody whom nobody else in the register resembles. */
async function submitted(world: World, { village }: Ask): Promise<string> {
  const clerk = await world.by('clerk', village);
  const members = [{ name: `申请人${world.next('applicant')}` }];
  const input = { ...application, address: null, members };
  const { id } = await world.made(clerk, 'POST', `${at(village)}/join-applications`, input);
  return `${at(village)}/join-applications/${id}`;
}

/** The caller's own list, where staff call; else somebody's. */
async function kinOf(world: World, { village, caller }: Ask): Promise<string> {
  const isStaff =
    caller?.actor.kind === 'staff' && caller.actor.grants.some(([, prefix]) => village.startsWith(prefix));
  const { id } = isStaff ? caller.actor : await world.user('villageAdmin', village);
  return `${at(village)}/users/${id}/kin`;
}
