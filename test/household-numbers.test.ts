import { test } from 'tap';
import { openService, villages } from './support/service.ts';

const at = `/v1/villages/${villages.own}`;
const home = `${at}/households`;

/** A village's register, and a way to enrol with a number or without. */
async function register(t: Parameters<typeof openService>[0]) {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  let people = 0;
  const enrol = async (said: { number?: string; numberConfirmed?: boolean } = {}) =>
    (await clerk('POST', home, { ...said, grid: null, members: [{ name: `某${++people}` }] })).body;
  const next = async () => (await enrol()).number;
  return { service, clerk, enrol, next };
}

test('the last number there can be stops nobody', async t => {
  const { service, clerk, enrol, next } = await register(t);
  t.match(await enrol({ number: '99999999' }), { status: 422, code: 'number-far', number: '99999999', next: 'H0001' });
  t.equal((await enrol({ number: '99999999', numberConfirmed: true })).number, '99999999');
  t.equal(await next(), '0001', 'the lowest that is free, after the last one');
  t.equal(await next(), '0002');
  const made = await clerk('POST', `${at}/join-applications`, {
    grid: null,
    members: [{ name: '申某' }],
    consent: { given: true, by: '申某' },
  });
  const admin = await service.as('villageAdmin');
  const approve = (said: object) => admin('POST', `${made.headers.location}/approve`, said);
  t.match((await approve({ number: 'H52028112' })).body, { status: 422, code: 'number-far', next: '0003' });
  t.match((await approve({})).body, { state: 'approved' });
  t.equal((await clerk('GET', `${home}?q=0003`)).body.data[0].headName, '申某');
});

test('a slip of the finger moves no series', async t => {
  const { enrol, next } = await register(t);
  for (const number of ['H0001', 'H0002', 'H0040']) t.equal((await enrol({ number })).number, number);
  const slip = await enrol({ number: 'H52028112' });
  t.match(slip, { status: 422, code: 'number-far', number: 'H52028112', next: 'H0041' });
  t.match(slip.detail, /H0041.*H52028112/);
  t.equal((await enrol({ number: 'H52028112', numberConfirmed: true })).number, 'H52028112');
  t.equal(await next(), 'H0041', 'nor does one that was meant');
  t.equal((await enrol({ number: 'H0990' })).number, 'H0990', 'a gap is no error');
  t.equal(await next(), 'H0991');
  t.match(await enrol({ number: 'H2000' }), { status: 422, code: 'number-far' });
  t.equal((await enrol({ number: 'H1991' })).number, 'H1991');
  t.match(await enrol({ number: '1991' }), { status: 422, code: 'number-far' }, 'of another letter');
});

test('the next number is written as the village writes its own', async t => {
  const { enrol, next } = await register(t);
  for (const number of ['0051', '0052', '0099']) await enrol({ number });
  await enrol({ number: 'B7' });
  t.equal(await next(), '0100');
  t.equal(await next(), '0101');
});

test('a village whose numbers begin with its code', async t => {
  const { enrol, next } = await register(t);
  t.equal((await enrol({ number: '52028110', numberConfirmed: true })).number, '52028110');
  t.equal((await enrol({ number: '52028111' })).number, '52028111');
  t.equal(await next(), '52028112');
  t.equal((await enrol({ number: '3' })).number, '3');
  t.equal(await next(), '52028113');
});

test('leading zeros make no other number', async t => {
  const { clerk, enrol } = await register(t);
  const first = await enrol({ number: '0051' });
  for (const number of ['51', '051', '00000051'])
    t.match(await enrol({ number }), { status: 409, code: 'already-exists' });
  t.match(await enrol({ number: 'H51' }), { code: 'number-far' }, 'another letter does, if it is meant');
  t.equal((await enrol({ number: 'H51', numberConfirmed: true })).number, 'H51');
  t.match(await enrol({ number: 'H0051' }), { code: 'already-exists' });
  t.match(
    (await clerk('GET', `${home}?q=51`)).body.data,
    [{ id: first.id, number: '0051' }],
    'it stays as it was written',
  );
  const members = [
    first.members[0].id,
    (await clerk('POST', `${home}/${first.id}/members`, { name: '子某' })).body.members[1].id,
  ];
  const split = (newHousehold: object) =>
    clerk('POST', `${at}/household-changes`, {
      kind: 'split',
      householdId: first.id,
      memberIds: [members[1]],
      newHousehold: { grid: null, headMemberId: members[1], ...newHousehold },
      reason: '分家协议，双方签字',
    });
  t.match((await split({ number: '051' })).body, { code: 'already-exists', field: 'number' });
  t.match((await split({ number: '99999' })).body, { code: 'number-far', next: '0052' });
  t.equal((await split({ number: '99999', numberConfirmed: true })).status, 201);
});
