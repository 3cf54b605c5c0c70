import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso, systemClock } from '../src/calendar.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import { issueCard } from '../src/households/cards.ts';
import { householdAccount, issued } from '../src/ledger/accounts.ts';
import { post } from '../src/ledger/post.ts';
import type { Command } from '../src/ledger/transactions.ts';
import { draftStockDocument, postStockDocument } from '../src/stock/documents.ts';
import { createGoods, createStore } from '../src/store/goods.ts';
import { publishPriceList } from '../src/store/prices.ts';
import type { Callers } from './callers.ts';
import type { Fixture } from './fixture.ts';
import { type Asking, asking, type Contestant, pick } from './race.ts';
import type { Village } from './town.ts';
import { expectStatus } from './wire.ts';

/** A village whose store has goods, and whose households have points for them. */
export interface Shop {
  village: string;
  storeId: string;
  goodsId: string;
  households: string[];
  /** What staff is shown, by household. */
  cards: Map<string, string>;
}

const stock = 100_000;
const pointsEach = 100_000;

/** Opens a store in each of these villages. */
export async function openShops(fixture: Fixture, villages: Village[]): Promise<Shop[]> {
  const database = openDatabase(fixture.appUrl, { onError: () => undefined });
  const shops: Shop[] = [];
  for (const village of villages) shops.push(await openShop(database, fixture, village));
  await database.close();
  return shops;
}

async function openShop(database: Database, fixture: Fixture, { village, households }: Village): Promise<Shop> {
  const now = systemClock.now();
  const { secretary, clerk } = fixture.staff;
  return database.inTransaction(village, async tx => {
    const { id: storeId } = await createStore(tx, secretary, village, { name: 'bench' }, now);
    const soap = { sku: 'G001', name: '肥皂', unit: '块', category: '日用品', isService: false, minStock: 0 };
    const { id: goodsId } = await createGoods(tx, secretary, village, soap, now);
    const prices = { validFrom: fixture.openedOn, items: [{ goodsId, points: 1 }] };
    await publishPriceList(tx, secretary, village, prices, now);
    const delivery = { type: 'receipt' as const, storeId, reason: 'bench', lines: [{ goodsId, quantity: stock }] };
    const document = await draftStockDocument(tx, clerk, village, delivery, now);
    await postStockDocument(tx, secretary, { village, documentId: document.id }, now);
    const gifts = households.map(id => gift(clerk.id, id, now));
    const refused = (await post(tx, village, gifts, { atomic: true })).find(result => result.status !== 'posted');
    if (refused !== undefined) throw new Error(JSON.stringify(refused));
    const cards = new Map<string, string>();
    for (const householdId of households) {
      cards.set(householdId, (await issueCard(tx, clerk, { village, householdId }, now)).code);
    }
    return { village, storeId, goodsId, households, cards };
  });
}

function gift(actor: string, householdId: string, now: Temporal.Instant): Command {
  const id = randomUUIDv7();
  const to = householdAccount(householdId, 'available');
  return {
    id,
    kind: 'award',
    cause: `award:${id}`,
    actor,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
    transfers: [{ from: issued, to, asset: 'PTS', amount: pointsEach }],
  };
}

/** Goods handed over for points at once, through HTTP: stock, points, limits and prices in one transaction. */
export function redemptions(callers: Callers, shops: Shop[]): Asking & Contestant {
  return asking({
    name: 'redemption',
    unit: 'Redemption',
    program: callers.program,
    async once(client) {
      const { village, storeId, goodsId, households, cards } = pick(shops);
      const householdId = pick(households);
      const lines = [{ goodsId, quantity: 1 }];
      const cardCode = cards.get(householdId);
      const body = { storeId, householdId, lines, handOver: true, mode: 'counter', cardCode };
      const answer = await callers.post(client, `/v1/villages/${village}/redemptions`, JSON.stringify(body));
      expectStatus(answer, 201);
    },
  });
}
