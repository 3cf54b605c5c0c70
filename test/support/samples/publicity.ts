import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { rowsOf, type Tx } from '../../../src/db/database.ts';
import { awardEach } from '../../../src/earning/award.ts';
import { readContexts } from '../../../src/earning/validate-award.ts';
import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import { type Caller, nobody } from '../service.ts';
import { until } from '../waiting.ts';
import type { World } from '../world.ts';

export const publicitySamples: Record<string, Sample> = {
  noticeList: placed(async (_world, { village }) => get(`${at(village)}/notices`)),
  noticeCreate: placed(async (world, ask) => {
    await turnOf(world, ask);
    return post(`${at(ask.village)}/notices`, { skipOwn: true });
  }),
  noticeGet: placed(async (world, ask) => get((await notice(world, ask)).url)),
  noticeStrike: placed(async (world, ask) => {
    const { url, awardId } = await notice(world, ask);
    return post(`${url}/strike`, { awardId, reason: '登记错户' });
  }),
  noticeClose: placed(async (world, ask) => {
    const { url, noticeId } = await notice(world, ask);
    await asOwner(world, ask.village, tx =>
      tx.execute(sql`
        update publicity.notice set starts_on = starts_on - 10, ends_at = ends_at - interval '10 days'
         where id = ${noticeId}`),
    );
    return post(`${url}/close`);
  }),
  publicNoticeList: placed(async (_world, { village }) => get(`/v1/public/villages/${village}/notices`)),
  publicNoticeGet: placed(async (world, ask) => get(publicly((await notice(world, ask)).url))),
  publicNoticeSheetGet: placed(async (world, ask) => get(`${publicly((await notice(world, ask)).url)}/sheet`)),

  objectionList: placed(async (_world, { village }) => get(`${at(village)}/objections`)),
  objectionCreate: placed(async (world, ask) => {
    const { awardId } = await notice(world, ask);
    return post(`${at(ask.village)}/objections`, { awardId, reason: '当天未见该户参加清扫' });
  }),
  objectionGet: placed(async (world, ask) => get(await objection(world, ask, await ask.household()))),
  objectionWithdraw: placed(async (world, ask) => {
    const own = await objection(world, ask);
    return post(`${own}/withdraw`);
  }),
  objectionDismiss: placed(async (world, ask) =>
    post(`${await objection(world, { village: ask.village })}/dismiss`, { ruling: '签到表有本人签名' }),
  ),
  objectionUphold: placed(async (world, ask) =>
    post(`${await objection(world, { village: ask.village })}/uphold`, { ruling: '签到表上没有' }),
  ),
  appealList: placed(async (_world, { village }) => get(`${at(village)}/appeals`)),
  appealCreate: placed(async (world, ask) => {
    const objectionId = (await dismissed(world, ask)).split('/').at(-1);
    return post(`${at(ask.village)}/appeals`, { objectionId, reason: '有组长作证' });
  }),
  appealGet: placed(async (world, ask) => get(await appeal(world, ask, await ask.household()))),
  appealDismiss: placed(async (world, ask) => post(`${await appeal(world, ask)}/dismiss`, { ruling: '维持原裁定' })),
  appealUphold: placed(async (world, ask) => post(`${await appeal(world, ask)}/uphold`, { ruling: '裁定有误' })),
};

type Place = Pick<Ask, 'village' | 'caller'>;

function publicly(url: string): string {
  return url.replace('/v1/', '/v1/public/');
}

/** An award of some household that waits for a notice, entered and decided by nobody in particular. */
async function award(tx: Tx, world: World, village: string, on: { ruleId: string; householdId: string }) {
  const line = { ...on, memberId: null, quantity: 1, note: null };
  const origin = { enteredBy: nobody.id, decidedBy: [randomUUIDv7()], frozen: {} };
  const contexts = await readContexts(tx, [{ village, line }]);
  // The sample rule is exempt from publicity; this one award is not.
  contexts.get(village)!.rules.get(line.ruleId)!.publicity = 'required';
  const asked = [{ actor: nobody, village, line, origin }];
  const options = { atomic: false, batchId: null };
  const [made] = await awardEach(tx, asked, contexts, options, world.service.clock.now());
  if (made === undefined || made === 'undone' || 'refusal' in made) throw new Error('no award to publish');
  return made.award.id;
}

const turns = new WeakMap<World, Map<string, Promise<string>>>();

/**
 * Something to publish for this caller. A notice takes whatever waits, so whoever comes next makes theirs when the one
 * before has published.
 */
async function turnOf(world: World, { village, caller }: Ask): Promise<void> {
  const make = async () => {
    const on = { ruleId: await world.rule(village), householdId: await world.service.household({}, village) };
    return world.service.inVillage(village, tx => award(tx, world, village, on));
  };
  // Nobody publishes for a call that is to be refused.
  if (caller === undefined) return void (await make());
  const last = turns.get(world) ?? new Map<string, Promise<string>>();
  turns.set(world, last);
  const before = last.get(village);
  const made = (async () => {
    if (before !== undefined) await untilPublished(world, village, await before);
    return make();
  })();
  last.set(village, made);
  await made;
}

async function untilPublished(world: World, village: string, awardId: string): Promise<void> {
  const lines = () =>
    world.service.inVillage(village, tx =>
      rowsOf(tx, sql`select 1 from publicity.line where village = ${village} and award_id = ${awardId}`),
    );
  await until(async () => (await lines()).length > 0, 'the award before is published');
}

/**
 * A notice with one line of its own. Published over HTTP it would take what other samples let wait, and theirs it: award
 * and line are written at once, which only the owner may.
 */
async function notice(world: World, { village }: Place, household?: string) {
  const noticeId = randomUUIDv7();
  const number = `GS-20201123-${1_000 + world.next('notice')}`;
  const householdId = household ?? (await world.service.household({}, village));
  const ruleId = await world.rule(village);
  const awardId = await asOwner(world, village, async tx => {
    const id = await award(tx, world, village, { ruleId, householdId });
    await tx.execute(sql`
      insert into publicity.notice (village, id, number, published_by, published_at, starts_on, days, ends_at, line_count)
      values (${village}, ${noticeId}, ${number}, ${randomUUIDv7()}, '2026-11-23T02:00:00Z', '2026-11-24', 3,
              '2026-11-26T16:00:00Z', 1)`);
    await tx.execute(sql`
      insert into publicity.line (village, award_id, notice_id, place, entered_by, decided_by, published_by)
      select village, id, ${noticeId}, 1, created_by, decided_by, ${randomUUIDv7()} from earning.award where id = ${id}`);
    return id;
  });
  return { url: `${at(village)}/notices/${noticeId}`, noticeId, awardId };
}

async function asOwner<T>(world: World, village: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.service.ownerUrl });
  await client.connect();
  try {
    await client.query(`begin; set local role jifen_owner; set local jifen.scope = '${village}'`);
    const answer = await work(drizzle(client, { casing: 'snake_case' }) as unknown as Tx);
    await client.query('commit');
    return answer;
  } finally {
    await client.end();
  }
}

/** An objection of the caller, or of a clerk's. Answers its address. */
async function objection(world: World, { village, caller }: Place, householdId?: string): Promise<string> {
  const { awardId } = await notice(world, { village }, householdId);
  const mayObject = caller?.actor.grants.some(([role]) => ['household', 'clerk', 'supervisionBoard'].includes(role));
  const by: Caller = mayObject ? caller! : await world.by('clerk', village);
  const made = await world.made(by, 'POST', `${at(village)}/objections`, { awardId, reason: '当天未见该户参加清扫' });
  return `${at(village)}/objections/${made.id}`;
}

async function dismissed(world: World, ask: Place, householdId?: string): Promise<string> {
  const url = await objection(world, ask, householdId);
  const ruler = await world.service.as('supervisionBoard', ask.village);
  await world.made(ruler, 'POST', `${url}/dismiss`, { ruling: '签到表有本人签名' });
  return url;
}

/** An appeal of a clerk's. Answers its address. */
async function appeal(world: World, { village }: Place, householdId?: string): Promise<string> {
  const objectionId = (await dismissed(world, { village }, householdId)).split('/').at(-1);
  const clerk = await world.by('clerk', village);
  const made = await world.made(clerk, 'POST', `${at(village)}/appeals`, { objectionId, reason: '有组长作证' });
  return `${at(village)}/appeals/${made.id}`;
}
