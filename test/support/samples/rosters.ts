import { runImport } from '../../../src/rosters/run-import.ts';
import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import type { World } from '../world.ts';

const csv = { 'content-type': 'text/csv' };

export const rostersSamples: Record<string, Sample> = {
  householdImportList: placed(async (_world, { village }) => get(`${at(village)}/household-imports`)),
  householdImportCreate: placed(async (world, { village }) => ({
    ...post(`${at(village)}/household-imports`, roster(world)),
    headers: csv,
  })),
  householdImportGet: placed(async (world, ask) => get(await received(world, ask))),
  householdImportErrorList: placed(async (world, ask) => get(`${await received(world, ask)}/errors`)),
  householdImportCommit: placed(async (world, ask) => {
    const url = await received(world, ask);
    await runImport(world.service, { village: ask.village, importId: url.split('/').at(-1)! });
    return post(`${url}/commit`, {});
  }),
};

function roster(world: World): string {
  return `户号,网格,户主姓名,人数\nR${world.next('roster')},1,张三,2\n`;
}

async function received(world: World, { village }: Ask): Promise<string> {
  const clerk = await world.by('clerk', village);
  const made = await clerk('POST', `${at(village)}/household-imports`, roster(world), csv);
  return made.headers.location!;
}
