import { test } from 'tap';
import { folded, numberKey } from '../src/households/folding.ts';
import { maskName } from '../src/households/masking.ts';
import { connect, openService, villages } from './support/service.ts';

const at = `/v1/villages/${villages.own}`;
const home = `${at}/households`;

test('a name is compared as one rule says, in TypeScript and in SQL', async t => {
  const service = await openService(t);
  const owner = await connect(t, service.ownerUrl);
  for (const spelling of ['张三', '张 三', '张　三', '张\u200b三', '张\u00a0三', '\u202e张三'])
    t.equal(folded(spelling), '张三');
  for (const dot of ['·', '•', '．', '・', '.', '･', ' ']) t.equal(folded(`阿卜杜拉${dot}买买提`), '阿卜杜拉买买提');
  t.equal(folded('ＪＯＨＮ Smith'), 'johnsmith');
  t.equal(folded('金⼀'), '金一');
  t.equal(folded('e\u200b\u0301'), 'é');
  t.not(folded('𠮷野'), folded('吉野'));
  t.not(folded('﨑'), folded('崎'), 'no forms of a character that Unicode keeps apart');

  // Every character there is, alone and beside another, but for halves and what no version of Unicode has assigned yet.
  const points = Array.from({ length: 0x10ffff }, (_, n) => n + 1).filter(
    n => n < 0x3400 || (n >= 0xa000 && n < 0x20000) || n >= 0x2f800,
  );
  const all = points.map(n => String.fromCodePoint(n)).filter(one => !/[\p{Cs}\p{Co}\p{Cn}]/u.test(one));
  t.ok(all.length > 50_000);
  const { rows } = await owner.query<{ text: string; sql: string }>(
    `select text, households.folded('a' || text || 'Z') as sql from unnest($1::text[]) text`,
    [all],
  );
  // Younger than the Unicode of the oldest PostgreSQL that is supported.
  const young = /[\ua7f1\u{1ccd6}-\u{1ccf9}\u{1e030}-\u{1e06d}]/u;
  const unlike = rows.filter(({ text, sql }) => folded(`a${text}Z`) !== sql && !young.test(text));
  t.strictSame(
    unlike.map(({ text }) => text.codePointAt(0)!.toString(16)),
    [],
  );

  const numbers = ['0051', '51', 'H0051', 'H0', '0', '00000000', '99999999', 'H00000001'];
  const keys = await owner.query(`select households.number_key(number) as key from unnest($1::text[]) number`, [
    numbers,
  ]);
  t.strictSame(
    keys.rows.map(({ key }) => key),
    numbers.map(numberKey),
  );
  t.strictSame(numbers.map(numberKey), ['51', '51', 'H51', 'H0', '0', '0', '99999999', 'H1']);
});

test('the same person is not entered twice', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const enrolled = (...members: object[]) => clerk('POST', home, { grid: null, members });
  const first = await enrolled({ name: '张　三', phone: '13800000001', idLast4: '7771' }, { name: '李梅' });
  t.match(first.body, { number: 'H0001', headName: '张　三' }, 'as it was written');
  const elsewhere = { status: 409, code: 'member-elsewhere', place: 0, number: 'H0001' };

  await t.test('as a household, under any spelling', async t => {
    for (const name of ['张　三', '张三', '张 三', '张\u3000\u3000三']) {
      t.match((await enrolled({ name, phone: '13800000001', idLast4: '7771' })).body, elsewhere);
      t.match((await enrolled({ name, idLast4: '7771' })).body, elsewhere, 'by the ID number');
      t.match(
        (await enrolled({ name, phone: '13800000001' })).body,
        elsewhere,
        'by the phone, where one has no ID number',
      );
    }
    t.match((await enrolled({ name: '王五' }, { name: '张三', idLast4: '7771' })).body, { ...elsewhere, place: 1 });
    t.equal((await enrolled({ name: '张三', phone: '13800000001', idLast4: '7772' })).status, 201, 'a namesake');
    t.equal((await enrolled({ name: '张三' })).status, 201, 'of whom nothing is known');
    t.equal((await enrolled({ name: '张四', phone: '13800000001' })).status, 201, 'with the phone of the family');
    const twice = await enrolled({ name: '赵 六', idLast4: '1234' }, { name: '赵六', idLast4: '1234' });
    t.match(twice.body, { code: 'member-elsewhere', place: 1, number: null }, 'in one household');
  });

  await t.test('as a member, of another household and of the own one', async t => {
    const other = (await enrolled({ name: '周七' })).body;
    for (const [household, name] of [
      [other.id, '郑九'],
      [first.body.id, '冯十'],
    ]) {
      const added = (member: object) => clerk('POST', `${home}/${household}/members`, member);
      t.match((await added({ name: '张三', idLast4: '7771' })).body, elsewhere);
      t.equal((await added({ name, idLast4: '7771' })).status, 201);
    }
  });

  await t.test('nor by two clerks at once', async t => {
    const rush = await Promise.all(
      Array.from({ length: 6 }, (_, n) => enrolled({ name: n % 2 ? '吴 八' : '吴八', idLast4: '8888' })),
    );
    t.strictSame(rush.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409]);
  });

  await t.test('an application of theirs is not approved', async t => {
    const made = await clerk('POST', `${at}/join-applications`, {
      grid: null,
      members: [{ name: '张 三', idLast4: '7771' }],
      consent: { given: true, by: '张三' },
    });
    t.match(made.body, { duplicates: [{ place: 0, householdId: first.body.id, likeness: 'person' }] });
    const admin = await service.as('villageAdmin');
    t.match((await admin('POST', `${made.headers.location}/approve`, {})).body, { code: 'member-elsewhere' });
  });
});

test('a name is found under any spelling, and a number with and without its zeros', async t => {
  const service = await openService(t);
  const [clerk, board] = [await service.as('clerk'), await service.as('supervisionBoard')];
  await service.household({ number: '0051', members: [{ name: '阿卜杜拉·买买提' }] });
  await service.household({ number: 'H0002', members: [{ name: '张　三' }] });
  const found = async (by: typeof clerk, q: string) =>
    (await by('GET', `${home}?q=${encodeURIComponent(q)}`)).body.data.map(({ number }: { number: string }) => number);
  for (const dot of '·•・.．･') t.strictSame(await found(clerk, `阿卜杜拉${dot}买买提`), ['0051'], dot);
  for (const q of ['张三', '张 三', '张　三', ' 三', '张\u200b三']) t.strictSame(await found(clerk, q), ['H0002'], q);
  for (const q of ['51', '0051', '００５１', ' 0051 ', '5']) t.strictSame(await found(clerk, q), ['0051'], q);
  for (const q of ['h0002', 'Ｈ０００２', 'H2']) t.strictSame(await found(clerk, q), ['H0002'], q);
  for (const q of ['·', '\u200b']) t.strictSame(await found(clerk, q), [], 'nothing finds nothing');
  t.strictSame(await found(board, '张三'), [], 'whoever sees no names finds none');
  t.strictSame(await found(board, '51'), ['0051']);
});

test('blanks and what cannot be seen do not count when a name is masked', async t => {
  for (const [name, masked] of [
    ['张　三', '张*'],
    ['张 三', '张*'],
    ['张\u200b三', '张*'],
    [' 张小三 ', '张*三'],
    ['\u2067张三\u2069', '张*'],
    ['葛\u{e0100}城', '葛*'],
    ['e\u0301a', 'e\u0301*'],
  ] as const) {
    t.equal(maskName(name), masked, JSON.stringify(name));
  }
});
