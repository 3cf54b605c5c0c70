import { drawHome } from './month-awards.ts';
import type { Town, Village } from './month-town.ts';

/** Calls that must come to nothing, whoever makes them; that nothing came of them shows when the books are compared. */
export async function wrongCall(town: Town, v: Village): Promise<void> {
  const { dice } = town;
  const home = drawHome(town, v);
  const other = town.villages.find(one => one !== v)!;
  const award = { ruleId: v.rules[4]!.id, householdId: home.id, memberId: home.members[0], quantity: 1 };
  const goods = v.goods[2]!;
  const basket = (quantity: number) => ({
    storeId: v.storeId,
    householdId: home.id,
    lines: [{ goodsId: goods.id, quantity }],
    handOver: true,
    mode: 'counter',
  });
  const calls: [what: string, () => Promise<void>][] = [
    ['an award by the storekeeper', async () => town.refuse(v.keeper, `${v.at}/awards`, award, ['forbidden'])],
    [
      'an award by the clerk of another village',
      async () => town.refuse(other.clerk, `${v.at}/awards`, award, ['forbidden', 'not-found']),
    ],
    [
      'an award to a household of another village',
      async () =>
        town.refuse(v.clerk, `${v.at}/awards`, { ...award, householdId: dice.pick(other.homes).id }, ['not-found']),
    ],
    [
      'an order by a reviewer',
      async () => town.refuse(v.reviewers[0]!, `${v.at}/redemptions`, basket(1), ['forbidden']),
    ],
    [
      'an order with an unknown card',
      async () =>
        town.refuse(v.keeper, `${v.at}/redemptions`, { ...basket(1), cardCode: 'PS1.0123456789ABCDEFGHJKMNPQRS' }, [
          'card-unknown',
        ]),
    ],
    [
      'a reversal agreed to by whoever proposed it',
      async () => {
        const pending = v.awards.find(one => one.state === 'pending' && one.home.open);
        if (pending === undefined) return;
        const made = await town.post(v.admin, `${v.at}/reversals`, { awardId: pending.id, reason: '登记错户' });
        if (!town.tell(made, undefined)) return;
        const url = `${v.at}/reversals/${made.body.id}`;
        await town.refuse(v.admin, `${url}/approve`, undefined, ['second-person-required']);
        town.tell(await town.post(v.publisher, `${url}/reject`, { reason: '核对无误' }), undefined);
      },
    ],
    [
      'a document posted by whoever drafted it',
      async () => {
        const body = {
          type: 'receipt',
          storeId: v.storeId,
          reason: '单据',
          lines: [{ goodsId: v.goods[0]!.id, quantity: 3 }],
        };
        const draft = await town.post(v.keeper, `${v.at}/stock-documents`, body);
        await town.refuse(v.keeper, `${v.at}/stock-documents/${draft.body.id}/post`, undefined, ['forbidden']);
      },
    ],
    [
      'an account of the other village',
      async () => town.refuseRead(v.clerk, `${other.at}/households/${other.homes[0]!.id}/statement`),
    ],
    ['base points by a clerk', async () => town.refuse(v.clerk, `${v.at}/base-points`, undefined, ['forbidden'])],
  ];
  const [what, call] = dice.pick(calls);
  town.log.push(`  ${what}`);
  await call();
}
