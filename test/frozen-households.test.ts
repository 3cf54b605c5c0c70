import { randomUUID } from 'node:crypto';
import t from 'tap';
import { closeNotice } from '../src/publicity/jobs.ts';
import { declareKin } from './support/claims.ts';
import { textOfPdf } from './support/pdf.ts';
import { openBoard, succeeded } from './support/publicity.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, villages } from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';

t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, admin, clerk, keeper } = shop;
const rules = await adoptRules(service, [ruleDraft('ENV01', { points: 5 })]);
const soap = await shop.goods('肥皂');
await shop.prices({ [soap]: 3 });
await shop.stock({ [soap]: 100 });

const reason = '户主去世，继承人待定';
const since = '2026-11-23T02:00:00.000Z';
const url = (householdId: string) => `${at}/households/${householdId}`;
const freeze = (householdId: string) => settled(admin, `${url(householdId)}/freeze`, { reason });

t.test('frozen and unfrozen by the village admin, with a reason', async t => {
  const id = await shop.household(100);
  const key = { 'idempotency-key': randomUUID() };
  t.equal((await clerk('GET', url(id))).body.frozen, null);
  const frozen = await admin('POST', `${url(id)}/freeze`, { reason }, key);
  const expected = { state: 'frozen', frozen: { since, byUserId: admin.actor.id, reason } };
  t.match([frozen.status, frozen.body], [200, expected]);
  const replay = await admin('POST', `${url(id)}/freeze`, { reason }, key);
  t.match([replay.text, replay.headers['idempotency-replayed']], [frozen.text, 'true']);
  isRefused(t, await freeze(id), '409 wrong-state', { state: 'frozen', since });

  t.match((await clerk('GET', url(id))).body, expected);
  const masked = (await keeper('GET', url(id))).body;
  t.match(masked, { state: 'frozen', frozen: { since, byUserId: admin.actor.id } });
  t.equal(masked.frozen.reason, null, 'why is nothing for those who see masked names');

  const unfrozen = await settled(admin, `${url(id)}/unfreeze`, { reason: '已确定继承人' });
  t.match([unfrozen.status, unfrozen.body], [200, { state: 'active' }]);
  t.equal(unfrozen.body.frozen, null);
  const again = await settled(admin, `${url(id)}/unfreeze`, { reason: '已确定继承人' });
  isRefused(t, again, '409 wrong-state', { state: 'active', since: null });
  service.clock.pass({ hours: 1 });
  t.equal((await freeze(id)).status, 200, 'and frozen once more');
  const ended = { unfreezeReason: '已确定继承人', unfrozenBy: admin.actor.id, unfrozenAt: since };
  const open = { unfreezeReason: null, unfrozenBy: null, unfrozenAt: null };
  const frozenAt = '2026-11-23T03:00:00.000Z';
  const told = [
    { reason, frozenBy: admin.actor.id, frozenAt, ...open },
    { reason, frozenBy: admin.actor.id, frozenAt: since, ...ended },
  ];
  const auditor = await service.as('auditor');
  const { data } = (await auditor('GET', `${url(id)}/freezes`)).body;
  t.strictSame(
    data.map(({ id: _, ...one }: { id: string }) => one),
    told,
  );
  succeeded(await settled(admin, `${url(id)}/unfreeze`, { reason: '已核实' }));
  service.clock.set(since);
  const own = await service.asHousehold(id);
  t.equal((await own('GET', `${url(id)}/freezes`)).body.data.length, 2, 'the household sees it, too');
  const neighbour = await service.asHousehold(await service.household());
  isRefused(t, await neighbour('GET', `${url(id)}/freezes`), '404 not-found');
});

t.test('refusals', async t => {
  const id = await shop.household(100);
  for (const [body, errors] of [
    [{}, ['/reason required']],
    [{ reason: ' ' }, ['/reason pattern']],
    [{ reason: 'x'.repeat(201) }, ['/reason maxLength']],
    [{ reason, until: '2026-12-01' }, ['/until additionalProperties']],
  ] as const) {
    isRefused(t, await admin('POST', `${url(id)}/freeze`, body), '400 validation-failed', { errors });
    isRefused(t, await admin('POST', `${url(id)}/unfreeze`, body), '400 validation-failed', { errors });
  }
  for (const verb of ['freeze', 'unfreeze']) {
    const at = `${url(id)}/${verb}`;
    for (const caller of [clerk, keeper]) {
      isRefused(t, await caller('POST', at, { reason }), '403 forbidden', { requiredRoles: ['villageAdmin'] });
    }
    const neighbour = await service.as('villageAdmin', villages.sibling);
    isRefused(t, await neighbour('POST', at, { reason }), '404 not-found');
    const there = at.replace(villages.own, villages.sibling);
    isRefused(t, await neighbour('POST', there, { reason }), '404 not-found');
  }
  for (const relation of ['own', 'kin']) {
    const kin = await service.as('villageAdmin');
    await declareKin(service, kin.actor.id, id, relation);
    isRefused(t, await kin('POST', `${url(id)}/freeze`, { reason }), '403 own-household', {}, relation);
    await freeze(id);
    isRefused(t, await kin('POST', `${url(id)}/unfreeze`, { reason }), '403 own-household', {}, relation);
    t.equal((await settled(admin, `${url(id)}/unfreeze`, { reason })).status, 200);
  }

  const closing = await service.household();
  const change = { kind: 'close', householdId: closing, reason: '登记有误' };
  const proposed = succeeded(await settled(clerk, `${at}/household-changes`, change));
  succeeded(await settled(admin, `${at}/household-changes/${proposed.body.id}/approve`));
  isRefused(t, await freeze(closing), '409 household-not-active', { state: 'closed' });
  const unfreeze = await settled(admin, `${url(closing)}/unfreeze`, { reason });
  isRefused(t, unfreeze, '409 household-not-active', { state: 'closed' });
});

t.test('a frozen household neither earns nor spends', async t => {
  const [id, other] = [await shop.household(100), await service.household()];
  const own = await service.asHousehold(id);
  const { cardCode } = await shop.card(id);
  await clerk('PUT', `${url(id)}/pin`, { pin: '402857' });
  const { number } = (await clerk('GET', url(id))).body;
  const waiting = succeeded(await shop.redeem(keeper, shop.order(id, { [soap]: 2 }))).body;
  const given = succeeded(await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true }))).body;
  const before = await shop.points(id);
  const merge = { kind: 'merge', householdId: other, toHouseholdId: id, reason: '并户' };
  const change = succeeded(await settled(clerk, `${at}/household-changes`, merge)).body;
  await freeze(id);

  const no = { state: 'frozen' };
  isRefused(t, await own('GET', `${url(id)}/points`), '401 kiosk-session-ended');
  isRefused(t, await shop.redeem(keeper, shop.order(id, { [soap]: 1 })), '409 household-not-active', no);
  isRefused(t, await shop.fulfil(keeper, waiting.id, { cardCode }), '409 household-not-active', no);
  isRefused(
    t,
    await shop.fulfil(keeper, waiting.id, { pickupCode: waiting.pickupCode }),
    '409 household-not-active',
    no,
  );
  const line = { ruleId: rules.ENV01, householdId: id, quantity: 1, occasion: randomUUID() };
  isRefused(t, await settled(clerk, `${at}/awards`, line), '409 household-not-active', no);
  const claim = { ...line, place: '二组公厕', evidence: [{ kind: 'signIn', text: '签到表第 3 行' }] };
  isRefused(t, await settled(clerk, `${at}/claims`, claim), '409 household-not-active', no);
  isRefused(t, await settled(clerk, `${at}/household-changes`, merge), '409 household-not-active', {
    ...no,
    field: 'toHouseholdId',
  });
  const agreed = await settled(admin, `${at}/household-changes/${change.id}/approve`);
  isRefused(t, agreed, '409 household-not-active', { ...no, field: 'toHouseholdId' }, 'nor what was proposed before');
  isRefused(
    t,
    await settled(clerk, `${at}/households`, { grid: 1, members: [{ name: '张小三', phone: '13812341234' }] }),
    '409 member-elsewhere',
    { place: 0, number: String },
    'its people join as nobody else',
  );

  const kiosk = await service.asKiosk();
  const start = (body: object, headers = {}) => kiosk('POST', '/v1/kiosk/sessions', body, headers);
  isRefused(t, await start({ card: cardCode }), '409 household-not-active', {
    ...no,
    since,
    reason: null,
    detail: '本户已于2026年11月23日 10:00 冻结。请用密码登录查看理由，或者找村管理员。',
  });
  isRefused(t, await start({ householdNumber: number, pin: '402857' }), '409 household-not-active', {
    ...no,
    since,
    reason,
    detail: `本户已于2026年11月23日 10:00 冻结，理由是“${reason}”。如有疑问，请找村管理员。`,
  });
  t.same(await shop.points(id), before, 'nothing has moved');

  t.equal((await settled(keeper, `${at}/redemptions/${waiting.id}/cancel`)).status, 200, 'an order is cancelled');
  const back = { redemptionId: given.id, reason: '破损', restock: true };
  const returned = succeeded(await settled(keeper, `${at}/returns`, back)).body;
  t.equal((await settled(admin, `${at}/returns/${returned.id}/approve`)).status, 200, 'goods come back');
  t.same(await shop.points(id), { available: 100, held: 0 });

  succeeded(await settled(admin, `${url(id)}/unfreeze`, { reason: '已核实' }));
  t.equal((await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true }))).status, 201);
  t.equal((await settled(clerk, `${at}/awards`, line)).status, 201);
  t.equal((await start({ card: cardCode })).status, 201);
});

t.test('what it earned before becomes spendable when the notice is over', async t => {
  const board = await openBoard(t);
  const id = await board.service.household();
  await board.award([id]);
  const notice = await board.publish();
  succeeded(await board.admin('POST', `${at}/households/${id}/freeze`, { reason }));
  board.service.clock.set('2026-11-26T16:00:00Z');
  await closeNotice(board.service, { village: villages.own, noticeId: notice.id });
  t.match(await board.points(id), { available: 5, pending: 0 });
});

t.test('the household reads it on its statement, which stays as it was', async t => {
  const own = await openShop(t);
  const { service, admin, clerk } = own;
  const id = await own.household(20);
  const path = `${url(id)}/statement?from=2026-11-01&to=2026-12-01`;
  const statement = async (query = '') => (await clerk('GET', `${path}${query}`)).body;
  const { throughNumber: first } = await statement();
  succeeded(await settled(admin, `${url(id)}/freeze`, { reason }));
  t.strictSame((await statement(`&throughNumber=${first}`)).freezes, [], 'it knows nothing that came later');

  await own.household(1);
  const { throughNumber: second, ...told } = await statement();
  t.strictSame(told.freezes, [{ frozenOn: '2026-11-23', reason, unfrozenOn: null }]);
  service.clock.set('2026-11-25T18:00:00Z');
  succeeded(await settled(admin, `${url(id)}/unfreeze`, { reason: '已核实' }));
  await own.household(1);
  t.strictSame((await statement()).freezes, [{ frozenOn: '2026-11-23', reason, unfrozenOn: '2026-11-26' }]);
  t.strictSame(await statement(`&throughNumber=${second}`), { throughNumber: second, ...told }, 'the same as before');
  const earlier = await clerk('GET', `${url(id)}/statement?from=2026-11-01&to=2026-11-23`);
  t.strictSame(earlier.body.freezes, [], 'not in a period that ended before');
  const later = await clerk('GET', `${url(id)}/statement?from=2026-11-27&to=2026-12-01`);
  t.strictSame(later.body.freezes, [], 'nor in one that began after');

  const csv = (await clerk('GET', `${path}&format=csv`)).text.split('\r\n');
  t.match(csv.slice(-3), [/,2026-11-23,,,冻结,.*户主去世，继承人待定/, /,2026-11-26,,,解冻,/, '']);
  const pdf = await service.app.inject({
    method: 'GET',
    url: `${path}&format=pdf`,
    headers: { authorization: `Bearer ${clerk.token}` },
  });
  t.equal(pdf.statusCode, 200);
  const words = textOfPdf(pdf.rawPayload);
  if (words === undefined) return t.comment('no pdftotext here');
  for (const word of ['冻结', reason, '解冻']) t.ok(words.includes(word), word);
});

t.test('two freeze at once: one does', async t => {
  const id = await shop.household(10);
  const others = await Promise.all([1, 2, 3, 4].map(() => service.as('villageAdmin')));
  const answers = await Promise.all(others.map(caller => settled(caller, `${url(id)}/freeze`, { reason })));
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  const { rows } = await owner.query('select count(*)::int as n from households.freeze where household_id = $1', [id]);
  t.equal(rows[0].n, 1);
});
