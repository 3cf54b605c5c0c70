import t from 'tap';
import { firstViolation, laws } from '../support/invariants.ts';
import { diceOf } from './dice.ts';
import { seed } from './size.ts';
import { openStormVillage, send } from './village.ts';

/* The checker that judges every storm is judged itself: each law, broken by hand, is named. */
t.test('each law sees a violation of itself', async t => {
  const village = await openStormVillage(t, { households: 2 });
  const dice = diceOf(seed);
  for (let left = 12; left > 0; left -= 1)
    t.equal((await send(village.shop.clerk, village.intent(dice, village.households))).status, 201);
  const { owner } = village;
  t.equal(await firstViolation(owner), null, 'a sound book breaks none');
  for (const law of laws) {
    await owner.query(`begin; set local session_replication_role = replica`);
    await owner.query(law.breaks);
    const { rows } = await owner.query(`select what from (${law.finds}) broken limit 1`);
    t.match(rows, [{ what: /./ }], law.says);
    t.match(await firstViolation(owner), { law: /^B\d/ });
    await owner.query('rollback');
  }
});
