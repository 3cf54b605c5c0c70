import { randomUUID } from 'node:crypto';
import t from 'tap';
import { runImport } from '../../src/rosters/run-import.ts';
import { openService, villages } from '../support/service.ts';

const at = `/v1/villages/${villages.own}`;

t.test('a roster without the letter of the numbers doubles nobody', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const enrol = async (number: string, name: string, said: object = {}) =>
    (await clerk('POST', `${at}/households`, { grid: null, number, members: [{ name }], ...said })).body;
  const known = await enrol('H0006', '吴海波');
  t.equal(known.number, 'H0006');
  const send = async (rows: string) => {
    const sent = await service.app.inject({
      method: 'POST',
      url: `${at}/household-imports`,
      headers: { authorization: `Bearer ${clerk.token}`, 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
      payload: `户号,户主姓名\n${rows}`,
    });
    await runImport(service, { village: villages.own, importId: sent.json().id });
    const url = sent.headers.location as string;
    const errors = (await clerk('GET', `${url}/errors?limit=100`)).body.data;
    return {
      import: (await clerk('GET', url)).body,
      errors: errors.map(({ row, code }: { row: number; code: string }) => `${row} ${code}`),
    };
  };

  const same = await send('0006,吴海波\n');
  t.match(same.import, { good: 0, alreadyThere: 1 });
  t.strictSame(same.errors, []);
  t.strictSame((await send('0006,张三\n')).errors, ['2 number-unlettered']);
  t.strictSame((await send('H0007,张三\nH99999998,李四\n')).errors, ['3 number-far']);
  t.strictSame((await send('52028110,张三\n52028111,李四\n')).errors, [], 'numbers of one series are not far');

  t.match(await enrol('0006', '吴海波'), { code: 'already-exists', field: 'number', existingId: known.id });
  t.match(await enrol('6', '吴海波', { numberConfirmed: true }), { code: 'already-exists' });
  t.match(await enrol('0006', '王五'), { code: 'number-far', number: '0006', next: 'H0007' });
  t.equal((await enrol('0006', '王五', { numberConfirmed: true })).number, '0006');
});
