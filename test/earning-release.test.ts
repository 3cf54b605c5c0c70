import { test } from 'tap';
import { releaseEach } from '../src/earning/release.ts';
import { cancelPending } from '../src/earning/reverse.ts';
import { awardsPath, household } from './support/awards.ts';
import { refusalOf } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { nobody, openService, type Service, villages } from './support/service.ts';

const { own } = villages;
const by = { actor: nobody.id, businessDate: '2026-11-27' };

test('points of a notice become spendable once, with their lots and their honour', async t => {
  const service = await openService(t, { policy: { directAwardPublicityDays: 3, expiryMonths: 12 } });
  const { ruleId, householdId, award } = await pending(service);
  t.equal(award.state, 'pending');
  t.match(await points(service, householdId), { available: 0, pending: 5, honour: 0 });

  const release = () => service.inVillage(own, tx => releaseEach(tx, own, [award.id], by, service.clock.now()));
  t.same([...(await release()).keys()], [award.id]);
  t.same((await release()).size, 0, 'a second run finds nothing to do');
  t.match(await points(service, householdId), { available: 5, pending: 0, honour: 5 });
  const clerk = await service.as('clerk');
  const read = (await clerk('GET', `${awardsPath}/${award.id}`)).body;
  t.match(read, { state: 'posted', releaseNumber: award.transactionNumber + 1, ruleId });

  // Taken back after all: the mirror of the release, then that of the award.
  const proposed = await clerk('POST', `/v1/villages/${own}/reversals`, { awardId: award.id, reason: '重复登记' });
  const admin = await service.as('villageAdmin');
  t.equal((await admin('POST', `/v1/villages/${own}/reversals/${proposed.body.id}/approve`)).status, 200);
  t.match(await points(service, householdId), { available: 0, pending: 0, honour: 0 });
  t.match((await clerk('GET', `${awardsPath}/${award.id}`)).body, { state: 'reversed' });
  const book = (await admin('POST', `/v1/villages/${own}/book/verify`)).body;
  t.equal(book.sound, true);
});

test('what is still on the notice board can be cancelled, and its occasion is free again', async t => {
  const service = await openService(t, { policy: { directAwardPublicityDays: 3 } });
  const { ruleId, householdId, award } = await pending(service);
  await service.inVillage(own, tx => cancelPending(tx, own, award.id, { actor: nobody.id }, service.clock.now()));
  t.match(await points(service, householdId), { available: 0, pending: 0, honour: 0 });
  const cancel = service.inVillage(own, tx =>
    cancelPending(tx, own, award.id, { actor: nobody.id }, service.clock.now()),
  );
  t.strictSame(await refusalOf(cancel), { code: 'already-reversed', facts: { reversalNumber: 2 } });
  const clerk = await service.as('clerk');
  const again = await clerk('POST', awardsPath, { ruleId, householdId, quantity: 1, occasion: 'sweeping' });
  t.equal(again.status, 201);
  t.same(
    (await service.inVillage(own, tx => releaseEach(tx, own, [award.id], by, service.clock.now()))).size,
    0,
    'and it is never released',
  );
});

async function pending(service: Service) {
  const { ENV03: ruleId } = await adoptRules(service, [ruleDraft('ENV03')]);
  const { id: householdId } = await household(service);
  const clerk = await service.as('clerk');
  const { body: award } = await clerk('POST', awardsPath, { ruleId, householdId, quantity: 1, occasion: 'sweeping' });
  return { ruleId, householdId, award };
}

async function points(service: Service, householdId: string) {
  const clerk = await service.as('clerk');
  return (await clerk('GET', `/v1/villages/${own}/households/${householdId}/points`)).body;
}
