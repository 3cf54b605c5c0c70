import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import type { Cluster } from '../support/cluster.ts';
import { adoptRules, atTime, ruleDraft } from '../support/rules.ts';
import { type Caller, openService, type Reply, type Service, testPolicy, villages } from '../support/service.ts';
import { smallPhoto } from '../support/small-photo.ts';
import { type Dice, diceOf } from './dice.ts';
import { type Dated, type MonthBook, openMonthBook } from './month-book.ts';

/** Two villages of a town, with everybody who works there, as a random month finds them in the middle of December. */
export interface Town {
  service: Service;
  dice: Dice;
  villages: Village[];
  /** Reads every book. */
  auditor: Caller;
  /** What was done, the latest last, for whoever has to find out why. */
  log: string[];
  counts: Record<string, number>;
  today(): string;
  /** Calls; now and then again with the same key, which has to answer the same and do nothing. */
  post(by: Caller, url: string, body?: object): Promise<Reply>;
  get(by: Caller, url: string): Promise<Reply['body']>;
  /** Holds that the answer is what the rules make it: a code of refusal, one of several, or success. */
  tell(reply: Reply, expected: string | readonly string[] | undefined): boolean;
  /** Holds that a call is refused with one of these codes. */
  refuse(by: Caller, url: string, body: object | undefined, codes: readonly string[]): Promise<void>;
  refuseRead(by: Caller, url: string): Promise<void>;
  photo(v: Village, home: Home): Promise<string>;
}

export interface Terms {
  yearEnd: 'carry' | 'clear' | 'cap';
  yearEndCapPoints: number | null;
  expiryMonths: number | null;
  arrears: 'floorAndRecord' | 'reject';
  backdateDays: number;
  directAwardPublicityDays: number;
  directAwardMaxPoints: number;
  householdDayMaxPoints: number;
  redemptionsPerDay: number;
  returnDays: number;
  publicityDays: number;
  pickupDays: number;
}

export interface Village {
  code: string;
  at: string;
  terms: Terms;
  book: MonthBook;
  clerk: Caller;
  admin: Caller;
  publisher: Caller;
  keeper: Caller;
  /** Keeps the store too, and has relatives in the village; so has the clerk. */
  cousin: Caller;
  reviewers: Caller[];
  supervisor: Caller;
  board: Caller;
  storeId: string;
  goods: Goods[];
  rules: Rule[];
  homes: Home[];
  /** Members who have died, with the household that they died in. */
  dead: Map<string, { home: Home; on: string }>;
  /** Each as `<user> <household>`. */
  kin: Set<string>;
  /** What was used of each cap. */
  used: Map<string, number>;
  awards: Award[];
  claims: Claim[];
  notices: { id: string; endsAt: string; closed: boolean }[];
  objections: { id: string; award: Award; open: boolean }[];
  orders: Order[];
  /** What households of the other village took along when they left for this one. */
  closings: {
    number: number;
    taken: boolean;
    points: number;
    honour: number;
    dated: Dated;
    years: Record<string, number>;
  }[];
  runs: Run[];
  baseGiven: Set<string>;
}

export interface Goods {
  id: string;
  service: boolean;
  /** In December, and from January on. */
  points: [number, number];
}

export interface Rule {
  code: string;
  id: string;
  points: number;
  scope: 'household' | 'member';
  cap: { times: number; period: 'day' | 'week' | 'month' | 'year' | 'once' } | null;
  honour: boolean;
  exempt: boolean;
  evidence: 'count' | 'witness';
}

export interface Home {
  id: string;
  members: string[];
  head: string;
  open: boolean;
  successor: Home | undefined;
  card: string | undefined;
  pin: string | undefined;
  /** The year end that has taken of it. */
  ended: Run | undefined;
}

export interface Award {
  id: string;
  home: Home;
  rule: Rule;
  points: number;
  quantity: number;
  holder: string;
  occasion: string | undefined;
  day: string;
  direct: boolean;
  state: 'pending' | 'posted' | 'reversed';
  dated: Dated;
  /** Of those that waited: when they could be spent, and which dated points went over then. */
  released: { day: string; dated: Dated } | undefined;
  notice: string | undefined;
  uses: [key: string, use: number][];
  decided: string[];
}

export interface Claim {
  id: string;
  line: AwardLine;
  state: 'submitted' | 'inPanel' | 'awaitingSecond' | 'over';
  votes: number;
  decided: string[];
}

export interface AwardLine {
  home: Home;
  rule: Rule;
  memberId: string | undefined;
  quantity: number;
  day: string;
  occurredAt: string | undefined;
  occasion: string | undefined;
}

export interface Order {
  id: string;
  home: Home;
  lines: { goods: Goods; quantity: number; unit: number }[];
  points: number;
  state: 'reserved' | 'fulfilled' | 'cancelled' | 'expired' | 'returned';
  day: string;
  handedOverOn: string | undefined;
  expiresAt: string | undefined;
  pickupCode: string | undefined;
  /** Dated points that it has taken or holds. */
  dated: Dated;
  orderedAt: number;
  back: Map<string, number>;
  pointsBack: number;
}

export interface Run {
  id: string;
  kind: 'yearEnd' | 'lots';
  throughOn: string;
  dueOn: string;
  postOn: string;
  state: 'announced' | 'posted';
}

export const from = '2026-12-14';
export const until = '2027-01-21';

const drafts = [
  { code: 'DAILY', points: 3, capTimes: 2, capPeriod: 'day' },
  { code: 'WEEKLY', points: 4, capTimes: 3, capPeriod: 'week', capScope: 'member' },
  { code: 'MONTHLY', points: 5, capTimes: 4, capPeriod: 'month' },
  { code: 'YEARLY', points: 6, capTimes: 3, capPeriod: 'year', honour: false },
  { code: 'FREE', points: 2, publicity: 'exempt', capScope: 'member' },
  { code: 'CLAIM', points: 7, evidence: ['witness'], capTimes: 5, capPeriod: 'month' },
  { code: 'GREAT', points: 35, evidence: ['witness'] },
] as const;

export async function openTown(t: Test, seed: number, size: { homes: number; cluster: Cluster }): Promise<Town> {
  const dice = diceOf(seed);
  const service = await openService(t, { now: '2026-12-05T02:00:00Z', cluster: size.cluster, line: true });
  const auditor = await service.as('auditor');
  const town: Town = {
    service,
    dice,
    villages: [],
    auditor,
    log: [],
    counts: {},
    today: () => dayAt(service.clock.now()),
    post: (by, url, body) => postMaybeTwice(town, by, url, body),
    async get(by, url) {
      const reply = await by('GET', url);
      if (reply.status !== 200) throw new Error(`GET ${url}: ${reply.status} ${reply.text.slice(0, 300)}`);
      return reply.body;
    },
    tell(reply, expected) {
      const code = reply.status < 300 ? undefined : (reply.body?.code ?? String(reply.status));
      const list = Array.isArray(expected) ? expected : [expected];
      const name = code ?? 'done';
      town.counts[name] = (town.counts[name] ?? 0) + 1;
      if (!list.includes(code)) {
        throw new Error(`expected ${list.join(' or ') || 'success'}, was ${reply.status} ${reply.text.slice(0, 400)}`);
      }
      return code === undefined;
    },
    async refuse(by, url, body, codes) {
      town.tell(await town.post(by, url, body), codes);
    },
    async refuseRead(by, url) {
      town.tell(await by('GET', url), ['forbidden', 'not-found']);
    },
    async photo(v, home) {
      const picture = smallPhoto(dice.below(2 ** 24));
      const reply = await v.keeper('POST', `${v.at}/photos?householdId=${home.id}`, picture, {
        'content-type': 'image/png',
      });
      if (reply.status >= 300) throw new Error(`no photo: ${reply.text}`);
      return reply.body.id;
    },
  };
  for (const code of [villages.own, villages.sibling]) town.villages.push(await openOne(town, code, size.homes));
  service.clock.set(`${from}T00:00:00Z`);
  return town;
}

async function openOne(town: Town, code: string, homes: number): Promise<Village> {
  const { service, dice } = town;
  const terms: Terms = {
    yearEnd: dice.pick(town.villages.length === 0 ? ['clear'] : ['carry', 'clear', 'cap']),
    yearEndCapPoints: null,
    expiryMonths: dice.pick([null, 1, 2]),
    arrears: dice.pick(['floorAndRecord', 'floorAndRecord', 'reject']),
    backdateDays: dice.pick([3, 10, 20]),
    directAwardPublicityDays: dice.pick([0, 3]),
    directAwardMaxPoints: dice.pick([12, 30]),
    householdDayMaxPoints: dice.pick([15, 25]),
    redemptionsPerDay: dice.pick([2, 3]),
    returnDays: dice.pick([3, 7]),
    publicityDays: 3,
    pickupDays: dice.pick([2, 7]),
  };
  if (terms.yearEnd === 'cap') terms.yearEndCapPoints = dice.pick([0, 5, 10]);
  const as = (role: Parameters<Service['as']>[0]) => service.as(role, code);
  const at = `/v1/villages/${code}`;
  const admin = await as('villageAdmin');
  const must = async (by: Caller, url: string, body: object) => made(await by('POST', `${at}${url}`, body));
  await atTime(service, '2026-01-02T02:00:00Z', () =>
    must(admin, '/policies', {
      ...testPolicy,
      ...terms,
      expiryNoticeDays: 7,
      reservationMinutes: 600,
      basePoints: 2,
      basePeriod: 'month',
      validFrom: '2026-01-03',
    }),
  );
  const rules = await adoptRules(
    service,
    drafts.map(({ code: rule, ...fields }) =>
      ruleDraft(rule, { evidence: ['count'], ...fields } as Parameters<typeof ruleDraft>[1]),
    ),
    { village: code },
  );
  const keeper = await as('storekeeper');
  const v: Village = {
    code,
    at,
    terms,
    book: openMonthBook(),
    clerk: await as('clerk'),
    admin,
    publisher: await as('villageAdmin'),
    keeper,
    cousin: await as('storekeeper'),
    reviewers: [await as('reviewer'), await as('reviewer'), await as('reviewer'), await as('reviewer')],
    supervisor: await as('supervisor'),
    board: await as('supervisionBoard'),
    storeId: (await must(admin, '/stores', { name: '积分超市', place: '村委会一楼' })).id,
    goods: [],
    rules: drafts.map(draft => ruleOf(draft, rules[draft.code]!)),
    homes: [],
    dead: new Map(),
    kin: new Set(),
    used: new Map(),
    awards: [],
    claims: [],
    notices: [],
    objections: [],
    orders: [],
    closings: [],
    runs: [],
    baseGiven: new Set(),
  };
  for (const [place, name] of ['大米', '肥皂', '理发'].entries()) {
    const isServiceToo = place === 2;
    const body = { sku: `T${place}`, name, unit: '份', category: '日用品', isService: isServiceToo, minStock: 0 };
    const points: [number, number] = [dice.pick([2, 5]), dice.pick([3, 4])];
    v.goods.push({ id: (await must(keeper, '/goods', body)).id, service: isServiceToo, points });
  }
  for (const [place, validFrom] of ['2026-01-01', '2027-01-01'].entries()) {
    const items = v.goods.map(goods => ({ goodsId: goods.id, points: goods.points[place]! }));
    await must(admin, '/price-lists', { validFrom, items });
  }
  for (let left = homes; left > 0; left -= 1) await enrol(v, 1 + dice.below(4));
  for (const home of v.homes.slice(0, 2)) {
    const reply = await admin('PUT', `${at}/households/${home.id}/pin`, { pin: '402857' });
    if (reply.status >= 300) throw new Error(reply.text);
    home.pin = '402857';
  }
  const [first, second] = [v.homes.at(-1)!, v.homes.at(-2)!];
  for (const person of [v.clerk, v.cousin]) {
    const entries = [first, second].map(home => ({ householdId: home.id, relation: 'kin' }));
    const reply = await admin('PUT', `${at}/users/${person.actor.id}/kin`, { entries });
    if (reply.status >= 300) throw new Error(reply.text);
    for (const home of [first, second]) v.kin.add(`${person.actor.id} ${home.id}`);
  }
  return v;
}

const names = '赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许';
let people = 0;

/** A household of people with names that nobody else has. */
export async function enrol(v: Village, size: number): Promise<Home> {
  const members = Array.from({ length: size }, () => {
    people += 1;
    const [a, b, c] = [people % 20, Math.floor(people / 20) % 20, Math.floor(people / 400) % 20];
    return { name: `${names[a]}${names[b]}${names[c]}` };
  });
  const body = made(await v.admin('POST', `${v.at}/households`, { grid: 1, members }));
  const home: Home = {
    id: body.id,
    members: body.members.map((member: { id: string }) => member.id),
    head: body.headMemberId,
    open: true,
    successor: undefined,
    card: undefined,
    pin: undefined,
    ended: undefined,
  };
  v.homes.push(home);
  return home;
}

function ruleOf(draft: (typeof drafts)[number], id: string): Rule {
  const fields: Partial<Record<string, unknown>> = draft;
  return {
    code: draft.code,
    id,
    points: draft.points,
    scope: (fields.capScope as Rule['scope'] | undefined) ?? 'household',
    cap:
      fields.capTimes === undefined
        ? null
        : { times: fields.capTimes as number, period: fields.capPeriod as NonNullable<Rule['cap']>['period'] },
    honour: fields.honour !== false,
    exempt: fields.publicity === 'exempt',
    evidence: fields.evidence === undefined ? 'count' : 'witness',
  };
}

async function postMaybeTwice(town: Town, by: Caller, url: string, body?: object): Promise<Reply> {
  const { dice, log } = town;
  log.push(`${town.service.clock.now()} ${by.actor.grants[0]?.[0]} ${url} ${JSON.stringify(body ?? {})}`);
  const key = { 'idempotency-key': randomUUID() };
  const reply = await by('POST', url, body, key);
  log.push(`  ${reply.status} ${reply.status < 300 ? (reply.body?.id ?? '') : reply.text.slice(0, 200)}`);
  if (reply.status >= 500) throw new Error(`${reply.status} ${reply.text}`);
  if (dice.chance(0.1)) {
    const again = await by('POST', url, body, key);
    // A pick-up code is told once: the record of an answer keeps none.
    const told = reply.body?.pickupCode === undefined ? reply.body : { ...reply.body, pickupCode: null };
    const same = reply.status >= 400 ? again.body?.code === reply.body?.code : isDeepStrictEqual(again.body, told);
    if (again.status !== reply.status || !same) {
      throw new Error(
        `the same call again answered ${again.status} ${again.text}\nand not ${reply.status} ${reply.text}`,
      );
    }
    town.counts.again = (town.counts.again ?? 0) + 1;
  }
  return reply;
}

export function made(reply: Reply): Reply['body'] {
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text.slice(0, 400)}`);
  return reply.body;
}

/** The day of an instant in the villages, eight hours ahead. */
export function dayAt(instant: Temporal.Instant): string {
  return instant.add({ hours: 8 }).toString().slice(0, 10);
}

export function daysAfter(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}
