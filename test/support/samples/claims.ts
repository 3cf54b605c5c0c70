import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import type { World } from '../world.ts';

export const claimsSamples: Record<string, Sample> = {
  claimList: placed(async (_world, { village }) => get(`${at(village)}/claims`)),
  claimCreate: placed(async (world, ask) => post(`${at(ask.village)}/claims`, await newClaim(world, ask))),
  claimBatch: placed(async (world, ask) =>
    post(`${at(ask.village)}/claims/batch`, { items: [{ ref: '1', ...(await newClaim(world, ask)) }] }),
  ),
  claimGet: placed(async (world, ask) => get(await filed(world, ask))),
  // By who filed it, or by its household.
  claimWithdraw: placed(async (world, ask) => post(`${await filed(world, ask, ask.caller)}/withdraw`)),
  claimResubmit: placed(async (world, ask) => {
    const url = await filed(world, ask, ask.caller);
    await world.made(await world.by('reviewer', ask.village), 'POST', `${url}/return`, { question: '哪一段路？' });
    return post(`${url}/resubmit`, { note: '村口到公厕' });
  }),

  claimQueue: placed(async (_world, { village }) => get(`${at(village)}/claims/queue?step=firstReview`)),
  claimTake: placed(async (world, ask) => post(`${await filed(world, ask)}/take`)),
  claimRelease: placed(async (world, ask) => post(`${await filed(world, ask)}/release`)),
  claimPass: placed(async (world, ask) => post(`${await filed(world, ask)}/pass`, { quantity: 1 })),
  claimReturn: placed(async (world, ask) => post(`${await filed(world, ask)}/return`, { question: '哪一段路？' })),
  claimReject: placed(async (world, ask) => {
    const url = ask.role === 'supervisor' ? await awaitingSecond(world, ask) : await filed(world, ask);
    return post(`${url}/reject`, { reason: '照片看不清' });
  }),
  claimVote: placed(async (world, ask) => post(`${await inPanel(world, ask)}/votes`, { verdict: 'approve' })),
  claimConfirm: placed(async (world, ask) => post(`${await awaitingSecond(world, ask)}/confirm`)),
  claimDecisionBatch: placed(async (world, ask) => {
    const claimId = (await filed(world, ask)).split('/').at(-1);
    return post(`${at(ask.village)}/claims/decisions/batch`, {
      items: [{ ref: '1', claimId, step: 'firstReview', verdict: 'pass' }],
    });
  }),
};

async function newClaim(world: World, ask: Ask) {
  return {
    ruleId: await world.rule(ask.village),
    householdId: await ask.household(),
    quantity: 1,
    occasion: `claimed-${world.next('claim')}`,
    place: '二组公厕',
    evidence: [{ kind: 'signIn', text: '签到表第 3 行' }],
  };
}

/** Filed by a clerk, unless the caller may do so itself. */
async function filed(world: World, ask: Ask, caller: Ask['caller'] = undefined, fields: object = {}): Promise<string> {
  const by = caller ?? (await world.by('clerk', ask.village));
  const url = `${at(ask.village)}/claims`;
  return `${url}/${(await world.made(by, 'POST', url, { ...(await newClaim(world, ask)), ...fields })).id}`;
}

async function inPanel(world: World, ask: Ask, fields: object = {}): Promise<string> {
  const url = await filed(world, ask, undefined, fields);
  await world.made(await world.by('reviewer', ask.village), 'POST', `${url}/pass`, {});
  return url;
}

async function awaitingSecond(world: World, ask: Ask): Promise<string> {
  const url = await inPanel(world, ask, { custom: { points: 3, reason: '细则没有对应事项' } });
  for (let left = 2; left > 0; left -= 1) {
    const voter = await world.service.as('reviewer', ask.village);
    await world.made(voter, 'POST', `${url}/votes`, { verdict: 'approve' });
  }
  return url;
}
