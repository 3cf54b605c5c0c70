import t from 'tap';
import { diceOf } from '../storms/dice.ts';
import { report, seed } from '../storms/size.ts';
import { at, openShop, settled } from '../support/shop.ts';

/*
 * A month of papers that dice choose, at two stores. Beside it, a store in plain maps, from which somebody takes goods now and
 * then without a paper. At the end two people count what is there: each piece that was taken is named, and nothing else.
 */
t.setTimeout(900_000);

t.test(`book and count differ by what was taken, seed ${seed}`, async t => {
  const dice = diceOf(seed);
  const shop = await openShop(t);
  const { service, admin, keeper, clerk } = shop;
  const mobile = (await settled(admin, `${at}/stores`, { name: '流动超市' })).body.id as string;
  const stores = [shop.storeId, mobile];
  const goods: string[] = [];
  for (let number = 1; number <= 5; number += 1) goods.push(await shop.goods(`商品${number}`));
  /** What really lies there; what the book should have; and what was taken. */
  const [there, book, taken] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const of = (store: string, one: string) => `${store} ${one}`;
  const move = (place: string, by: number) => {
    for (const map of [there, book]) map.set(place, (map.get(place) ?? 0) + by);
  };
  const counts: Record<string, number> = {};

  for (let day = 1; day <= 30; day += 1) {
    service.clock.pass({ hours: 24 });
    for (let left = 4; left > 0; left -= 1) {
      const [storeId, one] = [dice.pick(stores), dice.pick(goods)];
      const toStoreId = stores.find(other => other !== storeId)!;
      const quantity = 1 + dice.below(12);
      const type = dice.pick(['receipt', 'purchase', 'donation', 'issue', 'transfer', 'writeOff']);
      const comesIn = ['receipt', 'purchase', 'donation'].includes(type);
      const place = of(storeId, one);
      // Nobody hands out what is not there, whatever the book says.
      if (!comesIn && (there.get(place) ?? 0) < quantity && (book.get(place) ?? 0) >= quantity) continue;
      const fields = {
        purchase: { supplier: '双凤粮油店', invoiceNumber: `${day}-${left}` },
        donation: { donor: '爱心企业', declaredValueFen: 100 },
        issue: { event: '重阳节慰问', receiver: '王建国' },
        transfer: { toStoreId },
      }[type];
      const lines = [{ goodsId: one, quantity, ...(type === 'purchase' && { costFen: 100 }) }];
      const draft = await settled(keeper, `${at}/stock-documents`, { type, storeId, reason: '单据', lines, ...fields });
      t.equal(draft.status, 201, draft.text);
      const url = `${at}/stock-documents/${draft.body.id}`;
      if (dice.chance(0.1)) {
        t.equal((await settled(admin, `${url}/reject`, { note: '不符' })).status, 200);
        continue;
      }
      const isShort = !comesIn && (book.get(place) ?? 0) < quantity;
      const posted = await settled(admin, `${url}/post`);
      t.equal(posted.status, isShort ? 422 : 200, `${type} of ${quantity}: ${posted.text}`);
      if (isShort) continue;
      counts[type] = (counts[type] ?? 0) + 1;
      move(place, comesIn ? quantity : -quantity);
      if (type === 'transfer') move(of(toStoreId, one), quantity);
    }
    const place = of(dice.pick(stores), dice.pick(goods));
    if (dice.chance(0.3) && (there.get(place) ?? 0) > 0) {
      there.set(place, there.get(place)! - 1);
      taken.set(place, (taken.get(place) ?? 0) + 1);
    }
  }
  t.ok(taken.size > 0, 'somebody took something');

  for (const storeId of stores) {
    const { body } = await settled(keeper, `${at}/stock-counts`, { storeId, goodsIds: goods });
    const figures = goods.map(goodsId => ({ goodsId, counted: there.get(of(storeId, goodsId)) ?? 0 }));
    for (const caller of [keeper, clerk]) await settled(caller, `${at}/stock-counts/${body.id}/figures`, { figures });
    const count = (await admin('GET', `${at}/stock-counts/${body.id}`)).body;
    t.equal(count.state, 'agreed');
    for (const { goodsId, result } of count.lines) {
      const place = of(storeId, goodsId);
      t.equal(result.book, book.get(place) ?? 0, 'the book has what the papers say');
      t.equal(result.difference, 0 - (taken.get(place) ?? 0), `${place}: to the piece`);
    }
    for (const id of count.documentIds) t.equal((await settled(admin, `${at}/stock-documents/${id}/post`)).status, 200);
    const levels = (await keeper('GET', `${at}/stock-levels?storeId=${storeId}`)).body.data;
    for (const { goodsId, onShelf } of levels) t.equal(onShelf, there.get(of(storeId, goodsId)) ?? 0, 'now they agree');
  }
  const auditor = await service.as('auditor');
  const { body: soundness } = await auditor('POST', `${at}/book/verify`);
  t.equal(soundness.sound, true, JSON.stringify(soundness.checks));
  report(t, 'stock-month', { taken: [...taken.values()].reduce((sum, one) => sum + one, 0), ...counts });
});
