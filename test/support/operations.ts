import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { grantAllowances } from '../../src/allowances/grant.ts';
import { issueCard } from '../../src/households/cards.ts';
import { queuePrint } from '../../src/printing/queue-print.ts';
import { newDeviceKey } from '../../src/sample/device-key.ts';
import { owe } from './arrears.ts';
import { type Ask, anywhere, at, get, patch, placed, post, type Sample } from './sample-calls.ts';
import { claimsSamples } from './samples/claims.ts';
import { evaluationsSamples } from './samples/evaluations.ts';
import { householdChangesSamples } from './samples/household-changes.ts';
import { joiningSamples } from './samples/joining.ts';
import { photosSamples } from './samples/photos.ts';
import { publicitySamples } from './samples/publicity.ts';
import { rostersSamples } from './samples/rosters.ts';
import { rulesSamples } from './samples/rules.ts';
import { signalsSamples } from './samples/signals.ts';
import { nobody } from './service.ts';
import { giveSecondFactor } from './staff.ts';
import { adoption, newDivision, newGoods, newUser, password, sampleBook, type World } from './world.ts';

/** How a kiosk is that has nothing to complain of. */
export const heartbeat = {
  appVersion: '1.4.2',
  queueDepth: 0,
  oldestOpAt: null,
  clockOffsetMs: -412,
  printer: 'ready',
  storagePersisted: true,
};

/** One call of every operation. A new operation is not finished before it stands here. */
export const samples: Record<string, Sample> = {
  healthGet: anywhere(async () => get('/healthz')),
  readinessGet: anywhere(async () => get('/readyz')),
  problemGet: anywhere(async () => get('/problems/not-found')),
  jwksGet: anywhere(async () => get('/.well-known/jwks.json')),

  sessionCreate: anywhere(async world => post('/v1/sessions', { login: await world.login(), password })),
  sessionRefresh: anywhere(async world => {
    const input = { login: await world.login(), password };
    const { refreshToken } = (await world.service.anonymous('POST', '/v1/sessions', input)).body;
    return post('/v1/sessions/refresh', { refreshToken });
  }),
  sessionCurrentGet: anywhere(async () => get('/v1/sessions/current')),
  sessionCurrentDelete: anywhere(async () => ({ method: 'DELETE', url: '/v1/sessions/current' })),
  userPasswordSet: anywhere(async (world, { caller }) => {
    if (caller?.actor.kind === 'staff') await world.setPassword(caller.actor.id);
    const body = { currentPassword: password, newPassword: 'eight bottles of oil' };
    return { method: 'PUT', url: '/v1/users/current/password', body };
  }),
  userSecondFactorCreate: anywhere(async () => post('/v1/users/current/second-factor', {})),
  userSecondFactorConfirm: anywhere(async (world, { caller }) => {
    const staff = caller?.actor.kind === 'staff';
    const code = staff ? await world.secondFactorCode(caller) : '402857';
    return post('/v1/users/current/second-factor/confirm', { code });
  }),
  userPasswordReset: placed(async (world, ask) =>
    post(`/v1/users/${(await userFor(world, ask)).id}/reset-password`, { password }),
  ),
  userSecondFactorReset: placed(async (world, ask) => {
    const { id } = await userFor(world, ask);
    await giveSecondFactor(world.service, id);
    return post(`/v1/users/${id}/reset-second-factor`);
  }),
  userList: anywhere(async () => get('/v1/users')),
  userCreate: placed(async (world, { role, village }) =>
    post('/v1/users', newUser(world, role === 'villageAdmin' ? 'clerk' : 'villageAdmin', village)),
  ),
  userGet: placed(async (world, ask) => get(`/v1/users/${(await userFor(world, ask)).id}`)),
  userUpdate: placed(async (world, ask) => patch(`/v1/users/${(await userFor(world, ask)).id}`, { name: '王文书' })),
  userEventList: placed(async (world, ask) => get(`/v1/users/${(await userFor(world, ask)).id}/events`)),
  userDisable: placed(async (world, ask) => post(`/v1/users/${(await userFor(world, ask)).id}/disable`)),
  userEnable: placed(async (world, ask) => {
    const { id } = await userFor(world, ask);
    // Whom somebody higher up has locked out, one cannot let in.
    const rank = ask.role === 'supervisor' ? 'supervisor' : 'platformAdmin';
    const admin = await world.by(appointerFor(ask) === 'villageAdmin' ? 'villageAdmin' : rank, ask.village);
    await world.made(admin, 'POST', `/v1/users/${id}/disable`);
    return post(`/v1/users/${id}/enable`);
  }),
  userGrantCreate: placed(async (world, ask) => {
    const { id } = await userFor(world, ask);
    const role = ask.role === 'villageAdmin' ? 'storekeeper' : 'auditor';
    return post(`/v1/users/${id}/grants`, { role, prefix: ask.village });
  }),
  userGrantConfirm: placed(async (world, ask) => {
    const secretary = await world.by('villageAdmin', ask.village);
    const { id, grants } = await world.made(secretary, 'POST', '/v1/users', newUser(world, 'reviewer', ask.village));
    return post(`/v1/users/${id}/grants/${grants[0].id}/confirm`);
  }),
  userGrantEnd: placed(async (world, ask) => {
    const { id, grantId } = await userFor(world, ask);
    return post(`/v1/users/${id}/grants/${grantId}/end`);
  }),

  divisionList: anywhere(async () => get('/v1/divisions')),
  divisionCreate: anywhere(async world => post('/v1/divisions', newDivision(world, 'town'))),
  divisionGet: placed(async (_world, { village }) => get(`/v1/divisions/${village}`)),
  villageList: anywhere(async () => get('/v1/villages')),
  villageCreate: anywhere(async world => {
    const input = newDivision(world, 'village');
    await world.made(await world.by('platformAdmin', ''), 'POST', '/v1/divisions', input);
    return post('/v1/villages', { village: input.code, openedOn: '2026-11-01' });
  }),
  villageGet: placed(async (_world, { village }) => get(at(village))),
  gridList: placed(async (_world, { village }) => get(`${at(village)}/grids`)),
  gridCreate: placed(async (world, { village }) => {
    const number = 1 + world.next('grid');
    return post(`${at(village)}/grids`, { number, name: `第${number}组` });
  }),
  gridGet: placed(async (_world, { village }) => get(`${at(village)}/grids/1`)),
  gridUpdate: placed(async (world, { village }) => {
    const number = 1 + world.next('grid');
    const admin = await world.by('villageAdmin', village);
    await world.made(admin, 'POST', `${at(village)}/grids`, { number, name: `第${number}组` });
    return patch(`${at(village)}/grids/${number}`, { name: `第${number}网格` });
  }),
  policyGet: placed(async (_world, { village }) => get(`${at(village)}/policy`)),
  policyList: placed(async (_world, { village }) => get(`${at(village)}/policies`)),
  policyCreate: placed(async (world, { village }) => {
    const admin = await world.by('villageAdmin', village);
    const { validFrom: _, ...settings } = await world.made(admin, 'GET', `${at(village)}/policy`);
    const validFrom = Temporal.PlainDate.from('2027-01-01')
      .add({ days: world.next('day') })
      .toString();
    return post(`${at(village)}/policies`, { validFrom, ...settings });
  }),

  householdList: placed(async (_world, { village }) => get(`${at(village)}/households`)),
  householdCreate: placed(async (_world, { village }) =>
    post(`${at(village)}/households`, { grid: 1, address: '第一组 8 号', members: [{ name: '张小三' }] }),
  ),
  householdGet: placed(async (_world, ask) => get(await file(ask))),
  householdUpdate: placed(async (_world, ask) => patch(await file(ask), { address: '第一组 9 号' })),
  memberGet: placed(async (world, ask) => get(await memberOf(world, ask))),
  memberUpdate: placed(async (world, ask) =>
    // The heads of sample households have one name: with one phone, too, they would be one person.
    patch(await memberOf(world, ask), { phone: `1990001${String(world.next('phone')).padStart(4, '0')}` }),
  ),
  correctionList: placed(async (_world, { village }) => get(`${at(village)}/corrections`)),
  householdMemberCreate: placed(async (_world, ask) => post(`${await file(ask)}/members`, { name: '李四' })),
  householdPointsGet: placed(async (_world, ask) => get(`${await file(ask)}/points`)),
  householdCardList: placed(async (_world, ask) => get(`${await file(ask)}/cards`)),
  householdCardCreate: placed(async (_world, ask) => post(`${await file(ask)}/cards`)),
  cardRevoke: placed(async (world, ask) => {
    const { id } = await cardOf(world, ask);
    return post(`${at(ask.village)}/cards/${id}/revoke`);
  }),
  cardReplace: placed(async (world, ask) => {
    const { id } = await cardOf(world, ask);
    return post(`${at(ask.village)}/cards/${id}/replace`);
  }),
  cardSheetCreate: placed(async (_world, ask) =>
    post(`${at(ask.village)}/card-sheets`, { cards: [{ householdId: await ask.household() }] }),
  ),
  householdFreezeList: placed(async (_world, ask) => get(`${await file(ask)}/freezes`)),
  householdFreeze: placed(async (_world, ask) => post(`${await file(ask)}/freeze`, { reason: '户主去世，继承人待定' })),
  householdUnfreeze: placed(async (world, ask) => {
    const url = await file(ask);
    await world.made(await world.by('villageAdmin', ask.village), 'POST', `${url}/freeze`, { reason: '待核实' });
    return post(`${url}/unfreeze`, { reason: '已核实' });
  }),
  householdPinSet: placed(async (_world, ask) => ({
    method: 'PUT',
    url: `${await file(ask)}/pin`,
    body: { pin: '402857' },
  })),
  householdPinEventList: placed(async (_world, ask) => get(`${await file(ask)}/pin/events`)),
  householdPinUnlock: placed(async (_world, ask) => post(`${await file(ask)}/pin/unlock`)),

  ruleBookList: placed(async (_world, { village }) => get(`${at(village)}/rule-books`)),
  ruleBookCreate: placed(async (_world, { village }) => post(`${at(village)}/rule-books`, sampleBook)),
  ruleBookGet: placed(async (world, ask) => get(await draftBook(world, ask))),
  ruleBookAdopt: placed(async (world, ask) => {
    await world.rule(ask.village);
    return post(`${await draftBook(world, ask)}/adopt`, nextAdoption(world));
  }),
  ruleBookWithdraw: placed(async (world, ask) => {
    await world.rule(ask.village);
    const url = await draftBook(world, ask);
    await world.made(await world.by('supervisor', ask.village), 'POST', `${url}/adopt`, nextAdoption(world));
    return post(`${url}/withdraw`);
  }),
  ruleList: placed(async (_world, { village }) => get(`${at(village)}/rules`)),

  awardList: placed(async (_world, { village }) => get(`${at(village)}/awards`)),
  awardCreate: placed(async (world, ask) => post(`${at(ask.village)}/awards`, await awardLine(world, ask))),
  awardBatch: placed(async (world, ask) =>
    post(`${at(ask.village)}/awards/batch`, {
      mode: 'atomic',
      items: [{ ref: '1', ...(await awardLine(world, ask)) }],
    }),
  ),
  awardGet: placed(async (world, ask) => get(`${at(ask.village)}/awards/${(await award(world, ask)).id}`)),
  reversalList: placed(async (_world, { village }) => get(`${at(village)}/reversals`)),
  reversalCreate: placed(async (world, ask) =>
    post(`${at(ask.village)}/reversals`, { awardId: (await award(world, ask)).id, reason: '登记错户' }),
  ),
  reversalGet: placed(async (world, ask) => get(await reversal(world, ask))),
  reversalApprove: placed(async (world, ask) => post(`${await reversal(world, ask)}/approve`)),
  reversalReject: placed(async (world, ask) => post(`${await reversal(world, ask)}/reject`, { reason: '核对无误' })),

  arrearsSettle: placed(async (world, ask) => {
    const householdId = await ask.household();
    await owe(world.service, householdId, 5, { kept: 5, village: ask.village });
    return post(`${at(ask.village)}/households/${householdId}/arrears/settle`, { points: 5 });
  }),
  arrearsWaiverList: placed(async (_world, { village }) => get(`${at(village)}/arrears-waivers`)),
  arrearsWaiverCreate: placed(async (world, ask) =>
    post(`${at(ask.village)}/arrears-waivers`, await waiverInput(world, ask)),
  ),
  arrearsWaiverGet: placed(async (world, ask) => get(await waiver(world, ask))),
  arrearsWaiverApprove: placed(async (world, ask) => post(`${await waiver(world, ask)}/approve`)),
  arrearsWaiverReject: placed(async (world, ask) =>
    post(`${await waiver(world, ask)}/reject`, { reason: '应由本户偿还' }),
  ),

  basePointsGive: placed(async (_world, { village }) => post(`${at(village)}/base-points`)),
  expiryRunList: placed(async (_world, { village }) => get(`${at(village)}/expiry-runs`)),
  expiryRunCreate: placed(async (world, { village }) => post(`${at(village)}/expiry-runs`, nextRun(world, village))),
  expiryRunGet: placed(async (world, ask) => get(await announced(world, ask))),
  expiryLineList: placed(async (world, ask) => get(`${await announced(world, ask)}/lines`)),
  expiryRunAnnounce: placed(async (world, ask) => post(`${await previewed(world, ask)}/announce`)),
  expiryRunApprove: placed(async (world, ask) => {
    const url = await announced(world, ask);
    // The days of notice have passed.
    await world.service.inVillage(ask.village, tx =>
      tx.execute(sql`update expiry.run set due_on = through_on + 1 where id = ${url.split('/').at(-1)}`),
    );
    return post(`${url}/approve`);
  }),
  expiryRunCancel: placed(async (world, ask) => post(`${await previewed(world, ask)}/cancel`)),

  storeList: placed(async (_world, { village }) => get(`${at(village)}/stores`)),
  storeCreate: placed(async (world, { village }) =>
    post(`${at(village)}/stores`, { name: `分店${world.next('store')}` }),
  ),
  storeGet: placed(async (world, { village }) => get(`${at(village)}/stores/${await world.store(village)}`)),
  storeUpdate: placed(async (world, { village }) => {
    const admin = await world.by('villageAdmin', village);
    const url = `${at(village)}/stores`;
    const { id } = await world.made(admin, 'POST', url, { name: `分店${world.next('store')}` });
    return patch(`${url}/${id}`, { place: '村委会一楼' });
  }),
  goodsList: placed(async (_world, { village }) => get(`${at(village)}/goods`)),
  goodsCreate: placed(async (world, { village }) => post(`${at(village)}/goods`, newGoods(world))),
  goodsGet: placed(async (world, ask) => get(await someGoods(world, ask))),
  goodsUpdate: placed(async (world, ask) => patch(await someGoods(world, ask), { category: '粮油副食品' })),
  goodsArchive: placed(async (world, ask) => post(`${await someGoods(world, ask)}/archive`)),
  goodsRestore: placed(async (world, ask) => {
    const url = await someGoods(world, ask);
    await world.made(await world.by('storekeeper', ask.village), 'POST', `${url}/archive`);
    return post(`${url}/restore`);
  }),
  priceListList: placed(async (_world, { village }) => get(`${at(village)}/price-lists`)),
  priceListCreate: placed(async (world, ask) => post(`${at(ask.village)}/price-lists`, await nextPrices(world, ask))),
  priceListGet: placed(async (world, ask) => {
    const url = `${at(ask.village)}/price-lists`;
    const admin = await world.by('villageAdmin', ask.village);
    return get(`${url}/${(await world.made(admin, 'POST', url, await nextPrices(world, ask))).id}`);
  }),
  priceListWithdraw: placed(async (world, ask) => {
    const url = `${at(ask.village)}/price-lists`;
    const admin = await world.by('villageAdmin', ask.village);
    return post(`${url}/${(await world.made(admin, 'POST', url, await nextPrices(world, ask))).id}/withdraw`);
  }),
  stockLevelList: placed(async (world, { village }) =>
    get(`${at(village)}/stock-levels?storeId=${await world.store(village)}`),
  ),
  stockDocumentList: placed(async (_world, { village }) => get(`${at(village)}/stock-documents`)),
  stockDocumentCreate: placed(async (world, ask) =>
    post(`${at(ask.village)}/stock-documents`, await receipt(world, ask)),
  ),
  stockDocumentGet: placed(async (world, ask) => get(await draft(world, ask))),
  stockDocumentUpdate: placed(async (world, ask) =>
    patch(await draft(world, ask), { reason: '双凤粮油店 发票 00132' }),
  ),
  stockDocumentPost: placed(async (world, ask) => post(`${await draft(world, ask)}/post`)),
  stockDocumentReject: placed(async (world, ask) =>
    post(`${await draft(world, ask)}/reject`, { note: '数量与送货单不符' }),
  ),

  goodsImport: placed(async (world, { village }) => ({
    ...post(`${at(village)}/goods-imports?dryRun=false`, `货号,商品名称,单位\nI${world.next('list')},洗衣液,瓶\n`),
    headers: { 'content-type': 'text/csv' },
  })),
  stockExpiryList: placed(async (world, { village }) =>
    get(`${at(village)}/stock-expiries?storeId=${await world.store(village)}`),
  ),
  stockCountList: placed(async (_world, { village }) => get(`${at(village)}/stock-counts`)),
  stockCountCreate: placed(async (world, { village }) =>
    post(`${at(village)}/stock-counts`, {
      storeId: await world.store(village),
      goodsIds: [await world.goods(village)],
    }),
  ),
  stockCountGet: placed(async (world, ask) => get((await openCount(world, ask)).url)),
  stockCountHandIn: placed(async (world, ask) => {
    const { url, goodsId } = await openCount(world, ask);
    return post(`${url}/figures`, { figures: [{ goodsId, counted: 39 }] });
  }),

  offerList: placed(async (world, { village }) => get(`${at(village)}/offers?storeId=${await world.store(village)}`)),
  redemptionQuote: placed(async (world, ask) => {
    const { storeId, householdId, lines } = await order(world, ask);
    return post(`${at(ask.village)}/redemptions/quote`, { storeId, householdId, lines });
  }),
  redemptionCreate: placed(async (world, ask) => post(`${at(ask.village)}/redemptions`, await order(world, ask))),
  redemptionList: placed(async (_world, { village }) => get(`${at(village)}/redemptions`)),
  redemptionGet: placed(async (world, ask) => get((await redemption(world, ask)).url)),
  redemptionByCode: placed(async (world, ask) => {
    const { pickupCode } = await redemption(world, ask);
    return post(`${at(ask.village)}/redemptions/by-code`, { pickupCode });
  }),
  redemptionFulfil: placed(async (world, ask) => {
    const { url, pickupCode } = await redemption(world, ask);
    return post(`${url}/fulfil`, { pickupCode });
  }),
  redemptionCancel: placed(async (world, ask) => post(`${(await redemption(world, ask)).url}/cancel`)),
  redemptionReceiptGet: placed(async (world, ask) => get(`${(await redemption(world, ask)).url}/receipt`)),
  returnList: placed(async (_world, { village }) => get(`${at(village)}/returns`)),
  returnCreate: placed(async (world, ask) => post(`${at(ask.village)}/returns`, await comesBack(world, ask))),
  returnGet: placed(async (world, ask) => get(await proposedReturn(world, ask))),
  returnReceiptGet: placed(async (world, ask) => get(`${await proposedReturn(world, ask)}/receipt`)),
  printJobList: placed(async (_world, { village }) => get(`${at(village)}/print-jobs`)),
  printJobCreate: placed(async (world, ask) => {
    const { id } = await redemption(world, ask);
    return post(`${at(ask.village)}/print-jobs`, { redemptionId: id });
  }),
  printJobReceiptGet: placed(async (world, ask) => get(`${await printJob(world, ask)}/receipt`)),
  printJobAcknowledge: placed(async (world, ask) => ({
    method: 'PUT',
    url: `${await printJob(world, ask)}/outcome`,
    body: { state: 'printed' },
  })),
  returnApprove: placed(async (world, ask) => post(`${await proposedReturn(world, ask)}/approve`)),
  returnReject: placed(async (world, ask) => post(`${await proposedReturn(world, ask)}/reject`, { note: '已开封' })),

  bookGet: placed(async (_world, { village }) => get(`${at(village)}/book`)),
  verificationList: placed(async (_world, { village }) => get(`${at(village)}/book/verifications?sound=true`)),
  bookVerify: placed(async (_world, { village }) => post(`${at(village)}/book/verify`)),
  accountList: placed(async (_world, { village }) => get(`${at(village)}/accounts`)),
  accountGet: placed(async (world, ask) => get(await account(world, ask))),
  accountEntryList: placed(async (world, ask) => get(`${await account(world, ask)}/entries`)),
  accountBalanceGet: placed(async (world, ask) => get(`${await account(world, ask)}/balance?through=1`)),
  householdEntryList: placed(async (world, ask) => get(`${await passbook(world, ask)}/entries`)),
  transactionList: placed(async (_world, { village }) => get(`${at(village)}/transactions`)),
  transactionGet: placed(async (world, ask) => {
    await world.service.givePoints(await ask.household(), 1, ask.village);
    return get(`${at(ask.village)}/transactions/1`);
  }),
  checkpointCreate: placed(async (_world, { village }) => post(`${at(village)}/book/checkpoints`)),
  checkpointList: placed(async (_world, { village }) => get(`${at(village)}/book/checkpoints`)),
  checkpointGet: placed(async (world, ask) => {
    await signed(world, ask);
    return get(`${at(ask.village)}/book/checkpoint`);
  }),
  consistencyGet: placed(async (world, ask) => {
    const { size } = await signed(world, ask);
    return get(`${at(ask.village)}/book/consistency?from=${size}&to=${size}`);
  }),
  transactionProofGet: placed(async (world, ask) => {
    const clerk = await world.by('clerk', ask.village);
    const { data } = await world.made(clerk, 'GET', `${await passbook(world, ask)}/entries`);
    await signed(world, ask);
    return get(`${at(ask.village)}/transactions/${data[0].transactionNumber}/proof`);
  }),
  publicCheckpointGet: placed(async (world, ask) => {
    await signed(world, ask);
    return get(`/v1/public/villages/${ask.village}/book/checkpoint`);
  }),
  publicBookKeyList: placed(async (_world, { village }) => get(`/v1/public/villages/${village}/book/keys`)),
  householdStatementGet: placed(async (world, ask) => get(`${await passbook(world, ask)}/statement`)),
  journalGet: placed(async (_world, { village }) => get(`${at(village)}/journal`)),
  trialBalanceGet: placed(async (_world, { village }) => get(`${at(village)}/trial-balance`)),

  kioskPairingGet: placed(async (world, { village }) =>
    get(`${at(village)}/kiosk-pairings/${(await world.pairing()).userCode}`),
  ),
  kioskPairingApprove: placed(async (world, { village }) =>
    post(`${at(village)}/kiosk-pairings/${(await world.pairing()).userCode}/approve`, {
      name: '超市门口',
      storeId: await world.store(village),
    }),
  ),
  kioskPairingDeny: placed(async (world, { village }) =>
    post(`${at(village)}/kiosk-pairings/${(await world.pairing()).userCode}/deny`),
  ),
  kioskList: placed(async (_world, { village }) => get(`${at(village)}/kiosks`)),
  kioskGet: placed(async (world, ask) => get(await kiosk(world, ask))),
  kioskSuspend: placed(async (world, ask) => post(`${await kiosk(world, ask)}/suspend`)),
  kioskResume: placed(async (world, ask) => {
    const url = await kiosk(world, ask);
    await world.made(await world.by('villageAdmin', ask.village), 'POST', `${url}/suspend`);
    return post(`${url}/resume`);
  }),
  kioskRetire: placed(async (world, ask) => post(`${await kiosk(world, ask)}/retire`)),
  kioskPairingCreate: anywhere(async world => {
    await world.pairing();
    const device = { appVersion: '1.4.2', hardware: { model: 'T10', serial: 'SN0042' } };
    return { ...post('/v1/kiosk/pairings', device), key: newDeviceKey() };
  }),
  kioskPairingPoll: anywhere(async world => {
    const { deviceCode, key } = await world.pairing();
    return { ...post('/v1/kiosk/pairings/poll', { deviceCode }), key };
  }),
  kioskTokenRefresh: anywhere(async (world, ask) => {
    const { deviceCode, userCode, key } = await world.pairing();
    const admin = await world.by('villageAdmin', ask.village);
    const input = { name: '超市门口', storeId: await world.store(ask.village) };
    await world.made(admin, 'POST', `${at(ask.village)}/kiosk-pairings/${userCode}/approve`, input);
    const { body } = await world.service.withKey(key)('POST', '/v1/kiosk/pairings/poll', { deviceCode });
    return { ...post('/v1/kiosk/tokens', { refreshToken: body.refreshToken }), key };
  }),
  kioskSettingsSet: placed(async (world, ask) => ({
    method: 'PUT',
    url: `${await kiosk(world, ask)}/settings`,
    body: { elderMode: false, languages: ['zh-CN'], speech: true, receiptColumns: 48 },
  })),
  kioskHeartbeatCreate: anywhere(async () => post('/v1/kiosk/heartbeats', heartbeat)),
  kioskConfigGet: anywhere(async () => get('/v1/kiosk/config')),
  kioskSnapshotGet: anywhere(async () => get('/v1/kiosk/snapshot')),
  kioskChangesGet: anywhere(async (_world, { caller }) => {
    const snapshot = caller?.actor.kind === 'kiosk' ? await caller('GET', '/v1/kiosk/snapshot') : undefined;
    return get(`/v1/kiosk/changes?cursor=${snapshot?.body.cursor ?? 'none'}`);
  }),
  kioskSessionCreate: anywhere(async (world, ask) =>
    post('/v1/kiosk/sessions', { card: (await cardOf(world, ask)).code }),
  ),
  kioskSessionGet: anywhere(async () => get('/v1/kiosk/sessions/current')),
  kioskSessionEnd: anywhere(async () => ({ method: 'DELETE', url: '/v1/kiosk/sessions/current' })),
  kioskOutcomeGet: anywhere(async (world, { village, caller }) => {
    const key = randomUUID();
    await world.service.inVillage(village, tx =>
      tx.execute(sql`
        insert into http.idempotency (village, client, key, fingerprint, status, created_at)
        values (${village}, ${caller?.actor.client ?? randomUUID()}, ${key}, '', 204, now())`),
    );
    return get(`/v1/kiosk/outcomes/${key}`);
  }),
  kioskAllowanceBatch: anywhere(async (_world, ask) =>
    post('/v1/kiosk/allowances', { headSeq: 0, householdIds: [await ask.household()] }),
  ),
  kioskAllowanceReturn: anywhere(async (world, ask) =>
    post(`/v1/kiosk/allowances/${await allowance(world, ask)}/return`, { headSeq: 0 }),
  ),
  kioskOpUpload: anywhere(async () => post('/v1/kiosk/ops', unsignedOps())),
  kioskOpHeadGet: anywhere(async () => get('/v1/kiosk/ops')),
  kioskOpImport: placed(async (world, ask) => post(`${await kiosk(world, ask)}/ops/import`, unsignedOps())),
  kioskCaseOpen: placed(async (world, ask) =>
    post(`${await kiosk(world, ask)}/cases`, { kind: 'deviceLost', note: '终端丢失' }),
  ),
  kioskCaseList: placed(async (_world, { village }) => get(`${at(village)}/kiosk-cases`)),
  kioskCaseGet: placed(async (world, ask) => get(await kioskCase(world, ask))),
  kioskCaseResolve: placed(async (world, ask) =>
    post(`${await kioskCase(world, ask)}/resolve`, { decision: 'noted', note: '已核实' }),
  ),

  ...joiningSamples,
  ...rostersSamples,
  ...householdChangesSamples,
  ...rulesSamples,
  ...photosSamples,
  ...claimsSamples,
  ...publicitySamples,
  ...evaluationsSamples,
  ...signalsSamples,
};

/** Whose users the caller may manage; where the call is meant to be refused, a clerk is at stake. */
const appointerFor = ({ role }: Ask) => (role === 'platformAdmin' || role === 'supervisor' ? role : 'villageAdmin');
const userFor = (world: World, ask: Ask) => world.user(appointerFor(ask), ask.village);

async function file(ask: Ask): Promise<string> {
  return `${at(ask.village)}/households/${await ask.household()}`;
}

async function memberOf(world: World, ask: Ask): Promise<string> {
  const clerk = await world.by('clerk', ask.village);
  const { headMemberId } = await world.made(clerk, 'GET', await file(ask));
  return `${at(ask.village)}/members/${headMemberId}`;
}

async function cardOf(world: World, ask: Ask): Promise<{ id: string; code: string }> {
  return world.made(await world.by('clerk', ask.village), 'POST', `${await file(ask)}/cards`);
}

function nextAdoption(world: World) {
  const inForceFrom = Temporal.PlainDate.from('2027-01-01').add({ days: world.next('day') });
  return adoption(inForceFrom.toString());
}

async function draftBook(world: World, { village }: Ask): Promise<string> {
  const book = await world.made(await world.by('clerk', village), 'POST', `${at(village)}/rule-books`, sampleBook);
  return `${at(village)}/rule-books/${book.id}`;
}

async function awardLine(world: World, ask: Ask) {
  return {
    ruleId: await world.rule(ask.village),
    householdId: await ask.household(),
    memberId: null,
    quantity: 1,
    occasion: `cleaning-${world.next('occasion')}`,
    note: '清扫公厕周边',
  };
}

async function award(world: World, ask: Ask): Promise<{ id: string }> {
  const clerk = await world.by('clerk', ask.village);
  return world.made(clerk, 'POST', `${at(ask.village)}/awards`, await awardLine(world, ask));
}

async function reversal(world: World, ask: Ask): Promise<string> {
  const input = { awardId: (await award(world, ask)).id, reason: '登记错户' };
  const made = await world.made(await world.by('clerk', ask.village), 'POST', `${at(ask.village)}/reversals`, input);
  return `${at(ask.village)}/reversals/${made.id}`;
}

async function waiverInput(world: World, ask: Ask) {
  const householdId = await ask.household();
  await owe(world.service, householdId, 5, { village: ask.village });
  return { householdId, points: 5, reason: '登记有误，本户无过错' };
}

async function waiver(world: World, ask: Ask): Promise<string> {
  const url = `${at(ask.village)}/arrears-waivers`;
  const made = await world.made(await world.by('clerk', ask.village), 'POST', url, await waiverInput(world, ask));
  return `${url}/${made.id}`;
}

/** The file of a household that has been given something, twice. */
async function passbook(world: World, ask: Ask): Promise<string> {
  const householdId = await ask.household();
  for (const points of [5, 6]) await world.service.givePoints(householdId, points, ask.village);
  return `${at(ask.village)}/households/${householdId}`;
}

async function account(world: World, ask: Ask): Promise<string> {
  const clerk = await world.by('clerk', ask.village);
  const householdId = (await passbook(world, ask)).split('/').at(-1);
  const query = `householdId=${householdId}&limit=1`;
  const { data } = await world.made(clerk, 'GET', `${at(ask.village)}/accounts?${query}`);
  return `${at(ask.village)}/accounts/${data[0].number}`;
}

/** Another last day each time: one has one run. */
function nextRun(world: World, village: string) {
  const days = world.next(`run ${village}`);
  return { kind: 'lots', throughOn: Temporal.PlainDate.from('2026-01-01').add({ days }).toString() };
}

async function previewed(world: World, { village }: Ask): Promise<string> {
  const url = `${at(village)}/expiry-runs`;
  const admin = await world.by('villageAdmin', village);
  return `${url}/${(await world.made(admin, 'POST', url, nextRun(world, village))).id}`;
}

async function announced(world: World, ask: Ask): Promise<string> {
  const url = await previewed(world, ask);
  await world.made(await world.by('villageAdmin', ask.village), 'POST', `${url}/announce`);
  return url;
}

async function signed(world: World, { village }: Ask): Promise<{ size: number }> {
  return world.made(await world.by('villageAdmin', village), 'POST', `${at(village)}/book/checkpoints`);
}

async function someGoods(world: World, { village }: Ask): Promise<string> {
  const keeper = await world.by('storekeeper', village);
  return `${at(village)}/goods/${(await world.made(keeper, 'POST', `${at(village)}/goods`, newGoods(world))).id}`;
}

async function nextPrices(world: World, { village }: Ask) {
  const goodsId = await world.goods(village);
  const validFrom = Temporal.PlainDate.from('2027-01-01')
    .add({ days: world.next('day') })
    .toString();
  return { validFrom, items: [{ goodsId, points: 6 }] };
}

async function receipt(world: World, { village }: Ask) {
  const lines = [{ goodsId: await world.goods(village), quantity: 40, costFen: 3510, expiresOn: '2031-06-30' }];
  return { type: 'receipt', storeId: await world.store(village), reason: '双凤粮油店 发票 00123', lines };
}

async function draft(world: World, ask: Ask): Promise<string> {
  const url = `${at(ask.village)}/stock-documents`;
  const keeper = await world.by('storekeeper', ask.village);
  return `${url}/${(await world.made(keeper, 'POST', url, await receipt(world, ask))).id}`;
}

async function openCount(world: World, { village }: Ask): Promise<{ url: string; goodsId: string }> {
  const url = `${at(village)}/stock-counts`;
  const goodsId = await world.goods(village);
  const body = { storeId: await world.store(village), goodsIds: [goodsId] };
  return { url: `${url}/${(await world.made(await world.by('storekeeper', village), 'POST', url, body)).id}`, goodsId };
}

/** An order of a household that has the points for it. */
async function order(world: World, ask: Ask) {
  const { village } = ask;
  const lines = [{ goodsId: await world.goods(village), quantity: 1 }];
  const householdId = await ask.household();
  await world.service.givePoints(householdId, 20, village);
  const key = { village, householdId };
  const { code: cardCode } = await world.service.inVillage(village, tx =>
    issueCard(tx, nobody, key, world.service.clock.now()),
  );
  return { storeId: await world.store(village), householdId, lines, handOver: false, mode: 'counter', cardCode };
}

async function redemption(
  world: World,
  ask: Ask,
  fields: object = {},
): Promise<{ url: string; id: string; pickupCode: string }> {
  const url = `${at(ask.village)}/redemptions`;
  const keeper = await world.by('storekeeper', ask.village);
  const made = await world.made(keeper, 'POST', url, { ...(await order(world, ask)), ...fields });
  return { url: `${url}/${made.id}`, id: made.id, pickupCode: made.pickupCode };
}

async function comesBack(world: World, ask: Ask) {
  const { id } = await redemption(world, ask, { handOver: true });
  return { redemptionId: id, reason: '包装破损', restock: false };
}

async function proposedReturn(world: World, ask: Ask): Promise<string> {
  const url = `${at(ask.village)}/returns`;
  const keeper = await world.by('storekeeper', ask.village);
  return `${url}/${(await world.made(keeper, 'POST', url, await comesBack(world, ask))).id}`;
}

/** Of the kiosk that asks, else of the counter. */
async function printJob(world: World, ask: Ask): Promise<string> {
  const { village, caller } = ask;
  const { id: redemptionId } = await redemption(world, ask);
  const paper = { redemptionId, returnId: null, storeId: await world.store(village) };
  const actor = { ...nobody, kioskId: caller?.actor.kind === 'kiosk' ? caller.actor.kioskId : null };
  const now = world.service.clock.now();
  const { id } = await world.service.inVillage(village, tx => queuePrint(tx, actor, village, paper, now));
  return `${at(village)}/print-jobs/${id}`;
}

async function kiosk(world: World, { village }: Ask): Promise<string> {
  return `${at(village)}/kiosks/${(await world.service.asKiosk(village)).actor.id}`;
}

/** What no device has signed: it is kept, and a case opens. Another one each time. */
function unsignedOps(): object {
  return { ops: [`${randomUUID()}.no.op`] };
}

async function kioskCase(world: World, ask: Ask): Promise<string> {
  const clerk = await world.by('clerk', ask.village);
  const url = await kiosk(world, ask);
  const imported = await clerk('POST', `${url}/ops/import`, unsignedOps());
  if (imported.status !== 207) throw new Error(imported.text);
  const cases = `${at(ask.village)}/kiosk-cases`;
  const { body } = await clerk('GET', `${cases}?kioskId=${url.split('/').at(-1)}`);
  return `${cases}/${body.data[0].id}`;
}

/** An allowance of the kiosk that will call; of none, for a caller that is no kiosk. */
async function allowance(world: World, ask: Ask): Promise<string> {
  const { caller, village } = ask;
  if (caller?.actor.kind !== 'kiosk') return randomUUID();
  const householdId = await ask.household();
  await world.service.givePoints(householdId, 5, village);
  const key = { village, kioskId: caller.actor.id };
  const [granted] = await world.service.inVillage(village, tx =>
    grantAllowances(tx, key, [householdId], world.service.clock.now()),
  );
  if (granted === undefined || !('allowance' in granted)) throw new Error('no allowance was granted');
  return granted.allowance.id;
}
