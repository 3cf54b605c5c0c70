import { sql } from 'drizzle-orm';
import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import type { World } from '../world.ts';

export const evaluationsSamples: Record<string, Sample> = {
  evaluationRoundList: placed(async (_world, { village }) => get(`${at(village)}/evaluation-rounds`)),
  evaluationRoundCreate: placed(async (world, ask) =>
    post(`${at(ask.village)}/evaluation-rounds`, await newRound(world, ask)),
  ),
  evaluationRoundGet: placed(async (world, ask) => get((await planned(world, ask)).url)),
  evaluationRoundOpen: placed(async (world, ask) => post(`${(await planned(world, ask)).url}/open`)),
  evaluationSheetGet: placed(async (world, ask) => get(`${(await opened(world, ask)).url}/sheet`)),
  evaluationScoresPut: placed(async (world, ask) => {
    // A household of its own: the one that the call is about may be the caller's kin.
    const householdId = await world.service.household({}, ask.village);
    const { url } = await opened(world, ask);
    return { method: 'PUT', url: `${url}/scores`, body: { entries: [{ householdId, scores: [55, 36] }] } };
  }),
  evaluationRoundClose: placed(async (world, ask) => post(`${await scored(world, ask)}/close`)),
  evaluationRoundCancel: placed(async (world, ask) => post(`${(await planned(world, ask)).url}/cancel`)),
  evaluationResultList: placed(async (world, ask) => {
    const url = await scored(world, ask);
    await world.made(await world.by('supervisor', ask.village), 'POST', `${url}/close`);
    return get(`${url}/results`);
  }),
};

async function newRound(world: World, { village, caller, role }: Ask) {
  const judges = [await world.service.as('reviewer', village), await world.service.as('reviewer', village)];
  const third = role === 'reviewer' && caller !== undefined ? caller : await world.service.as('reviewer', village);
  return {
    month: '2026-11',
    title: `庭院评比${world.next('round')}`,
    items: [
      { name: '庭院整洁', maxScore: 60 },
      { name: '室内卫生', maxScore: 40 },
    ],
    judges: [...judges, third].map(judge => judge.actor.id),
    grades: [{ title: '最清洁庭院', averageMin: 90, ruleId: await world.rule(village), quantity: 1 }],
  };
}

async function planned(world: World, ask: Ask): Promise<{ url: string; judges: string[] }> {
  const rounds = `${at(ask.village)}/evaluation-rounds`;
  const clerk = await world.by('clerk', ask.village);
  const { id, judges } = await world.made(clerk, 'POST', rounds, await newRound(world, ask));
  return { url: `${rounds}/${id}`, judges };
}

async function opened(world: World, ask: Ask): Promise<{ url: string; judges: string[] }> {
  const { url, judges } = await planned(world, ask);
  await world.made(await world.by('clerk', ask.village), 'POST', `${url}/open`);
  return { url, judges };
}

/** A round whose sheets are complete: nobody was at home, but for one household. */
async function scored(world: World, ask: Ask): Promise<string> {
  const householdId = await world.service.household({}, ask.village);
  const { url, judges } = await opened(world, ask);
  const roundId = url.split('/').at(-1)!;
  await world.service.inVillage(ask.village, async tx => {
    for (const judge of judges) {
      await tx.execute(sql`
        select evaluations.give_scores(${ask.village}, ${roundId}, ${judge}, now(), (
          select jsonb_agg(jsonb_build_object('householdId', household_id, 'scores',
                   case when household_id = ${householdId}::uuid then '[55, 36]'::jsonb end))
            from evaluations.entrant where village = ${ask.village} and round_id = ${roundId}))`);
    }
  });
  return url;
}
