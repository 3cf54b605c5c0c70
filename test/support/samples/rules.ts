import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import { sampleBook, type World } from '../world.ts';

export const rulesSamples: Record<string, Sample> = {
  ruleBookUpdate: placed(async (world, ask) => ({
    method: 'PUT',
    url: await draft(world, ask),
    body: { ...sampleBook, title: '积分细则（修订）', revision: 1 },
  })),
  ruleBookDiscard: placed(async (world, ask) => post(`${await draft(world, ask)}/discard`)),
  ruleBookFindingList: placed(async (world, ask) => get(`${await draft(world, ask)}/findings`)),
  ruleBookDiffGet: placed(async (world, ask) => {
    const before = (await draft(world, ask)).split('/').at(-1);
    return get(`${await draft(world, ask)}/diff?against=${before}`);
  }),
  ruleBookSimulate: placed(async (world, ask) =>
    post(`${await draft(world, ask)}/simulate`, { from: '2026-11-01', to: '2026-12-01' }),
  ),
  publicRuleList: placed(async (_world, { village }) => get(`/v1/public/villages/${village}/rules`)),
};

async function draft(world: World, { village }: Ask): Promise<string> {
  const url = `${at(village)}/rule-books`;
  return `${url}/${(await world.made(await world.by('clerk', village), 'POST', url, sampleBook)).id}`;
}
