import type { Test } from 'tap';
import type { HouseholdPurpose } from '../../src/ledger/accounts.ts';
import { firstViolation } from './invariants.ts';
import { connect, type Service, villages } from './service.ts';

export interface LotsView {
  /** Points of one of a household's accounts by the last day they can be spent; `infinity`: never expire. */
  of(householdId: string, purpose?: HouseholdPurpose): Promise<Record<string, number>>;
  /** Lots add up to balances, and every law of the book holds: among them, that lots are what the journal says of them. */
  sound(t: Test, when: string): Promise<void>;
  /** The same of a book of thousands, as the service itself finds it. */
  verified(t: Test, when: string): Promise<void>;
}

/** Looks at lots from behind the service. */
export async function viewLots(t: Test, service: Service): Promise<LotsView> {
  const owner = await connect(t, service.ownerUrl);
  const addUp = async (t: Test, when: string) => {
    const { rows } = await owner.query(
      `select code, balance, points from ledger.account a
         left join (select village, account, sum(points) as points from ledger.lot group by village, account) l
           on l.village = a.village and l.account = a.number
        where ledger.carries_lots(asset, floor) and balance <> coalesce(points, 0)`,
    );
    t.strictSame(rows, [], `lots are balances: ${when}`);
  };
  return {
    async of(householdId, purpose = 'available') {
      const { rows } = await owner.query(
        `select l.expires_on::text as day, l.points::integer from ledger.lot l
           join ledger.account a on a.village = l.village and a.number = l.account
          where l.village = $1 and a.code = $2 order by l.expires_on`,
        [villages.own, `household:${householdId}:${purpose}`],
      );
      return Object.fromEntries(rows.map(({ day, points }) => [day, points]));
    },
    async sound(t, when) {
      await addUp(t, when);
      t.equal(await firstViolation(owner), null, when);
    },
    async verified(t, when) {
      await addUp(t, when);
      const auditor = await service.as('auditor');
      const { body } = await auditor('POST', `/v1/villages/${villages.own}/book/verify`);
      t.match(body, { sound: true }, when);
    },
  };
}
