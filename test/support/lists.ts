import { sql } from 'drizzle-orm';
import { runImport } from '../../src/rosters/run-import.ts';
import { samples } from './operations.ts';
import { adoptRules, ruleDraft } from './rules.ts';
import { type Call, patch } from './sample-calls.ts';
import { type Caller, type Service, villages } from './service.ts';
import { newGoods, newUser, openWorld, type World } from './world.ts';

/** What the rows of a list are known by: an id, or what `nameOf` makes of a row. */
type Name = string | number;

/**
 * Two queries of one list, of which each has a row that the other has not: the filter asked, and the list without it.
 * A list without a filter shows both rows, unless `instead` names another query, for filters that a list cannot do
 * without and for such as choose another view.
 */
export interface Split {
  query: string;
  in: Name;
  out: Name;
  instead?: string;
}

/** A list with at least two rows in it, made for this. */
export interface List {
  url: string;
  /** Who sees both rows of each split. */
  by: Caller;
  /** Also asked where the list is asked without a filter. */
  always?: string;
  // biome-ignore lint/suspicious/noExplicitAny: rows have every shape
  nameOf?: (row: any, place: number) => Name;
  /** By the name of the query parameter. Two for one parameter have a word behind it: `q: sku`. */
  filters?: Record<string, Split>;
  /** Callers who see one of two rows: a household its own, staff what lies in their reach. `seenBy` sees the other. */
  sees?: { by: Caller; in: Name; out: Name; seenBy?: Caller }[];
  /** Why a household that may call it sees every row. */
  openToHouseholds?: string;
}

export interface Ground {
  world: World;
  service: Service;
  /** Address of the village. */
  at: string;
  clerk: Caller;
  admin: Caller;
  keeper: Caller;
  supervisor: Caller;
  reviewer: Caller;
  board: Caller;
  /** Makes something over HTTP and answers it. */
  made: World['made'];
  /** A rule that was in force until the last day of October. */
  earlierRuleId: string;
  /** A household with points and honour, and itself as a caller. */
  home(said?: Parameters<Service['household']>[0]): Promise<Home>;
  /** The sample call of an operation, made ready, about this household. */
  ready(operation: string, home: Home): Promise<Call>;
}

export interface Home {
  id: string;
  caller: Caller;
}

export async function openGround(service: Service): Promise<Ground> {
  // Until the sample's own rule book comes into force.
  const earlier = await adoptRules(service, [ruleDraft('OTH01', { evidence: ['witness'] })]);
  const world = openWorld(service);
  const village = villages.own;
  return {
    world,
    service,
    at: `/v1/villages/${village}`,
    clerk: await world.by('clerk', village),
    admin: await world.by('villageAdmin', village),
    keeper: await world.by('storekeeper', village),
    supervisor: await world.by('supervisor', village),
    reviewer: await world.by('reviewer', village),
    board: await world.by('supervisionBoard', village),
    made: world.made,
    earlierRuleId: earlier.OTH01!,
    async home(said) {
      const id = await service.household(said);
      await service.givePoints(id, 100);
      return { id, caller: await service.asHousehold(id) };
    },
    ready: (operation, home) => samples[operation]!.make(world, { village, household: async () => home.id }),
  };
}

/** The id that a call is about: the last part of its path, or of what a verb is done to. */
export function idOf({ url }: Call): string {
  return url
    .split('?')[0]!
    .match(/[0-9a-f-]{36}/g)!
    .at(-1)!;
}

const today = '2026-11-23';
const yesterday = '2026-11-22';
const yesterdayAt = `${yesterday}T02:00:00.000Z`;
const open = 'what is the village’s, and names nobody';
const byPath = 'the path names whose it is, and another one’s is not found: test/access.test.ts';

/** Each list of the contract, by operation. */
export const lists: Record<string, (ground: Ground) => Promise<List>> = {
  async userList({ world, service, made }) {
    const by = await world.by('platformAdmin', '');
    const user = async (village: string) =>
      (await made(by, 'POST', '/v1/users', newUser(world, 'villageAdmin', village))).id;
    const [ours, theirs] = [await user(villages.own), await user(villages.sibling)];
    const secretary = await service.as('villageAdmin');
    return { url: '/v1/users', by, sees: [{ by: secretary, in: ours, out: theirs }] };
  },

  async divisionList({ world, clerk }) {
    const [province, town] = ['520000000000', '520281127000'];
    return {
      url: '/v1/divisions',
      by: await world.by('platformAdmin', ''),
      always: `parent=${town}`,
      nameOf: row => row.code,
      filters: { parent: { query: `parent=${town}`, in: villages.own, out: province, instead: 'limit=200' } },
      sees: [{ by: clerk, in: villages.own, out: villages.sibling }],
    };
  },

  async villageList({ world, clerk }) {
    return {
      url: '/v1/villages',
      by: await world.by('platformAdmin', ''),
      nameOf: row => row.village,
      sees: [{ by: clerk, in: villages.own, out: villages.foreign }],
      openToHouseholds: open,
    };
  },

  async householdList({ at, clerk, admin, made, home }) {
    await made(admin, 'POST', `${at}/grids`, { number: 2, name: '第二组' });
    const one = await home({ grid: 1, members: [{ name: '欧阳一' }] });
    const other = await home({ grid: 2, members: [{ name: '司马二' }] });
    return {
      url: `${at}/households`,
      by: clerk,
      filters: {
        q: { query: `q=${encodeURIComponent('欧阳')}`, in: one.id, out: other.id },
        grid: { query: 'grid=2', in: other.id, out: one.id },
      },
    };
  },

  async correctionList({ at, clerk, home }) {
    const [one, other] = [await home(), await home()];
    const correct = async ({ url, body, headers }: Call) => {
      const answer = await clerk('PATCH', url, body, headers);
      if (answer.status !== 200) throw new Error(answer.text);
    };
    const headOf = async ({ id }: Home) => (await clerk('GET', `${at}/households/${id}`)).body.headMemberId;
    const member = await headOf(one);
    await correct(patch(`${at}/members/${member}`, { name: '欧阳三' }));
    await correct(patch(`${at}/households/${other.id}`, { address: '第一组 9 号' }));
    return {
      url: `${at}/corrections`,
      by: clerk,
      nameOf: row => row.subjectId,
      filters: {
        subject: { query: 'subject=member', in: member, out: other.id },
        subjectId: { query: `subjectId=${member}`, in: member, out: other.id },
        householdId: { query: `householdId=${one.id}`, in: member, out: other.id },
      },
      sees: [{ by: one.caller, in: member, out: other.id }],
    };
  },

  async householdChangeList({ at, clerk, made, home, ready }) {
    const [one, other] = [await home(), await home()];
    const url = `${at}/household-changes`;
    const proposed = idOf(await ready('householdChangeGet', one));
    await made(clerk, 'POST', `${at}/households/${other.id}/members`, { name: '李四' });
    const { id: withdrawn } = await made(clerk, 'POST', url, {
      kind: 'death',
      householdId: other.id,
      memberId: (await made(clerk, 'GET', `${at}/households/${other.id}`)).members.find(
        (member: { isHead: boolean }) => !member.isHead,
      ).id,
      diedOn: yesterday,
      reason: '死亡证明',
    });
    await made(clerk, 'POST', `${url}/${withdrawn}/withdraw`);
    return {
      url,
      by: clerk,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: proposed, out: withdrawn },
        kind: { query: 'kind=death', in: withdrawn, out: proposed },
        state: { query: 'state=proposed', in: proposed, out: withdrawn },
      },
      sees: [{ by: one.caller, in: proposed, out: withdrawn }],
    };
  },

  async joinApplicationList({ at, clerk, made, home, ready }) {
    const anybody = await home();
    const submitted = idOf(await ready('joinApplicationGet', anybody));
    const withdrawn = idOf(await ready('joinApplicationGet', anybody));
    await made(clerk, 'POST', `${at}/join-applications/${withdrawn}/withdraw`);
    return {
      url: `${at}/join-applications`,
      by: clerk,
      filters: { state: { query: 'state=withdrawn', in: withdrawn, out: submitted } },
    };
  },

  async householdImportList({ at, clerk, home, ready }) {
    const anybody = await home();
    for (let left = 2; left > 0; left -= 1) await ready('householdImportGet', anybody);
    return { url: `${at}/household-imports`, by: clerk };
  },

  async householdImportErrorList({ at, service, clerk }) {
    const csv = { 'content-type': 'text/csv' };
    const roster = '户号,网格,户主姓名,人数\nL1,88,张三,2\nL2,89,李四,2\n';
    const sent = await clerk('POST', `${at}/household-imports`, roster, csv);
    const url = sent.headers.location!;
    await runImport(service, { village: villages.own, importId: url.split('/').at(-1)! });
    return { url: `${url}/errors`, by: clerk, nameOf: row => row.row };
  },

  async ruleBookList({ at, clerk, home, ready }) {
    const anybody = await home();
    for (let left = 2; left > 0; left -= 1) await ready('ruleBookGet', anybody);
    return { url: `${at}/rule-books`, by: clerk };
  },

  async ruleBookDiffGet({ at, clerk, made }) {
    const draft = async (...codes: string[]) =>
      (await made(clerk, 'POST', `${at}/rule-books`, { title: '比较稿', rules: codes.map(code => ruleDraft(code)) }))
        .id;
    const [one, other, both] = [await draft('OTH01'), await draft('OTH02'), await draft('OTH01', 'OTH02')];
    return {
      url: `${at}/rule-books/${both}/diff`,
      by: clerk,
      nameOf: row => `${row.code} ${row.kind}`,
      filters: {
        against: { query: `against=${one}`, in: 'OTH02 added', out: 'OTH01 added', instead: `against=${other}` },
      },
    };
  },

  async ruleList({ at, world, clerk, earlierRuleId }) {
    const ruleId = await world.rule(villages.own);
    return {
      url: `${at}/rules`,
      by: clerk,
      filters: { on: { query: 'on=2026-10-31', in: earlierRuleId, out: ruleId, instead: 'on=2026-11-01' } },
      openToHouseholds: open,
    };
  },

  async awardList({ at, world, clerk, admin, made, home }) {
    const [one, other] = [await home(), await home()];
    const ruleId = await world.rule(villages.own);
    const give = async (householdId: string, said: object) =>
      (await made(clerk, 'POST', `${at}/awards`, { ruleId, householdId, quantity: 1, ...said })).id;
    const posted = await give(one.id, {});
    const reversed = await give(other.id, { occurredAt: yesterdayAt });
    const said = { awardId: reversed, reason: '登记错户' };
    const { id } = await made(clerk, 'POST', `${at}/reversals`, said);
    await made(admin, 'POST', `${at}/reversals/${id}/approve`);
    return {
      url: `${at}/awards`,
      by: clerk,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: posted, out: reversed },
        state: { query: 'state=pending&state=reversed', in: reversed, out: posted },
        businessFrom: { query: `businessFrom=${today}`, in: posted, out: reversed },
        businessTo: { query: `businessTo=${today}`, in: reversed, out: posted },
      },
      sees: [{ by: one.caller, in: posted, out: reversed }],
    };
  },

  async reversalList({ at, clerk, admin, made, home, ready }) {
    const [one, other] = [await home(), await home()];
    const proposed = idOf(await ready('reversalGet', one));
    const rejected = idOf(await ready('reversalGet', other));
    await made(admin, 'POST', `${at}/reversals/${rejected}/reject`, { reason: '核对无误' });
    return {
      url: `${at}/reversals`,
      by: clerk,
      filters: { state: { query: 'state=posted&state=rejected', in: rejected, out: proposed } },
      sees: [{ by: one.caller, in: proposed, out: rejected }],
    };
  },

  async arrearsWaiverList({ at, admin, clerk, made, home, ready }) {
    const [one, other] = [await home(), await home()];
    const proposed = idOf(await ready('arrearsWaiverGet', one));
    const rejected = idOf(await ready('arrearsWaiverGet', other));
    await made(admin, 'POST', `${at}/arrears-waivers/${rejected}/reject`, { reason: '应由本户偿还' });
    return {
      url: `${at}/arrears-waivers`,
      by: clerk,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: proposed, out: rejected },
        state: { query: 'state=posted&state=rejected', in: rejected, out: proposed },
      },
      sees: [{ by: one.caller, in: proposed, out: rejected }],
    };
  },

  async evaluationRoundList({ at, clerk, made, home, ready }) {
    const planned = idOf(await ready('evaluationRoundGet', await home()));
    const url = `${at}/evaluation-rounds`;
    const { id: _, month: __, ...said } = await made(clerk, 'GET', `${url}/${planned}`);
    const { items, judges, grades } = said;
    const next = { month: '2026-12', title: '十二月评比', items, judges, grades: grades.map(gradeOf) };
    const { id: cancelled } = await made(clerk, 'POST', url, next);
    await made(clerk, 'POST', `${url}/${cancelled}/cancel`);
    return {
      url,
      by: clerk,
      filters: {
        month: { query: 'month=2026-11', in: planned, out: cancelled },
        state: { query: 'state=cancelled', in: cancelled, out: planned },
      },
      openToHouseholds: open,
    };
  },

  async evaluationSheetGet({ service, home, made, ready }) {
    const [seen, missing] = [await home(), await home()];
    const sheet = await ready('evaluationSheetGet', seen);
    const url = sheet.url.replace(/\/sheet$/, '');
    const { judges } = await made(await service.as('clerk'), 'GET', url);
    const by = await judge(service, judges[0]);
    await made(by, 'PUT', `${url}/scores`, { entries: [{ householdId: seen.id, scores: [55, 36] }] });
    return {
      url: `${url}/sheet`,
      by,
      nameOf: row => row.householdId,
      filters: { missing: { query: 'missing=true', in: missing.id, out: seen.id } },
    };
  },

  async evaluationResultList({ clerk, made, home, ready }) {
    const notSeen = await home();
    // A household of the sample's own is the one that was seen.
    const { url } = await ready('evaluationResultList', notSeen);
    const { data } = await made(clerk, 'GET', `${url}?limit=200`);
    const awarded = data.find((row: { averageHundredths: number | null }) => row.averageHundredths !== null);
    return {
      url,
      by: clerk,
      nameOf: row => row.householdId,
      filters: { outcome: { query: 'outcome=awarded', in: awarded.householdId, out: notSeen.id } },
      sees: [{ by: notSeen.caller, in: notSeen.id, out: awarded.householdId }],
    };
  },

  async storeList({ at, clerk, admin, world, made }) {
    await world.store(villages.own);
    await made(admin, 'POST', `${at}/stores`, { name: '二店' });
    return { url: `${at}/stores`, by: clerk, openToHouseholds: open };
  },

  async goodsList({ at, keeper, world, made }) {
    const url = `${at}/goods`;
    const goods = async (said: object) => (await made(keeper, 'POST', url, { ...newGoods(world), ...said })).id;
    const active = await goods({ name: '菜籽油', sku: 'OIL-1', barcode: '6901234567892' });
    const archived = await goods({ name: '蜂窝煤', sku: 'COAL-1' });
    await made(keeper, 'POST', `${url}/${archived}/archive`);
    const both = { in: active, out: archived };
    return {
      url,
      by: keeper,
      filters: {
        q: { query: `q=${encodeURIComponent('籽油')}`, ...both },
        'q: sku': { query: 'q=oil', ...both },
        'q: barcode': { query: 'q=6901234567892', ...both },
        state: { query: 'state=active', ...both },
      },
      openToHouseholds: open,
    };
  },

  async priceListList({ at, clerk, home, ready }) {
    const anybody = await home();
    for (let left = 2; left > 0; left -= 1) await ready('priceListGet', anybody);
    return { url: `${at}/price-lists`, by: clerk, openToHouseholds: open };
  },

  async stockDocumentList({ at, keeper, admin, world, made, home, ready }) {
    const url = `${at}/stock-documents`;
    const posted = idOf(await ready('stockDocumentGet', await home()));
    await made(admin, 'POST', `${url}/${posted}/post`);
    const goodsId = await world.goods(villages.own);
    const storeId = await world.store(villages.own);
    const said = { type: 'writeOff', storeId, reason: '破损', lines: [{ goodsId, quantity: 1 }] };
    const { id: draft } = await made(keeper, 'POST', url, said);
    return {
      url,
      by: keeper,
      filters: {
        type: { query: 'type=writeOff', in: draft, out: posted },
        state: { query: 'state=posted', in: posted, out: draft },
      },
    };
  },

  async stockCountList({ at, keeper, clerk, world, made }) {
    const url = `${at}/stock-counts`;
    const goodsId = await world.goods(villages.own);
    const said = { storeId: await world.store(villages.own), goodsIds: [goodsId] };
    const { id: open } = await made(keeper, 'POST', url, said);
    const { id: counted } = await made(keeper, 'POST', url, said);
    for (const by of [keeper, clerk]) {
      await made(by, 'POST', `${url}/${counted}/figures`, { figures: [{ goodsId, counted: 1 }] });
    }
    return { url, by: keeper, filters: { state: { query: 'state=agreed', in: counted, out: open } } };
  },

  async stockExpiryList({ at, keeper, admin, world, made }) {
    const goodsId = await world.goods(villages.own);
    const stores = ['临期分店', '另一分店'].map(name => made(admin, 'POST', `${at}/stores`, { name }));
    const [here, there] = (await Promise.all(stores)).map(({ id }) => `${id}`);
    const [soon, late, elsewhere] = ['2027-01-02', '2027-02-02', '2027-03-02'];
    const bring = async (storeId: string | undefined, days: (string | undefined)[]) => {
      const lines = days.map(expiresOn => ({ goodsId, quantity: 4, expiresOn }));
      const said = { type: 'receipt', storeId, reason: '进货', lines };
      const { id } = await made(keeper, 'POST', `${at}/stock-documents`, said);
      await made(admin, 'POST', `${at}/stock-documents/${id}/post`);
    };
    await bring(here, [soon, late]);
    await bring(there, [elsewhere]);
    const all = `storeId=${here}&days=366`;
    return {
      url: `${at}/stock-expiries`,
      by: keeper,
      always: all,
      nameOf: row => row.expiresOn,
      filters: {
        storeId: { query: all, in: soon!, out: elsewhere!, instead: `storeId=${there}&days=366` },
        days: { query: `storeId=${here}&days=60`, in: soon!, out: late! },
      },
    };
  },

  async stockLevelList({ at, keeper, admin, world, made }) {
    const { id: storeId } = await made(admin, 'POST', `${at}/stores`, { name: '库存分店' });
    const few = await made(keeper, 'POST', `${at}/goods`, { ...newGoods(world), minStock: 5 });
    const enough = await made(keeper, 'POST', `${at}/goods`, { ...newGoods(world), minStock: 4 });
    const lines = [few, enough].map(({ id: goodsId }) => ({ goodsId, quantity: 4 }));
    const said = { type: 'receipt', storeId, reason: '进货', lines };
    const { id } = await made(keeper, 'POST', `${at}/stock-documents`, said);
    await made(admin, 'POST', `${at}/stock-documents/${id}/post`);
    const level = (goods: { id: string }, onShelf: number, low: boolean) =>
      `${goods.id}: ${onShelf}${low ? ', low' : ''}`;
    const elsewhere = `storeId=${await world.store(villages.own)}`;
    return {
      url: `${at}/stock-levels`,
      by: keeper,
      always: elsewhere,
      nameOf: row => level({ id: row.goodsId }, row.onShelf, row.low),
      filters: {
        storeId: { query: `storeId=${storeId}`, in: level(few, 4, true), out: level(few, 0, true), instead: elsewhere },
        'storeId: enough there': {
          query: `storeId=${storeId}`,
          in: level(enough, 4, false),
          out: level(enough, 0, true),
          instead: elsewhere,
        },
      },
    };
  },

  async offerList({ at, admin, clerk, service, made, home, world }) {
    const goodsId = await world.goods(villages.own);
    const [rich, poor] = [await home(), await service.household()];
    const here = `storeId=${await world.store(villages.own)}`;
    const { id: elsewhere } = await made(admin, 'POST', `${at}/stores`, { name: '空店' });
    const offer = (reason: string | null) => `${goodsId}: ${reason}`;
    const onSale = { out: offer(null), instead: here };
    return {
      url: `${at}/offers`,
      by: clerk,
      nameOf: row => `${row.goodsId}: ${row.reason}`,
      filters: {
        storeId: { query: `storeId=${elsewhere}`, in: offer('outOfStock'), ...onSale },
        householdId: { query: `${here}&householdId=${poor}`, in: offer('notEnoughPoints'), ...onSale },
        'householdId: with points': {
          query: `${here}&householdId=${rich.id}`,
          in: offer(null),
          out: offer('notEnoughPoints'),
          instead: `${here}&householdId=${poor}`,
        },
      },
      openToHouseholds: open,
    };
  },

  async redemptionList({ at, keeper, made, home, ready, clerk }) {
    const [one, other] = [await home(), await home()];
    const reserved = idOf(await ready('redemptionGet', one));
    const { storeId, lines } = await made(keeper, 'GET', `${at}/redemptions/${reserved}`);
    const { code: cardCode } = await made(clerk, 'POST', `${at}/households/${other.id}/cards`);
    const pin = '274913';
    await clerk('PUT', `${at}/households/${other.id}/pin`, { pin });
    const { id: fulfilled } = await made(keeper, 'POST', `${at}/redemptions`, {
      storeId,
      lines: lines.map(({ goodsId, quantity }: { goodsId: string; quantity: number }) => ({ goodsId, quantity })),
      householdId: other.id,
      handOver: true,
      mode: 'counter',
      occurredAt: yesterdayAt,
      cardCode,
      pin,
    });
    return {
      url: `${at}/redemptions`,
      by: keeper,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: reserved, out: fulfilled },
        state: { query: 'state=reserved', in: reserved, out: fulfilled },
        businessFrom: { query: `businessFrom=${today}`, in: reserved, out: fulfilled },
        businessTo: { query: `businessTo=${today}`, in: fulfilled, out: reserved },
        presented: { query: 'presented=cardAndPin', in: fulfilled, out: reserved },
      },
      sees: [{ by: one.caller, in: reserved, out: fulfilled }],
    };
  },

  async returnList({ at, keeper, admin, made, home, ready }) {
    const url = `${at}/returns`;
    const proposed = idOf(await ready('returnGet', await home()));
    const rejected = idOf(await ready('returnGet', await home()));
    await made(admin, 'POST', `${url}/${rejected}/reject`, { note: '已开封' });
    const { redemptionId } = await made(keeper, 'GET', `${url}/${proposed}`);
    return {
      url,
      by: keeper,
      filters: {
        redemptionId: { query: `redemptionId=${redemptionId}`, in: proposed, out: rejected },
        state: { query: 'state=rejected', in: rejected, out: proposed },
      },
    };
  },

  async printJobList({ at, keeper, made, home, ready }) {
    const url = `${at}/print-jobs`;
    const job = async () => {
      const { body } = await ready('printJobCreate', await home());
      return (await made(keeper, 'POST', url, body as object)).id;
    };
    const [queued, printed] = [await job(), await job()];
    await made(keeper, 'PUT', `${url}/${printed}/outcome`, { state: 'printed' });
    return { url, by: keeper, filters: { state: { query: 'state=printed', in: printed, out: queued } } };
  },

  async claimList({ at, clerk, earlierRuleId, made, home, ready }) {
    const [one, other] = [await home(), await home()];
    const submitted = idOf(await ready('claimGet', one));
    const { id: withdrawn } = await made(clerk, 'POST', `${at}/claims`, {
      ruleId: earlierRuleId,
      householdId: other.id,
      quantity: 1,
      occurredAt: '2026-10-15T02:00:00.000Z',
      evidence: [{ kind: 'witness', text: '组长张三在场' }],
    });
    await made(clerk, 'POST', `${at}/claims/${withdrawn}/withdraw`);
    const { ruleId } = await made(clerk, 'GET', `${at}/claims/${submitted}`);
    return {
      url: `${at}/claims`,
      by: clerk,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: submitted, out: withdrawn },
        ruleId: { query: `ruleId=${ruleId}`, in: submitted, out: withdrawn },
        state: { query: 'state=approved&state=withdrawn', in: withdrawn, out: submitted },
      },
      sees: [{ by: one.caller, in: submitted, out: withdrawn }],
    };
  },

  async claimQueue({ at, admin, made, reviewer, service, home, ready }) {
    await made(admin, 'POST', `${at}/grids`, { number: 3, name: '第三组' });
    const submitted = idOf(await ready('claimGet', await home({ grid: 1 })));
    const elsewhere = idOf(await ready('claimGet', await home({ grid: 3 })));
    const inPanel = idOf(await ready('claimGet', await home({ grid: 1 })));
    await made(reviewer, 'POST', `${at}/claims/${inPanel}/pass`, {});
    const taken = idOf(await ready('claimGet', await home({ grid: 1 })));
    await made(reviewer, 'POST', `${at}/claims/${taken}/take`);
    const by = await service.as('reviewer');
    return {
      url: `${at}/claims/queue`,
      by,
      always: 'step=firstReview',
      filters: {
        step: { query: 'step=panel', in: inPanel, out: submitted, instead: 'step=firstReview' },
        grid: { query: 'step=firstReview&grid=3', in: elsewhere, out: submitted },
      },
      // What somebody has taken is in the queue of nobody else.
      sees: [{ by, in: submitted, out: taken, seenBy: reviewer }],
    };
  },

  async publicNoticeList(ground) {
    return { ...(await notices(ground)), url: `/v1/public/villages/${villages.own}/notices`, openToHouseholds: open };
  },

  async noticeList(ground) {
    return { ...(await notices(ground)), url: `${ground.at}/notices` };
  },

  async objectionList({ at, clerk, board, made, home, ready }) {
    const url = `${at}/objections`;
    const [one, other] = [await home(), await home()];
    const lodged = idOf(await ready('objectionGet', one));
    const dismissed = idOf(await ready('objectionGet', other));
    await made(board, 'POST', `${url}/${dismissed}/dismiss`, { ruling: '签到表有本人签名' });
    const { awardId } = await made(clerk, 'GET', `${url}/${lodged}`);
    return {
      url,
      by: clerk,
      filters: {
        awardId: { query: `awardId=${awardId}`, in: lodged, out: dismissed },
        state: { query: 'state=dismissed', in: dismissed, out: lodged },
      },
      sees: [{ by: one.caller, in: lodged, out: dismissed }],
    };
  },

  async appealList({ at, clerk, supervisor, made, home, ready }) {
    const url = `${at}/appeals`;
    const [one, other] = [await home(), await home()];
    const lodged = idOf(await ready('appealGet', one));
    const dismissed = idOf(await ready('appealGet', other));
    await made(supervisor, 'POST', `${url}/${dismissed}/dismiss`, { ruling: '维持原裁定' });
    const { awardId } = await made(clerk, 'GET', `${url}/${lodged}`);
    return {
      url,
      by: clerk,
      filters: {
        awardId: { query: `awardId=${awardId}`, in: lodged, out: dismissed },
        state: { query: 'state=dismissed', in: dismissed, out: lodged },
      },
      sees: [{ by: one.caller, in: lodged, out: dismissed }],
    };
  },

  async expiryRunList({ at, clerk, admin, made, home }) {
    const url = `${at}/expiry-runs`;
    const { caller } = await home();
    const { id: announced } = await made(admin, 'POST', url, { kind: 'lots', throughOn: '2026-06-30' });
    await made(admin, 'POST', `${url}/${announced}/announce`);
    const { id: previewed } = await made(admin, 'POST', url, { kind: 'yearEnd', year: 2026 });
    return {
      url,
      by: clerk,
      filters: {
        kind: { query: 'kind=yearEnd', in: previewed, out: announced },
        state: { query: 'state=announced', in: announced, out: previewed },
      },
      sees: [{ by: caller, in: announced, out: previewed }],
    };
  },

  async expiryLineList({ at, clerk, admin, made, home }) {
    const [one, other] = [await home(), await home()];
    const url = `${at}/expiry-runs`;
    // One run a year: the one of this year may be there already.
    const { data } = await made(clerk, 'GET', `${url}?kind=yearEnd&state=previewed`);
    for (const { id } of data) await made(admin, 'POST', `${url}/${id}/cancel`);
    const { id } = await made(admin, 'POST', url, { kind: 'yearEnd', year: 2026 });
    await made(admin, 'POST', `${url}/${id}/announce`);
    return {
      url: `${url}/${id}/lines`,
      by: clerk,
      nameOf: row => row.householdId,
      filters: { householdId: { query: `householdId=${one.id}`, in: one.id, out: other.id } },
      sees: [{ by: one.caller, in: one.id, out: other.id }],
    };
  },

  async kioskList({ at, service, admin }) {
    for (let left = 2; left > 0; left -= 1) await service.asKiosk();
    return { url: `${at}/kiosks`, by: admin };
  },

  async kioskCaseList({ at, service, admin, clerk, made }) {
    const [first, second] = [await service.asKiosk(), await service.asKiosk()];
    for (const [place, kiosk] of [first, second].entries()) {
      const answer = await kiosk('POST', '/v1/kiosk/ops', { ops: [`no.op.${place}`] });
      if (answer.status !== 207) throw new Error(answer.text);
    }
    const caseOf = async (kiosk: Caller) =>
      (await clerk('GET', `${at}/kiosk-cases?kioskId=${kiosk.actor.id}`)).body.data[0].id;
    const [open, closed] = [await caseOf(first), await caseOf(second)];
    for (const by of [clerk, admin]) {
      await made(by, 'POST', `${at}/kiosk-cases/${closed}/resolve`, { decision: 'noted', note: '已核实' });
    }
    return {
      url: `${at}/kiosk-cases`,
      by: admin,
      filters: {
        kioskId: { query: `kioskId=${first.actor.id}`, in: open, out: closed },
        open: { query: 'open=true', in: open, out: closed },
      },
    };
  },

  async accountList({ at, clerk, home }) {
    const [one, other] = [await home(), await home()];
    const [points, honour] = [`household:${one.id}:available PTS`, `household:${one.id}:honour HON`];
    const theirs = `household:${other.id}:available PTS`;
    return {
      url: `${at}/accounts`,
      by: clerk,
      nameOf: row => `${row.code} ${row.asset}`,
      filters: {
        householdId: { query: `householdId=${one.id}`, in: points, out: theirs },
        prefix: { query: `prefix=household:${one.id}:av`, in: points, out: honour },
        asset: { query: 'asset=HON', in: honour, out: points },
      },
      sees: [{ by: one.caller, in: points, out: theirs }],
    };
  },

  async accountEntryList(ground) {
    const { one, url, filters } = await entries(ground);
    const { data } = await ground.made(ground.clerk, 'GET', `${ground.at}/accounts?householdId=${one.id}`);
    const [account] = data.filter(({ code }: { code: string }) => code.endsWith(':available'));
    return { ...url, url: `${ground.at}/accounts/${account.number}/entries`, filters, openToHouseholds: byPath };
  },

  async householdEntryList(ground) {
    const { one, url, filters, first } = await entries(ground);
    // Honour came with the points, in the same transaction: by its amount it is told apart.
    const honour = { query: 'account=honour', in: `${first} HON`, out: `${first} PTS`, instead: 'sort=number' };
    return {
      ...url,
      url: `${ground.at}/households/${one.id}/entries`,
      filters: { ...filters, account: honour },
      openToHouseholds: byPath,
    };
  },

  async verificationList({ at, admin, service }) {
    const at9 = (minute: number) => `2026-11-20T01:0${minute}:00.000Z`;
    const found = (minute: number, sound: boolean) =>
      service.inVillage(villages.own, tx =>
        tx.execute(sql`
        insert into audit.verification (village, checked_at, number, sound, head_hash, root_hash, checks)
        values (${villages.own}, ${at9(minute)}, 0, ${sound}, sha256(''), sha256(''), '[]')`),
      );
    await found(1, true);
    await found(2, false);
    return {
      url: `${at}/book/verifications`,
      by: admin,
      nameOf: row => row.checkedAt,
      filters: { sound: { query: 'sound=false', in: at9(2), out: at9(1) } },
    };
  },

  async transactionList({ at, clerk, made, home, ready, service }) {
    const one = await home();
    const { number: before } = await made(clerk, 'GET', `${at}/book`);
    await service.givePoints(one.id, 7);
    await ready('redemptionGet', one);
    const reserved = (await made(clerk, 'GET', `${at}/book`)).number;
    const back = { ruleId: await ruleOf(one), householdId: one.id, quantity: 1, occurredAt: yesterdayAt };
    const { transactionNumber: yesterdays } = await made(clerk, 'POST', `${at}/awards`, back);
    return {
      url: `${at}/transactions`,
      by: clerk,
      nameOf: row => row.number,
      filters: {
        kind: { query: 'kind=redemptionHold', in: reserved, out: yesterdays },
        businessFrom: { query: `businessFrom=${today}`, in: reserved, out: yesterdays },
        businessTo: { query: `businessTo=${today}`, in: yesterdays, out: reserved },
        fromNumber: { query: `fromNumber=${before + 1}`, in: before + 1, out: before },
        sort: { query: 'sort=number&limit=1', in: 1, out: yesterdays, instead: 'limit=1' },
      },
    };

    async function ruleOf(household: Home): Promise<string> {
      return (await made(clerk, 'GET', `${at}/awards/${idOf(await ready('awardGet', household))}`)).ruleId;
    }
  },

  async trialBalanceGet({ at, clerk, home, made, ready }) {
    const one = await home();
    const { ruleId } = await made(clerk, 'GET', `${at}/awards/${idOf(await ready('awardGet', one))}`);
    const back = { ruleId, householdId: one.id, quantity: 1, occurredAt: '2026-11-10T02:00:00.000Z' };
    await made(clerk, 'POST', `${at}/awards`, back);
    const account = `household:${one.id}:available`;
    // Of the account: what it had before, and what it has come to.
    const named = (opening: number, closing: number) => `${account}: ${opening} to ${closing}`;
    const detail = 'detail=account';
    return {
      url: `${at}/trial-balance`,
      by: clerk,
      always: detail,
      nameOf: row => (row.account === account && row.asset === 'PTS' ? named(row.opening, row.closing) : row.account),
      filters: {
        from: { query: `${detail}&from=2026-11-11`, in: named(5, 110), out: named(0, 110), instead: detail },
        to: { query: `${detail}&to=2026-11-11`, in: named(0, 5), out: named(0, 110), instead: detail },
        detail: { query: detail, in: named(0, 110), out: 'household:available', instead: 'limit=200' },
      },
    };
  },

  async signalList({ at, service, world, made, home }) {
    // Each gives to their own household, one yesterday and one today.
    const ruleId = await world.rule(villages.own);
    const seen = async (occurredAt?: string) => {
      const [clerk, { id: householdId }] = [await service.as('clerk'), await home()];
      await made(clerk, 'POST', `${at}/awards`, { ruleId, householdId, quantity: 1, occurredAt });
      await service.inVillage(villages.own, tx =>
        tx.execute(sql`
          insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
          values (${villages.own}, ${clerk.actor.id}, ${householdId}, 'own', ${clerk.actor.id}, now())`),
      );
      return `ownBenefit ${clerk.actor.id}`;
    };
    const [yesterdays, todays] = [await seen(yesterdayAt), await seen()];
    return {
      url: `${at}/signals`,
      by: await world.by('villageAdmin', villages.own),
      nameOf: row => `${row.kind} ${row.evidence.userIds}`,
      filters: {
        from: { query: `from=${today}&to=2026-12-01`, in: todays, out: yesterdays },
        to: { query: `from=2026-11-01&to=${today}`, in: yesterdays, out: todays },
      },
    };
  },

  async checkpointList({ at, admin, clerk, home, made }) {
    for (let left = 2; left > 0; left -= 1) {
      await home();
      await made(admin, 'POST', `${at}/book/checkpoints`);
    }
    return { url: `${at}/book/checkpoints`, by: clerk, nameOf: row => row.size, openToHouseholds: open };
  },
};

/** A judge, as somebody who may call. */
async function judge(service: Service, id: string): Promise<Caller> {
  const grants = [['reviewer', villages.own]] as [['reviewer', string]];
  return service.callerFor(
    { kind: 'staff', id, client: id, grants, kioskId: null, householdId: null, level: null },
    null,
  );
}

function gradeOf({ title, averageMin, ruleId, quantity }: Record<string, unknown>) {
  return { title, averageMin, ruleId, quantity };
}

/** A notice that runs and one that is closed. */
async function notices({ clerk, at, made, home, ready, service }: Ground): Promise<Omit<List, 'url'>> {
  const running = idOf(await ready('noticeGet', await home()));
  const due = await ready('noticeClose', await home());
  const closed = idOf(due);
  const closer = await service.as('villageAdmin');
  await made(closer, 'POST', `${at}/notices/${closed}/close`);
  return { by: clerk, filters: { state: { query: 'state=closed', in: closed, out: running } } };
}

/** A household with three entries: now, an hour later, and then one of an event of the day before. */
async function entries({ clerk, service, world, at, made, home }: Ground) {
  const one = await home();
  const { number: first } = await made(clerk, 'GET', `${at}/book`);
  service.clock.pass({ hours: 1 });
  const said = { ruleId: await world.rule(villages.own), householdId: one.id, quantity: 1, occurredAt: yesterdayAt };
  const { transactionNumber: last } = await made(clerk, 'POST', `${at}/awards`, said);
  const posted = async (number: number): Promise<string> =>
    (await made(clerk, 'GET', `${at}/transactions/${number}`)).postedAt;
  const later = await postedLater(service, last);
  const name = (number: number, asset = 'PTS') => `${number} ${asset}`;
  const here = { in: name(last), out: name(first) };
  return {
    one,
    first,
    url: {
      by: clerk,
      nameOf: (row: { transactionNumber: number; asset: string }) => name(row.transactionNumber, row.asset),
    },
    filters: {
      sort: { query: 'sort=number&limit=1', in: name(first), out: name(last), instead: 'limit=1' },
      // What was posted since: the event of the day before. What happened since: the one of today.
      axis: {
        query: `axis=occurred&from=${today}T00:00:00Z`,
        in: name(first),
        out: name(last),
        instead: `axis=posted&from=${encodeURIComponent(later)}`,
      },
      from: { query: `from=${encodeURIComponent(later)}`, ...here },
      to: { query: `to=${encodeURIComponent(later)}`, in: name(first), out: name(last) },
    } satisfies Record<string, Split>,
    posted,
  };
}

/** When a transaction was posted, by the database's clock; the one before was posted earlier. */
async function postedLater(service: Service, number: number): Promise<string> {
  const { rows } = await service.inVillage(villages.own, tx =>
    tx.execute(sql`
      select to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
        from ledger.transaction where village = ${villages.own} and number = ${number}`),
  );
  return (rows[0] as { at: string }).at;
}
