import { sql } from 'drizzle-orm';
import { none } from '../../src/db/scope.ts';
import type { Role } from '../../src/http/route.ts';
import { hashSecret } from '../../src/identity/passwords.ts';
import { totpCode } from '../../src/identity/second-factor.ts';
import { type DeviceKey, newDeviceKey } from '../../src/sample/device-key.ts';
import { atTime } from './rules.ts';
import { type Caller, type Reply, type Service, testPolicy } from './service.ts';

export const password = 'seven bags of rice';

/** What sample calls are made of: whatever a call needs, made by other people than the one who will call. */
export interface World {
  service: Service;
  /** Somebody of that role in the village, the same one each time. */
  by(role: Exclude<Role, 'kiosk' | 'household'>, village: string): Promise<Caller>;
  /** Makes something over HTTP and answers it. */
  // biome-ignore lint/suspicious/noExplicitAny: answers have every shape
  made(caller: Caller, method: string, url: string, body?: unknown): Promise<any>;
  /** A village of our town that nobody has touched. */
  village(): Promise<string>;
  /** 1, 2, 3 … of each kind of thing. */
  next(of: string): number;
  /** The village's rule in force: 5 points, without a cap. */
  rule(village: string): Promise<string>;
  /** A staff account that `appointer` could have made, with its grant. */
  user(appointer: Role, village: string): Promise<{ id: string; grantId: string }>;
  /** A person who can sign in with `password`. */
  login(): Promise<string>;
  /** Gives somebody the password `password`. */
  setPassword(userId: string): Promise<void>;
  /** The first code of a secret that the caller has just been given. */
  secondFactorCode(caller: Caller): Promise<string>;
  /** A device that has asked to be paired. */
  pairing(): Promise<{ deviceCode: string; userCode: string; key: DeviceKey }>;
  /** The store where the village's kiosks stand. */
  store(village: string): Promise<string>;
  /** Goods for 5 points, of which plenty lie on the shelf of the village's store; the same ones each time. */
  goods(village: string): Promise<string>;
}

export function openWorld(service: Service): World {
  const remembered = new Map<string, Promise<unknown>>();
  const once = <T>(name: string, make: () => Promise<T>): Promise<T> => {
    if (!remembered.has(name)) remembered.set(name, make());
    return remembered.get(name) as Promise<T>;
  };
  const hash = () => once('password', () => hashSecret(password));
  const given = new Map<string, number>();

  const world: World = {
    service,
    by: (role, village) => once(`${role} ${village}`, () => service.as(role, village)),
    async made(caller, method, url, body) {
      return succeeded(await caller(method, url, body), `${method} ${url}`);
    },
    next(of) {
      given.set(of, (given.get(of) ?? 0) + 1);
      return given.get(of)!;
    },

    async village() {
      const admin = await world.by('platformAdmin', '');
      const { code: village } = await world.made(admin, 'POST', '/v1/divisions', newDivision(world, 'village'));
      await world.made(admin, 'POST', '/v1/villages', { village, openedOn: '2026-01-01' });
      const secretary = await world.by('villageAdmin', village);
      const url = `/v1/villages/${village}`;
      await world.made(secretary, 'POST', `${url}/policies`, { validFrom: '2026-01-01', ...testPolicy });
      await world.made(secretary, 'POST', `${url}/grids`, { number: 1, name: '第一组' });
      return village;
    },

    rule: village =>
      once(`rule ${village}`, async () => {
        const clerk = await world.by('clerk', village);
        const book = await world.made(clerk, 'POST', `/v1/villages/${village}/rule-books`, sampleBook);
        const supervisor = await world.by('supervisor', village);
        const adopt = `/v1/villages/${village}/rule-books/${book.id}/adopt`;
        // Another book may be in force: then it is too late for this one.
        await atTime(service, '2026-10-31T02:00:00Z', () =>
          world.made(supervisor, 'POST', adopt, adoption('2026-11-01')),
        );
        return book.rules[0].id;
      }),

    async user(appointer, village) {
      const role = appointer === 'villageAdmin' ? 'clerk' : 'villageAdmin';
      const maker = await world.by(role === 'clerk' ? 'villageAdmin' : 'platformAdmin', village);
      const made = await world.made(maker, 'POST', '/v1/users', newUser(world, role, village));
      return { id: made.id, grantId: made.grants[0].id };
    },
    login: () =>
      once('login', async () => {
        const admin = await world.by('platformAdmin', '');
        const user = newUser(world, 'villageAdmin', '520281127101');
        await world.made(admin, 'POST', '/v1/users', user);
        return user.login;
      }),
    async setPassword(userId) {
      const passwordHash = await hash();
      await service.database.inTransaction(none, tx =>
        tx.execute(sql`update identity.user set password_hash = ${passwordHash} where id = ${userId}`),
      );
    },

    async secondFactorCode(caller) {
      const { secret } = await world.made(caller, 'POST', '/v1/users/current/second-factor', {});
      return totpCode(secret, service.clock.now());
    },

    async pairing() {
      // Ten an hour from one address, and we all sit at one.
      await service.database.inTransaction(none, tx => tx.execute(sql`delete from kiosks.pairing_try`));
      const device = { appVersion: '1.4.2', hardware: { model: 'T10', serial: `SN${world.next('device')}` } };
      const key = newDeviceKey();
      return { ...succeeded(await service.withKey(key)('POST', '/v1/kiosk/pairings', device), 'pairing'), key };
    },
    store: village =>
      once(`store ${village}`, async () => {
        const { actor } = await service.asKiosk(village);
        const admin = await world.by('villageAdmin', village);
        return (await world.made(admin, 'GET', `/v1/villages/${village}/kiosks/${actor.id}`)).storeId;
      }),
    goods: village =>
      once(`goods ${village}`, async () => {
        const url = `/v1/villages/${village}`;
        const keeper = await world.by('storekeeper', village);
        const admin = await world.by('villageAdmin', village);
        const { id: goodsId } = await world.made(keeper, 'POST', `${url}/goods`, newGoods(world));
        await world.made(admin, 'POST', `${url}/price-lists`, {
          validFrom: '2026-01-01',
          items: [{ goodsId, points: 5 }],
        });
        const receipt = await world.made(keeper, 'POST', `${url}/stock-documents`, {
          type: 'receipt',
          storeId: await world.store(village),
          reason: '进货',
          lines: [{ goodsId, quantity: 100_000 }],
        });
        await world.made(admin, 'POST', `${url}/stock-documents/${receipt.id}/post`);
        return goodsId;
      }),
  };
  return world;
}

export const sampleRule = {
  code: 'ENV03',
  category: '环境卫生',
  title: '参加村组环境清扫',
  titleEn: null,
  points: 5,
  direction: 'award',
  unit: '人次',
  capTimes: null,
  capPeriod: null,
  capScope: 'household',
  evidence: ['signIn'],
  excludes: [],
  highestOnlyGroup: null,
  honour: true,
  publicity: 'exempt',
};

export const sampleBook = { title: '积分细则', rules: [sampleRule] };

export function adoption(inForceFrom: string) {
  return {
    inForceFrom,
    resolution: { heldOn: '2026-10-20', present: 46, votesFor: 41, votesAgainst: 2, abstained: 3 },
  };
}

export function newGoods(world: World) {
  return {
    sku: `T${world.next('sku')}`,
    name: '大米（5公斤）',
    unit: '袋',
    category: '粮油副食',
    isService: false,
    minStock: 0,
  };
}

export function newUser(world: World, role: Role, prefix: string) {
  return {
    login: `sample${world.next('login')}`,
    name: '王文书',
    password,
    grant: { role, prefix },
  };
}

export function newDivision(world: World, level: 'town' | 'village') {
  const n = String(200 + world.next('division'));
  return level === 'town'
    ? {
        code: `520281${n}000`,
        level,
        parentCode: '520281000000',
        name: '胜境镇',
        kind: '镇',
        provisional: false,
        households: null,
      }
    : {
        code: `520281127${n}`,
        level,
        parentCode: '520281127000',
        name: '新村',
        kind: '村',
        provisional: false,
        households: null,
      };
}

function succeeded(answer: Reply, what: string) {
  if (answer.status >= 300) throw new Error(`${what} answered ${answer.status} ${answer.text.slice(0, 300)}`);
  return answer.body;
}
