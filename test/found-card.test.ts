import tap, { test } from 'tap';
import { issueCard } from '../src/households/cards.ts';
import { isEasyPin } from '../src/households/pin.ts';
import { isRefused } from './support/refusal.ts';
import { type Caller, nobody, openService, type Service, villages } from './support/service.ts';

// Argon2 many times over.
tap.setTimeout(240_000);

const home = `/v1/villages/${villages.own}`;
const pin = '402857';

async function household(service: Service, clerk: Caller) {
  const members = [{ name: '张小三', phone: '13812341234', idLast4: '166X' }];
  const id = await service.household({ members, address: '第一组 8 号' });
  await clerk('PUT', `${home}/households/${id}/pin`, { pin });
  const { code } = await service.inVillage(villages.own, tx =>
    issueCard(tx, nobody, { village: villages.own, householdId: id }, service.clock.now()),
  );
  return { id, code };
}

test('a found card', async t => {
  const service = await openService(t);
  const { id } = await household(service, await service.as('clerk'));
  const finder = await service.asHousehold(id, villages.own, 'card');
  const owner = await service.asHousehold(id, villages.own, 'cardAndPin');

  await t.test('tells no name, phone, ID end or address', async t => {
    const { text, body } = await finder('GET', `${home}/households/${id}`);
    const { headMemberId, number } = body;
    const plain = {
      id,
      number,
      village: villages.own,
      grid: 1,
      address: '第一组 8 号',
      state: 'active',
      headMemberId,
      headName: '张小三',
      memberCount: 1,
      cardCount: 1,
      hasPin: true,
      pinTriesUsed: 0,
      members: [
        { id: headMemberId, name: '张小三', phone: '13812341234', idLast4: '166X', isHead: true, diedOn: null },
      ],
      frozen: null,
      createdAt: '2026-11-23T02:00:00.000Z',
    };
    t.strictSame(body, {
      ...plain,
      headName: '张*三',
      address: null,
      members: [{ ...plain.members[0], name: '张*三', phone: '138****1234', idLast4: null }],
    });
    t.notOk(/张小三|13812341234|166X|8 号/.test(text));
    t.strictSame((await owner('GET', `${home}/households/${id}`)).body, plain);
  });

  await t.test('changes nothing', async t => {
    const nowhere = '01a00000-0000-7000-8000-000000000000';
    for (const [url, body] of [
      [`${home}/redemptions/${nowhere}/cancel`],
      [`${home}/claims`, { ruleId: nowhere, householdId: id, quantity: 1 }],
      [`${home}/claims/${nowhere}/withdraw`],
      [`${home}/objections`, { awardId: nowhere, reason: '当天未见该户参加清扫' }],
      [`${home}/objections/${nowhere}/withdraw`],
      [`${home}/appeals`, { objectionId: nowhere, reason: '有组长作证' }],
    ] as const) {
      isRefused(t, await finder('POST', url, body), '403 pin-required', {}, url);
      t.not((await owner('POST', url, body)).body.code, 'pin-required', `with the PIN: ${url}`);
    }
    t.equal((await finder('DELETE', '/v1/kiosk/sessions/current')).status, 204, 'but may step away');
  });
});

test('a stolen kiosk that tries a PIN at every household is suspended at the thirtieth', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const kiosk = await service.asKiosk();
  const other = await service.asKiosk();
  const { id, code } = await household(service, clerk);
  const number = (n: number) => `H9${String(n).padStart(3, '0')}`;
  const guess = (n: number) => kiosk('POST', '/v1/kiosk/sessions', { householdNumber: number(n), pin: '402858' });
  for (let n = 0; n < 29; n += 1) isRefused(t, await guess(n), '403 pin-wrong', { attemptsLeft: 4 }, `guess ${n + 1}`);
  t.equal((await kiosk('POST', '/v1/kiosk/sessions', { card: code, pin })).status, 201, 'a right one is not counted');
  isRefused(t, await guess(29), '403 pin-wrong', { attemptsLeft: 4 });
  isRefused(t, await guess(30), '403 device-suspended');
  isRefused(t, await kiosk('POST', '/v1/kiosk/sessions', { card: code, pin }), '403 device-suspended');
  const admin = await service.as('villageAdmin');
  const shown = await admin('GET', `${home}/kiosks/${kiosk.actor.id}`);
  t.strictSame([shown.body.state, shown.body.stateReason], ['suspended', 'wrongPins']);
  t.equal((await other('POST', '/v1/kiosk/sessions', { card: code, pin })).status, 201, 'others go on');
  t.equal((await admin('GET', `${home}/households/${id}`)).body.pinTriesUsed, 0);
});

test('PINs', async t => {
  await t.test('that a stranger tries first are refused', async t => {
    const easy = ['111111', '121212', '123123', '123321', '112233', '123456', '890123', '654321', '135791', '147258'];
    const dates = ['800101', '010180', '123180', '120931', '199012', '200002', '290296'];
    for (const one of [...easy, ...dates]) t.ok(isEasyPin(one), one);
    for (const one of ['402857', '739482', '507394', '926047']) t.notOk(isEasyPin(one), one);
  });

  await t.test('are recorded when set or unlocked, and shown to the household', async t => {
    const service = await openService(t);
    const clerk = await service.as('clerk');
    const { id } = await household(service, clerk);
    service.clock.pass({ seconds: 1 });
    await clerk('POST', `${home}/households/${id}/pin/unlock`);
    const by = { byUserId: clerk.actor.id };
    const url = `${home}/households/${id}/pin/events`;
    const { body } = await (await service.asHousehold(id))('GET', url);
    const [unlocked, set] = body.data;
    t.strictSame(body.data, [
      { id: unlocked.id, kind: 'unlocked', ...by, at: '2026-11-23T02:00:01.000Z' },
      { id: set.id, kind: 'set', ...by, at: '2026-11-23T02:00:00.000Z' },
    ]);
    t.strictSame((await (await service.as('supervisionBoard'))('GET', url)).body, body);
    const stranger = await service.asHousehold(await service.household());
    t.equal((await stranger('GET', url)).status, 404);
    t.equal((await (await service.as('storekeeper'))('GET', url)).status, 403);
    t.equal((await (await service.as('clerk', villages.sibling))('GET', url)).status, 404);
    t.equal((await clerk('PUT', `${home}/households/${id}/pin`, { pin: '800101' })).status, 422);
  });
});
