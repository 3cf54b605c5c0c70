import { test } from 'tap';
import { maskName, maskPhone } from '../src/households/masking.ts';
import { isRefused } from './support/refusal.ts';
import { openService, villages } from './support/service.ts';

const home = `/v1/villages/${villages.own}/households`;

test('names and phones are masked', async t => {
  for (const [name, masked] of [
    ['张三', '张*'],
    ['张小三', '张*三'],
    ['阿依古丽', '阿**丽'],
    ['买买提·阿不都', '买*****都'],
    ['王', '王'],
    ['𠮷田', '𠮷*'],
  ] as const) {
    t.equal(maskName(name), masked);
  }
  t.equal(maskPhone('13812341234'), '138****1234');
  t.equal(maskPhone('12345'), '***45');
});

test('the household register', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const board = await service.as('supervisionBoard');

  await t.test('is empty at first', async t => {
    t.strictSame((await clerk('GET', home)).body, { data: [], nextCursor: null, hasMore: false });
  });

  await t.test('enrols a household, whose accounts open with it', async t => {
    const made = await clerk('POST', home, {
      grid: 1,
      address: '第一组 8 号',
      members: [{ name: '买买提·阿不都', phone: '13812341234', idLast4: '166X' }, { name: '李四' }],
    });
    t.equal(made.status, 201);
    t.match(made.body, { number: 'H0001', state: 'active', memberCount: 2, cardCount: 0, hasPin: false, grid: 1 });
    t.equal(made.body.members[0].id, made.body.headMemberId);
    t.strictSame((await clerk('GET', `${made.headers.location}/points`)).body, {
      available: 0,
      ended: 0,
      pending: 0,
      held: 0,
      base: 0,
      honour: 0,
      arrears: 0,
      expiring: [],
      asOfNumber: 0,
    });
  });

  await t.test('numbers follow, also among given numbers, and never twice', async t => {
    const numbered = (number?: string) => clerk('POST', home, { number, grid: null, members: [{ name: '某人' }] });
    t.equal((await numbered('H0041')).body.number, 'H0041');
    t.equal((await numbered()).body.number, 'H0042');
    isRefused(t, await numbered('H0041'), '409 already-exists');
    const rush = await Promise.all(Array.from({ length: 8 }, () => numbered()));
    const numbers = rush.filter(answer => answer.status === 201).map(answer => answer.body.number);
    t.ok(numbers.length >= 1);
    t.equal(new Set(numbers).size, numbers.length);
    t.ok(rush.every(answer => answer.status === 201 || answer.body.code === 'already-exists'));
  });

  await t.test('a grid must be there', async t => {
    isRefused(t, await clerk('POST', home, { grid: 9, members: [{ name: '某人' }] }), '404 not-found', {
      field: 'grid',
    });
  });

  await t.test('whole for those who need it, masked for the others', async t => {
    const [whole] = (await clerk('GET', `${home}?limit=1`)).body.data;
    t.match(whole.members[0], { name: '买买提·阿不都', phone: '13812341234', idLast4: '166X' });
    t.equal(whole.address, '第一组 8 号');
    for (const caller of [
      board,
      await service.as('supervisor'),
      await service.as('auditor'),
      await service.as('storekeeper'),
    ]) {
      const answer = await caller('GET', `${home}?limit=1`);
      t.match(answer.body.data[0], {
        headName: '买*****都',
        address: null,
        members: [{ name: '买*****都', phone: '138****1234', idLast4: null }, { name: '李*' }],
      });
      t.notMatch(answer.text, /买买提|13812341234|166X/);
    }
  });

  await t.test('is found by number, and by name only for those who see names', async t => {
    const find = async (caller: typeof clerk, q: string) =>
      (await caller('GET', `${home}?q=${encodeURIComponent(q)}`)).body.data.map(
        (row: { number: string }) => row.number,
      );
    t.strictSame(await find(clerk, 'h004'), (await find(board, 'H004')) as string[]);
    t.strictSame(await find(clerk, '阿不都'), ['H0001']);
    t.strictSame(await find(board, '阿不都'), [], 'guessing names by searching is no way round the mask');
    t.strictSame(await find(clerk, "' or 1=1 --"), []);
    t.strictSame(await find(clerk, '%'), []);
  });

  await t.test('pages through long lists, and a cursor belongs to its list', async t => {
    const all = (await clerk('GET', `${home}?limit=200`)).body.data;
    const seen: string[] = [];
    let url: string | null = `${home}?limit=3`;
    while (url !== null) {
      const { data, nextCursor, hasMore }: { data: { id: string }[]; nextCursor: string | null; hasMore: boolean } = (
        await clerk('GET', url)
      ).body;
      seen.push(...data.map(row => row.id));
      t.equal(hasMore, nextCursor !== null);
      url = nextCursor === null ? null : `${home}?limit=3&cursor=${nextCursor}`;
    }
    t.strictSame(
      seen,
      all.map((row: { id: string }) => row.id),
    );
    const { nextCursor } = (await clerk('GET', `${home}?limit=1`)).body;
    isRefused(t, await clerk('GET', `${home}?limit=1&grid=1&cursor=${nextCursor}`), '400 cursor-mismatch');
    isRefused(t, await clerk('GET', `${home}?cursor=xx`), '400 cursor-mismatch');
  });

  await t.test('members are added', async t => {
    const [first] = (await clerk('GET', `${home}?limit=1`)).body.data;
    const grown = await clerk('POST', `${home}/${first.id}/members`, { name: '小五' });
    t.equal(grown.status, 201);
    t.equal(grown.body.memberCount, 3);
    t.equal(grown.body.headName, '买买提·阿不都', 'the head stays');
  });

  await t.test('a household sees its own file, whole, and no other', async t => {
    const [one, two] = (await clerk('GET', `${home}?limit=2`)).body.data;
    const household = await service.asHousehold(one.id);
    t.equal((await household('GET', `${home}/${one.id}`)).body.headName, '买买提·阿不都');
    t.equal((await household('GET', `${home}/${one.id}/points`)).status, 200);
    isRefused(t, await household('GET', `${home}/${two.id}`), '404 not-found');
    isRefused(t, await household('GET', `${home}/${two.id}/points`), '404 not-found');
    isRefused(t, await household('GET', home), '403 forbidden', {
      requiredRoles: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'reviewer', 'supervisionBoard', 'storekeeper'],
    });
  });
});

test('cards and PINs', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const id = await service.household();

  await t.test('a card is issued, counted and revoked once', async t => {
    const issued = await clerk('POST', `${home}/${id}/cards`);
    t.equal(issued.status, 201);
    await clerk('POST', `${home}/${id}/cards`);
    t.equal((await clerk('GET', `${home}/${id}`)).body.cardCount, 2);
    const revoke = () => clerk('POST', `/v1/villages/${villages.own}/cards/${issued.body.id}/revoke`);
    t.match((await revoke()).body, { state: 'revoked' });
    isRefused(t, await revoke(), '409 wrong-state', { state: 'revoked', since: '2026-11-23T02:00:00.000Z' });
    t.equal((await clerk('GET', `${home}/${id}`)).body.cardCount, 1);
    const { data } = (await clerk('GET', `${home}/${id}/cards`)).body;
    t.strictSame(
      data.map((card: { state: string }) => card.state),
      ['active', 'revoked'],
    );
  });

  await t.test('a PIN is set where the clerk sees the person, and is not an easy one', async t => {
    for (const pin of ['111111', '123456', '987654', '890123']) {
      isRefused(t, await clerk('PUT', `${home}/${id}/pin`, { pin }), '422 out-of-bounds', {
        field: 'pin',
        min: null,
        max: null,
        detail: '密码太容易被猜到，请不要用生日等日期、相同或连续的数字，也不要用户号。',
      });
    }
    t.equal((await clerk('PUT', `${home}/${id}/pin`, { pin: '402857' })).status, 204);
    t.equal((await clerk('GET', `${home}/${id}`)).body.hasPin, true);
    const household = await service.asHousehold(id);
    isRefused(
      t,
      await household('PUT', `${home}/${id}/pin`, { pin: '402858' }),
      '403 forbidden',
      { requiredRoles: ['clerk', 'villageAdmin'] },
      'a stolen card changes nothing',
    );
  });
});
