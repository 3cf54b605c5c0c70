import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { t } from 'tap';
import { closeNotice } from '../../src/publicity/jobs.ts';
import { insisting } from '../support/awards.ts';
import { at, publicAt, succeeded } from '../support/publicity.ts';
import { isRefused } from '../support/refusal.ts';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { drawScene } from '../support/scenes.ts';
import { type Caller, type Reply, villages } from '../support/service.ts';
import { openShop } from '../support/shop.ts';

t.setTimeout(900_000);

/** Of a statement: what tells the story of a line. */
interface Line {
  transactionNumber: number;
  kind: string;
  amount: number;
  asset: string;
}

t.test('from a photo of a swept yard to soap, and back from the statement to the photo', async t => {
  const shop = await openShop(t, { line: true, policy: { directAwardPublicityDays: 3, householdDayMaxPoints: 200 } });
  const { service } = shop;
  const { ENV03: ruleId } = await adoptRules(service, [
    ruleDraft('ENV03', { title: '清扫房前屋后', points: 6, evidence: ['photo', 'witness'], publicity: 'required' }),
  ]);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 4 });
  await shop.stock({ [soap]: 20 });
  const by = async (role: Parameters<typeof service.as>[0]) => insisting(await service.as(role));
  const [clerk, secretary, publisher, board] = [
    await by('clerk'),
    await by('villageAdmin'),
    await by('clerk'),
    await by('supervisionBoard'),
  ];
  const post = async (caller: Caller, url: string, body: object | Buffer = {}): Promise<Reply['body']> =>
    succeeded(await caller('POST', url, body)).body;
  const pointsOf = async (householdId: string) => (await clerk('GET', `${at}/households/${householdId}/points`)).body;

  // Apply → approve. The kiosk in the village office takes the applications, the first secretary approves them.
  const kiosk = insisting(await service.asKiosk());
  const homes: string[] = [];
  for (const name of ['王小兰', '李大山', '龙应芬']) {
    const application = await post(kiosk, `${at}/join-applications`, {
      grid: 1,
      address: '第一组',
      members: [{ name }, { name: `${name[0]}小宝`, isMinor: true, guardian: name }],
      consent: { given: true, by: name },
    });
    const approved = await post(secretary, `${at}/join-applications/${application.id}/approve`, {});
    t.match(approved, { state: 'approved' });
    homes.push(approved.householdId);
  }
  const [wang, li, long] = homes as [string, string, string];

  // Claim with photo, each at the kiosk; the last one by the clerk for an elder without a phone.
  const claimed: { id: string; householdId: string; digest: string }[] = [];
  for (const [place, householdId] of homes.entries()) {
    const picture = await sharp(await drawScene(100 + place))
      .jpeg({ quality: 90 })
      .withExif({ IFD0: { Model: 'Phone of the Wangs' }, IFD3: { GPSLatitude: '25/1 42/1 0/1' } })
      .toBuffer();
    const filer = householdId === long ? clerk : insisting(await service.asHousehold(householdId));
    const photo = await post(filer, `${at}/photos?householdId=${householdId}`, picture);
    const digest = createHash('sha256').update(picture).digest('hex');
    t.equal(photo.sha256, digest);
    const claim = await post(filer, `${at}/claims`, {
      ruleId,
      householdId,
      quantity: 2,
      occurredAt: '2026-11-22T23:30:00Z',
      place: '一组房前',
      photoIds: [photo.id],
      occasion: 'sweeping-2026-11-23',
    });
    t.match(claim, { state: 'submitted', points: 12 });
    const served = (await service.anonymous('GET', photo.links.full)).headers;
    t.equal(served['content-type'], 'image/jpeg');
    const again = await filer('POST', `${at}/claims`, { ...claimOf(ruleId!, householdId), photoIds: [photo.id] });
    isRefused(t, again, '422 photo-reused', { photoId: photo.id }, 'the same photo earns nothing more');
    claimed.push({ id: claim.id, householdId, digest });
  }

  // Review → panel: one person looks first, of three others two agree; one counts less.
  const first = await by('reviewer');
  const panel = [await by('reviewer'), await by('reviewer')] as const;
  const queue = (await first('GET', `${at}/claims/queue?step=firstReview`)).body.data;
  t.same(
    queue.map((claim: { id: string }) => claim.id),
    claimed.map(claim => claim.id),
    'the oldest first',
  );
  for (const { id } of claimed) {
    await post(first, `${at}/claims/${id}/take`);
    await post(first, `${at}/claims/${id}/pass`);
    await post(panel[0], `${at}/claims/${id}/votes`, { verdict: 'approve' });
    const decided = await post(panel[1], `${at}/claims/${id}/votes`, { verdict: 'approve', quantity: 1 });
    t.match(decided, { state: 'approved', agreedQuantity: 1, agreedPoints: 6 });
  }
  t.match(await pointsOf(wang), { available: 0, pending: 6, honour: 0 });

  // Notice: masked, for everybody; whoever entered one of its lines may not publish it.
  isRefused(t, await clerk('POST', `${at}/notices`, {}), '403 second-person-required', { lines: 1 });
  const notice = await post(publisher, `${at}/notices`, {});
  t.match(notice, { startsOn: '2026-11-24', days: 3, endsAt: '2026-11-26T16:00:00.000Z', lineCount: 3 });
  const shown = await service.anonymous('GET', `${publicAt}/notices/${notice.id}`);
  t.same(shown.body.lines.data.map((line: { headName: string }) => line.headName).sort(), ['李*山', '王*兰', '龙*芬']);
  t.notMatch(shown.text, /王小兰|李大山|龙应芬/);

  // Objection to one item, by another household; the board upholds it.
  const wangsAward = (await clerk('GET', `${at}/claims/${claimed[0]!.id}`)).body.awardId;
  const lisAward = (await clerk('GET', `${at}/claims/${claimed[1]!.id}`)).body.awardId;
  const neighbour = insisting(await service.asHousehold(wang));
  const objection = await post(neighbour, `${at}/objections`, { awardId: lisAward, reason: '当天没有人清扫' });
  service.clock.set('2026-11-26T16:00:00Z');
  await closeNotice(service, { village: villages.own, noticeId: notice.id });
  t.match(await pointsOf(wang), { available: 6, pending: 0, honour: 6 }, 'spendable');
  t.match(await pointsOf(li), { available: 0, pending: 6 }, 'frozen while the objection is open');
  await post(board, `${at}/objections/${objection.id}/uphold`, { ruling: '组长证实当天未清扫' });
  t.match(await pointsOf(li), { available: 0, pending: 0, honour: 0 });

  // Redeemed.
  const spender = insisting(await service.asHousehold(wang));
  const redeemed = await shop.redeem(shop.keeper, shop.order(wang, { [soap]: 1 }, { handOver: true }));
  t.match(redeemed, { status: 201, body: { state: 'fulfilled', points: 4 } });

  // All of it in the statement, each line traceable.
  const auditor = insisting(await service.as('auditor'));
  const entries: Line[] = [];
  for (const purpose of ['available', 'pending', 'honour']) {
    const list = `${at}/households/${wang}/entries?account=${purpose}`;
    entries.push(...succeeded(await spender('GET', list)).body.data);
  }
  t.same(
    entries.map(({ kind, amount, asset }) => `${kind} ${amount} ${asset}`),
    ['redemption -4 PTS', 'publicityRelease 6 PTS', 'publicityRelease -6 PTS', 'award 6 PTS', 'publicityRelease 6 HON'],
  );
  const everybody = [first.actor.id, panel[0].actor.id, panel[1].actor.id];
  for (const { transactionNumber, kind } of entries) {
    const { body: transaction } = await auditor('GET', `${at}/transactions/${transactionNumber}`);
    if (kind === 'redemption') {
      t.equal(transaction.cause, `redemption:${redeemed.body.id}:fulfil`);
      continue;
    }
    const awardId = transaction.cause.split(':')[1];
    t.equal(awardId, wangsAward, `${kind} names its award`);
    const { body: award } = await auditor('GET', `${at}/awards/${awardId}`);
    t.match(award, { claimId: claimed[0]!.id, createdBy: wang, decidedBy: everybody, state: 'posted' });
    const { body: origin } = await auditor('GET', `${at}/transactions/${award.transactionNumber}`);
    t.match(
      origin.frozen,
      { claimId: claimed[0]!.id, photo1: claimed[0]!.digest, ruleCode: 'ENV03', unitPoints: '6', quantity: '1' },
      'the book itself keeps the claim and the digest of the photo',
    );
    for (const id of everybody) t.match(JSON.stringify(origin.frozen), id, 'and the people who decided');
    t.match((await auditor('GET', `${at}/claims/${award.claimId}`)).body.decisions, [
      { step: 'firstReview', verdict: 'pass', decidedBy: everybody[0] },
      { step: 'panel', verdict: 'approve', decidedBy: everybody[1] },
      { step: 'panel', verdict: 'approve', quantity: 1, decidedBy: everybody[2] },
    ]);
  }
  t.equal((await auditor('POST', `${at}/book/verify`)).body.sound, true);
});

function claimOf(ruleId: string, householdId: string): object {
  return { ruleId, householdId, quantity: 1, occasion: 'another' };
}
