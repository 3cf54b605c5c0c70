import { randomUUID } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import { test } from 'tap';
import { runImport } from '../src/rosters/run-import.ts';
import { openService, villages } from './support/service.ts';

const at = `/v1/villages/${villages.own}`;

const names = [
  '张三',
  '张　三',
  '阿卜杜拉·买买提',
  '𠮷野',
  'JOHN SMITH',
  '王五（户主）',
  '李四1',
  "O'Neill",
  '无名氏',
  '安全空白人',
];
const noNames = [
  '张\n三',
  '张\u0007三',
  '张\u0000三',
  '\u202e三张',
  '张\u200b三',
  '张\ufeff三',
  '=1+1',
  '=张三',
  '+86张三',
  '@张三',
  '-张三',
  '#N/A',
  '#VALUE!',
  '#REF!',
  '合计',
  '户主',
  '姓名',
  'N/A',
  'null',
  '\u3164',
  '张\u3164',
  ' =张三',
  ' 小计 ',
  '无',
  '12345',
  '···',
  '张\ufffd',
  '张\ue863',
  '长'.repeat(61),
];

test('what is a name by the API is one in a roster, and the other way round', async t => {
  const service = await openService(t);
  const [clerk, admin] = [await service.as('clerk'), await service.as('villageAdmin')];
  const household = (await clerk('POST', `${at}/households`, { grid: null, members: [{ name: '吴某' }] })).body;
  const consent = { given: true, by: '申某' };
  const application = (said: object) =>
    clerk('POST', `${at}/join-applications`, { grid: null, members: [{ name: '申某' }], consent, ...said });
  const child = (name: string, guardian: string) => [{ name: '申某' }, { name, isMinor: true, guardian }];
  const ways: Record<string, (name: string) => Promise<{ status: number }>> = {
    householdCreate: name => clerk('POST', `${at}/households`, { grid: null, members: [{ name }] }),
    householdMemberCreate: name => clerk('POST', `${at}/households/${household.id}/members`, { name }),
    joinApplicationCreate: name => application({ members: [{ name }] }),
    guardian: name => application({ members: child('申小', name) }),
    consent: name => application({ consent: { given: true, by: name } }),
    userCreate: name =>
      admin('POST', '/v1/users', {
        login: `u${randomUUID().slice(0, 8)}`,
        name,
        password: 'correct horse battery',
        grant: { role: 'clerk', prefix: villages.own },
      }),
  };
  for (const [way, call] of Object.entries(ways)) {
    for (const name of names) t.equal((await call(name)).status, 201, `${way} ${name}`);
    for (const name of noNames) t.equal((await call(name)).status, 400, `${way} ${JSON.stringify(name)}`);
  }

  // The first bytes of a roster are a mark of its encoding, and blanks around a name are an office's.
  const all = [...names, ...noNames];
  const sent = await service.app.inject({
    method: 'POST',
    url: `${at}/household-imports`,
    headers: { authorization: `Bearer ${clerk.token}`, 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
    payload: stringify([['number', 'head_name'], ...all.map((name, n) => [`R${n + 1}`, name])]),
  });
  await runImport(service, { village: villages.own, importId: sent.json().id });
  const { data } = (await clerk('GET', `${sent.headers.location}/errors?limit=100`)).body;
  const refused = new Set(data.map(({ row }: { row: number }) => row));
  for (const [n, name] of all.entries()) {
    t.equal(refused.has(n + 2), noNames.includes(name), `the roster and ${JSON.stringify(name)}`);
  }
});

test('an address is one line', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const enrol = (address: string) =>
    clerk('POST', `${at}/households`, { grid: null, address, members: [{ name: '某' }] });
  for (const address of ['=1+1', '#N/A', '\u3164', '第一组\n8号', '第一组\u202e8号', '\u0007', '   '])
    t.equal((await enrol(address)).status, 400);
  t.equal((await enrol(' 第一组 8 号 ')).status, 201);
});
