import { sql } from 'drizzle-orm';
import { t } from 'tap';
import { iso } from '../src/calendar.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft, unanimous } from './support/rules.ts';
import { nobody, openService, villages } from './support/service.ts';

t.setTimeout(900_000);

const books = `/v1/villages/${villages.own}/rule-books`;

t.test('an adopted rule book is withdrawn before its first day', async t => {
  const service = await openService(t);
  await adoptRules(service, [ruleDraft('OLD01')]);
  const [admin, supervisor] = [await service.as('villageAdmin'), await service.as('supervisor')];
  const adopted = async (inForceFrom: string) => {
    const { body } = await admin('POST', books, { title: '积分细则', rules: [ruleDraft('NEW01')] });
    const resolution = { heldOn: '2026-11-20', ...unanimous };
    const answer = await supervisor('POST', `${books}/${body.id}/adopt`, { inForceFrom, resolution });
    return { ...answer, url: `${books}/${body.id}` };
  };
  const wrong = await adopted('2027-11-01');
  t.equal(wrong.status, 200, wrong.text);
  const shutOut = await adopted('2027-01-01');
  isRefused(t, shutOut, '422 out-of-bounds', { field: 'inForceFrom', min: '2027-11-02', max: '2027-11-23' });
  isRefused(t, await supervisor('POST', `${shutOut.url}/withdraw`), '409 wrong-state', {
    state: 'draft',
    allowedFrom: ['adopted'],
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await admin('POST', `${wrong.url}/withdraw`), '403 forbidden', { requiredRoles: ['supervisor'] });
  const taken = await supervisor('POST', `${wrong.url}/withdraw`);
  t.match(taken.body, {
    state: 'withdrawn',
    standing: 'withdrawn',
    inForceFrom: null,
    intendedFrom: '2027-11-01',
    withdrawnBy: supervisor.actor.id,
    withdrawnAt: '2026-11-23T02:00:00.000Z',
    resolution: { heldOn: '2026-11-20' },
  });
  isRefused(t, await supervisor('POST', `${wrong.url}/withdraw`), '409 wrong-state', {
    state: 'withdrawn',
    allowedFrom: ['adopted'],
    since: '2026-11-23T02:00:00.000Z',
  });
  const [held] = (await admin('GET', books)).body.data.filter(
    (book: { standing: string }) => book.standing === 'inForce',
  );
  t.equal(held.inForceTo, null, 'the one before it goes on');
  const next = await adopted('2026-11-24');
  t.equal(next.status, 200, next.text);
  service.clock.pass({ hours: 24 });
  isRefused(t, await supervisor('POST', `${next.url}/withdraw`), '409 wrong-state', {
    state: 'inForce',
    since: '2026-11-24',
  });
  const late = service.inVillage(villages.own, tx =>
    tx.execute(sql`select rules.withdraw(${villages.own}, ${held.id}, ${nobody.id}, ${iso(service.clock.now())})`),
  );
  await t.rejects(late, { cause: { constraint: 'rule_book_withdrawn_in_time' } }, 'nor by the database');
});
