import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { t } from 'tap';
import { iso } from '../src/calendar.ts';
import { photo } from '../src/photos/tables.ts';
import { claimsPath, openReview } from './support/claims.ts';
import { nobody, type Service, villages } from './support/service.ts';

t.setTimeout(900_000);

t.test('what claims and decisions on them show', async t => {
  const { service, person, filed } = await openReview(t, { reviewSteps: 'firstReview', secondApproverFromPoints: 30 });
  const admin = await person('villageAdmin');
  const listed = async (kind: string) => {
    const url = `/v1/villages/${villages.own}/signals?from=2026-11-01&to=2026-12-01`;
    const { status, body, text } = await admin('GET', url);
    if (status !== 200) throw new Error(text);
    // biome-ignore lint/suspicious/noExplicitAny: as it is answered
    return body.data.filter((one: any) => one.kind === kind);
  };
  const pass = async (reviewer: Awaited<ReturnType<typeof person>>, url: string) => {
    const reply = await reviewer('POST', `${url}/pass`, {});
    if (reply.status !== 200) throw new Error(reply.text);
  };

  await t.test('one reviewer for one clerk', async t => {
    const [clerk, friend, other] = [await person('clerk'), await person('reviewer'), await person('reviewer')];
    const ids: string[] = [];
    for (let place = 0; place < 10; place += 1) {
      t.strictSame(await listed('reviewerConcentration'), [], `${place} say nothing`);
      const claim = await filed({}, clerk);
      service.clock.pass({ minutes: 5 });
      if (place >= 7) await pass(other, claim.url);
      else {
        await pass(friend, claim.url);
        ids.push(claim.id);
      }
    }
    const [signal, ...more] = await listed('reviewerConcentration');
    t.strictSame(more, []);
    t.match(signal, {
      severity: 70,
      evidence: { userIds: [clerk.actor.id, friend.actor.id], claimIds: ids, count: 7, of: 10 },
    });
    const last = await filed({}, clerk);
    service.clock.pass({ minutes: 5 });
    await pass(other, last.url);
    t.strictSame(await listed('reviewerConcentration'), [], '7 of 11 are no more than most');
  });

  await t.test('approvals in seconds, single and in a batch', async t => {
    const hasty = await person('reviewer');
    const claims: { url: string; id: string }[] = [];
    for (let left = 26; left > 0; left -= 1) claims.push(await filed());
    service.clock.pass({ hours: 1 });
    const [first, ...next] = claims;
    await pass(hasty, first!.url);
    for (const claim of next.slice(0, 4)) {
      service.clock.pass({ milliseconds: 2999 });
      await pass(hasty, claim.url);
    }
    service.clock.pass({ seconds: 3 });
    await pass(hasty, next[4]!.url);
    t.strictSame(await listed('fastDecisions'), [], 'four say nothing, and three seconds are enough');
    const decideBatch = async (part: typeof claims) => {
      const items = part.map(({ id }) => ({ ref: id, claimId: id, step: 'firstReview', verdict: 'pass' }));
      const reply = await hasty('POST', `${claimsPath}/decisions/batch`, { items });
      if (reply.body.refused !== 0) throw new Error(reply.text);
    };
    service.clock.pass({ seconds: 30 });
    await decideBatch(next.slice(5, 15));
    t.strictSame(await listed('fastDecisions'), [], 'nor does a list that had three seconds for each');
    service.clock.pass({ milliseconds: 29_999 });
    await decideBatch(next.slice(15, 25));
    const [signal, ...more] = await listed('fastDecisions');
    t.strictSame(more, []);
    t.match(signal.evidence, { userIds: [hasty.actor.id], count: 14, of: 26 });
    t.strictSame(
      signal.evidence.claimIds.toSorted(),
      [...next.slice(0, 4), ...next.slice(15, 25)].map(claim => claim.id).toSorted(),
    );
  });

  await t.test('just below what needs a second approver', async t => {
    const clerk = await person('clerk');
    const ids: string[] = [];
    for (let left = 5; left > 0; left -= 1) {
      t.strictSame(await listed('justUnderLimit'), []);
      ids.push((await filed({ quantity: 5 }, clerk)).id);
      service.clock.pass({ minutes: 1 });
    }
    await filed({ quantity: 4 }, clerk);
    const [signal] = await listed('justUnderLimit');
    t.match(signal.evidence, { limit: 'secondApprover', points: 30, claimIds: ids, count: 5, of: 6 });
  });

  await t.test('filed at night', async t => {
    const owl = await person('clerk');
    service.clock.set('2026-11-24T14:00:00Z');
    for (let left = 9; left > 0; left -= 1) await filed({}, owl);
    t.strictSame(await listed('nightEntries'), []);
    await filed({}, owl);
    t.match((await listed('nightEntries'))[0].evidence, { userIds: [owl.actor.id], count: 10 });
  });

  await t.test('photos that are almost one', async t => {
    const [home, other] = [await service.household(), await service.household()];
    const plain = 0x5a5a_1234_9abc_def0n;
    const show = async (householdId: string, hash: bigint) => {
      const id = await newPhoto(service, householdId, hash);
      service.clock.pass({ minutes: 1 });
      return { photoId: id, claimId: (await filed({ householdId, photoIds: [id] })).id };
    };
    const first = await show(home, plain);
    await show(other, plain ^ 0x7fn);
    t.strictSame(await listed('nearDuplicatePhotos'), [], 'seven bits are another picture');
    const theirs = await show(other, plain ^ 0x7e00n);
    const own = await show(home, plain ^ 0x8000_0000n);
    const found = await listed('nearDuplicatePhotos');
    t.match(
      found.map((one: { severity: number; evidence: object }) => ({ severity: one.severity, ...one.evidence })),
      [
        { severity: 84, count: 6, of: 64, photoIds: [first.photoId, theirs.photoId], householdIds: [home, other] },
        { severity: 49, count: 1, claimIds: [first.claimId, own.claimId], householdIds: [home] },
      ],
    );
    t.equal(found.length, 2);
  });
});

async function newPhoto(service: Service, householdId: string, hash: bigint): Promise<string> {
  const id = randomUUIDv7();
  await service.inVillage(villages.own, tx =>
    tx.insert(photo).values({
      village: villages.own,
      id,
      householdId,
      sha256: randomBytes(32),
      bytes: 120_000,
      width: 1600,
      height: 1200,
      views: [hash, 0n],
      uploadedBy: nobody.id,
      uploadedAt: iso(service.clock.now()),
    }),
  );
  return id;
}
