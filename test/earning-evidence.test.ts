import { t } from 'tap';
import { directEvidence } from '../src/earning/validate-award.ts';
import { importRules } from '../src/rules/import-rules.ts';
import { readSample, readSampleText } from '../src/sample/files.ts';
import { awarding, awardsPath, bookNumber, pointsOf } from './support/awards.ts';
import { claimsPath, openReview, yes } from './support/claims.ts';
import { isRefused } from './support/refusal.ts';
import { ruleDraft } from './support/rules.ts';

/** What a rule accepts, and whether a clerk may award under it without anybody else. */
const accepted: [kinds: string[], direct: boolean][] = [
  [['count'], true],
  [['weight'], true],
  [['signIn'], true],
  [['roster'], true],
  [['photo'], false],
  [['panel'], false],
  [['visit'], false],
  [['record'], false],
  [['minutes'], false],
  [['leader'], false],
  [['beneficiary'], false],
  [['caseNo'], false],
  [['witness'], false],
  [['certificate'], false],
  [['official'], false],
  [['photo', 'leader'], false],
  // Kinds are alternatives: where one of them is a count, the count is enough.
  [['photo', 'count'], true],
  // A village's own kind is not known to be a count.
  [['drone'], false],
];

t.test('a clerk awards what a count, scales, a sheet or a roster shows, and nothing else', async t => {
  const rules = accepted.map(([evidence], place) => ruleDraft(`KIND${place}`, { evidence }));
  const { service, ids, clerk, reviewer, voted } = await openReview(t, { householdDayMaxPoints: 1000 }, rules);
  const give = awarding(clerk);
  const detail = {
    zh: '该条细则不能直接加分，请附佐证材料提交申报，经审核后计分。',
    en: 'Points under this rule are not awarded directly. File a claim with the evidence that the rule requires.',
  };
  const sheet = (mode: string, items: object[]) => clerk('POST', `${awardsPath}/batch`, { mode, items });

  for (const [place, [kinds, direct]] of accepted.entries()) {
    await t.test(kinds.join(' or '), async t => {
      const householdId = await service.household();
      const line = { ruleId: ids[`KIND${place}`], householdId, quantity: 1 };
      if (direct) {
        t.equal((await give(line)).status, 201);
        t.match((await sheet('perItem', [line])).body, { succeeded: 1, refused: 0 });
        t.equal((await sheet('atomic', [line])).status, 201);
        t.match(await pointsOf(clerk, householdId), { available: 15, pending: 0 });
        return;
      }
      const before = await bookNumber(service);
      const why = { reason: 'claimRequired', required: kinds };
      isRefused(t, await give(line), '422 evidence-missing', { ...why, detail: detail.zh });
      const english = await give(line, { 'accept-language': 'en' });
      isRefused(t, english, '422 evidence-missing', { ...why, detail: detail.en });
      isRefused(t, (await sheet('perItem', [line])).body.results[0].problem, '422 evidence-missing', why);
      isRefused(t, await sheet('atomic', [line]), '422 batch-refused', {
        items: [{ index: 0, ref: null, problem: { answer: '422 evidence-missing', ...why } }],
      });
      t.equal(await bookNumber(service), before, 'nothing was posted');

      const claim = await clerk('POST', claimsPath, { ...line, evidence: [{ kind: kinds.at(-1), text: '见台账' }] });
      t.equal(claim.status, 201, claim.text);
      const url = `${claimsPath}/${claim.body.id}`;
      t.equal((await reviewer('POST', `${url}/pass`, {})).status, 200);
      t.strictSame(
        (await voted(url, yes, yes)).map(({ body }) => body.state),
        ['inPanel', 'approved'],
      );
      t.match(await pointsOf(clerk, householdId), { available: 0, pending: 5 }, 'the claim earns it');
    });
  }

  await t.test('a sheet of both kinds', async t => {
    const [one, other] = [await service.household(), await service.household()];
    const line = (householdId: string, place: number) => ({ ruleId: ids[`KIND${place}`], householdId, quantity: 1 });
    const items = [line(one, 0), line(one, 4), line(other, 4), line(other, 3)];
    const before = await bookNumber(service);
    const refused = { answer: '422 evidence-missing', reason: 'claimRequired', required: ['photo'] };
    isRefused(t, await sheet('atomic', items), '422 batch-refused', {
      items: [1, 2].map(index => ({ index, ref: null, problem: refused })),
    });
    t.equal(await bookNumber(service), before);
    const { body } = await sheet('perItem', items);
    t.strictSame(
      body.results.map((result: { status: number }) => result.status),
      [201, 422, 422, 201],
    );
    for (const householdId of [one, other]) t.match(await pointsOf(clerk, householdId), { available: 5, pending: 0 });
  });
});

t.test('most of the sample month takes a claim', async t => {
  const rules = new Map(importRules(await readSampleText('rules.csv')).map(rule => [rule.code, rule.evidence]));
  const earned = (await readSample('events-sample.csv')).filter(({ kind }) => kind === 'earn');
  const direct = earned.filter(({ rule_code }) => rules.get(rule_code!)!.some(kind => directEvidence.has(kind)));
  t.strictSame([direct.length, earned.length - direct.length], [1509, 1886]);
});
