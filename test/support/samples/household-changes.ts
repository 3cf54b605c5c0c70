import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import type { World } from '../world.ts';

export const householdChangesSamples: Record<string, Sample> = {
  householdChangeList: placed(async (_world, { village }) => get(`${at(village)}/household-changes`)),
  householdChangeCreate: placed(async (world, ask) =>
    post(`${at(ask.village)}/household-changes`, await anotherHead(world, ask)),
  ),
  householdChangeGet: placed(async (world, ask) => get(await proposed(world, ask))),
  householdChangeApprove: placed(async (world, ask) => post(`${await proposed(world, ask)}/approve`)),
  householdChangeReject: placed(async (world, ask) =>
    post(`${await proposed(world, ask)}/reject`, { reason: '双方未签字' }),
  ),
  householdChangeWithdraw: placed(async (world, ask) => post(`${await proposed(world, ask)}/withdraw`)),
};

/** One of two people who is not the head yet, in a household of the caller's where there is one. */
async function anotherHead(world: World, ask: Ask) {
  const clerk = await world.by('clerk', ask.village);
  const householdId = await ask.household();
  const url = `${at(ask.village)}/households/${householdId}/members`;
  const { members } = await world.made(clerk, 'POST', url, { name: '李四' });
  const { id: headMemberId } = members.find((one: { isHead: boolean }) => !one.isHead);
  return { kind: 'head', householdId, headMemberId, reason: '户主外出务工' };
}

async function proposed(world: World, ask: Ask): Promise<string> {
  const url = `${at(ask.village)}/household-changes`;
  const clerk = await world.by('clerk', ask.village);
  const body = await anotherHead(world, ask);
  // One at a time: what an earlier call left open is taken back.
  const { data } = await world.made(clerk, 'GET', `${url}?state=proposed&householdId=${body.householdId}`);
  for (const { id } of data) await world.made(clerk, 'POST', `${url}/${id}/withdraw`);
  return `${url}/${(await world.made(clerk, 'POST', url, body)).id}`;
}
