import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { issueCard } from '../../src/households/cards.ts';
import { type Caller, nobody, openService, type Reply, type Service, villages } from './service.ts';

export const at = `/v1/villages/${villages.own}`;

/** Where goods lie, and who works there. */
export interface Shop {
  service: Service;
  admin: Caller;
  keeper: Caller;
  clerk: Caller;
  storeId: string;
  /** Enters goods by name. Answers their id. */
  goods(name: string, fields?: object): Promise<string>;
  /** Publishes the first price list, from the village's first day, or the next from `validFrom`. Answers its id. */
  prices(points: Record<string, number>, validFrom?: string): Promise<string>;
  /** Brings goods to the shelf by a posted receipt. */
  stock(pieces: Record<string, number>): Promise<void>;
  /** Pieces on the shelf and set aside. */
  level(goodsId: string): Promise<{ onShelf: number; reserved: number }>;
  points(householdId: string): Promise<{ available: number; held: number }>;
  /** A household with points. */
  household(points: number): Promise<string>;
  /** A card of a household, as staff is shown it. */
  card(householdId: string): Promise<{ cardCode: string }>;
  /** Body of an order of one household, with its card if it was given one here. */
  order(householdId: string | undefined, pieces: Record<string, number>, fields?: object): object;
  /** Orders. Staff is shown the household's card, unless the body says what else. */
  redeem(caller: Caller, body: object): Promise<Reply>;
  /** Hands a waiting order over, to the card of its household unless `shown` says what else. */
  fulfil(caller: Caller, redemptionId: string, shown?: object): Promise<Reply>;
}

/** A village with one store and nothing in it. */
export async function openShop(t: Test, options: Parameters<typeof openService>[1] = {}): Promise<Shop> {
  const service = await openService(t, options);
  const [admin, keeper, clerk] = [
    await service.as('villageAdmin'),
    await service.as('storekeeper'),
    await service.as('clerk'),
  ];
  const storeId = made(await settled(admin, `${at}/stores`, { name: '积分超市', place: '村委会一楼' })).id;
  let sku = 0;
  const cards = new Map<string, string>();
  const card = async (householdId: string) => {
    const key = { village: villages.own, householdId };
    const code =
      cards.get(householdId) ??
      (await service.inVillage(villages.own, tx => issueCard(tx, nobody, key, service.clock.now()))).code;
    cards.set(householdId, code);
    return { cardCode: code };
  };

  return {
    service,
    admin,
    keeper,
    clerk,
    storeId,
    async goods(name, fields = {}) {
      sku += 1;
      const body = {
        sku: `T${sku}`,
        name,
        unit: '袋',
        category: '粮油副食',
        isService: false,
        minStock: 0,
        ...fields,
      };
      return made(await settled(keeper, `${at}/goods`, body)).id;
    },
    async prices(points, validFrom = '2026-01-01') {
      const items = Object.entries(points).map(([goodsId, each]) => ({ goodsId, points: each }));
      return made(await settled(admin, `${at}/price-lists`, { validFrom, items })).id;
    },
    async stock(pieces) {
      const lines = Object.entries(pieces).map(([goodsId, quantity]) => ({ goodsId, quantity }));
      const draft = made(
        await settled(keeper, `${at}/stock-documents`, { type: 'receipt', storeId, reason: '进货', lines }),
      );
      const posted = await settled(admin, `${at}/stock-documents/${draft.id}/post`);
      assert.equal(posted.status, 200, posted.text);
    },
    async level(goodsId) {
      const { body } = await keeper('GET', `${at}/stock-levels?storeId=${storeId}&limit=200`);
      const { onShelf, reserved } = body.data.find((row: { goodsId: string }) => row.goodsId === goodsId);
      return { onShelf, reserved };
    },
    async points(householdId) {
      const { body } = await clerk('GET', `${at}/households/${householdId}/points`);
      return { available: body.available, held: body.held };
    },
    async household(points) {
      const id = await service.household();
      await service.givePoints(id, points);
      await card(id);
      return id;
    },
    card,
    order: (householdId, pieces, fields = {}) => ({
      storeId,
      ...(householdId !== undefined && { householdId }),
      lines: Object.entries(pieces).map(([goodsId, quantity]) => ({ goodsId, quantity })),
      handOver: false,
      mode: 'counter',
      ...(cards.has(householdId ?? '') && { cardCode: cards.get(householdId!) }),
      ...fields,
    }),
    async redeem(caller, body: { householdId?: string; cardCode?: string; pin?: string; slip?: object }) {
      const { householdId, cardCode, pin, slip } = body;
      const bare =
        caller.actor.kind === 'staff' && householdId !== undefined && (cardCode ?? pin ?? slip) === undefined;
      return settled(
        caller,
        `${at}/redemptions`,
        bare ? { ...body, ...(await card(householdId).catch(() => ({}))) } : body,
      );
    },
    async fulfil(caller, redemptionId, shown) {
      const url = `${at}/redemptions/${redemptionId}`;
      const { householdId } = (await admin('GET', url)).body;
      return settled(caller, `${url}/fulfil`, shown ?? (await card(householdId)));
    },
  };
}

function made(reply: Reply) {
  assert.equal(reply.status, 201, reply.text);
  return reply.body;
}

/**
 * Asks until the answer is known: a service that is too busy says so, and the same key is asked again. A hundred times
 * at most.
 */
export async function settled(caller: Caller, url: string, body?: object): Promise<Reply> {
  const headers = { 'idempotency-key': randomUUID() };
  for (let left = 100; ; left -= 1) {
    const reply = await caller('POST', url, body, headers);
    if (left === 0 || (reply.status !== 503 && reply.body?.code !== 'idempotency-in-progress')) return reply;
    await sleep(100);
  }
}
