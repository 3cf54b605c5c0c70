import { randomUUID } from 'node:crypto';
import tap, { test } from 'tap';
import { glyphsOf, pagesOfPdf } from './support/pdf.ts';
import { isRefused } from './support/refusal.ts';
import { connect, openService, type Reply, type Service, villages } from './support/service.ts';
import { untilBlocked } from './support/waiting.ts';

tap.setTimeout(300_000);

const own = `/v1/villages/${villages.own}`;

/** Whose card a kiosk takes a code for, or why it does not. */
async function shown(service: Service, code: string): Promise<string> {
  const { body } = await (await service.asKiosk())('POST', '/v1/kiosk/sessions', { card: code });
  return body.household?.id ?? body.code;
}

async function pagesOf(reply: Reply) {
  return pagesOfPdf(Buffer.from(reply.body.pdf, 'base64'));
}

const names = ['𠮷小三', '𬎆䶮', '张三', '阿依古丽', '李', '王𪜀𫝀𬺰', '欧阳小明'];

test('ten cards a page, each opens its household', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const homes: string[] = [];
  for (let i = 0; i < 23; i += 1)
    homes.push(await service.household({ members: [{ name: names[i % names.length]! }] }));
  homes.push(homes[0]!);
  homes.reverse();
  const numbers = new Map<string, string>();
  for (const id of homes) numbers.set(id, (await clerk('GET', `${own}/households/${id}`)).body.number);

  const issued = await clerk('POST', `${own}/card-sheets`, { cards: homes.map(householdId => ({ householdId })) });
  t.equal(issued.status, 201, issued.text.slice(0, 300));
  t.strictSame(
    issued.body.cards.map(({ householdId, state }: { householdId: string; state: string }) => [householdId, state]),
    homes.map(id => [id, 'active']),
  );
  const pdf = Buffer.from(issued.body.pdf, 'base64');
  const { drawn, missing } = glyphsOf(pdf);
  t.ok(drawn > 24 * 30, `${drawn} characters`);
  t.equal(missing, 0, 'rare characters of names are drawn');

  const pages = await pagesOf(issued);
  t.strictSame(
    pages.map(page => page.codes.length),
    [10, 10, 4],
  );
  const codes = pages.flatMap(page => page.codes);
  t.equal(new Set(codes.map(({ text }) => text)).size, 24, 'no code twice');
  for (const [index, { text, x, y }] of codes.entries()) {
    t.match(text, /^PS1\.[0-9A-HJKMNP-TV-Z]{26}$/);
    const place = index % 10;
    t.equal(Math.floor(x * 2), place % 2, 'in its column');
    t.equal(Math.floor(((y * 297 - 13.5) / 270) * 5), Math.floor(place / 2), 'in its row');
    t.equal(await shown(service, text), homes[index], `card ${index}`);
  }
  const printed = pages.map(page => page.text).join('\n');
  t.strictSame(
    printed.match(/H[0-9]{4}/g),
    homes.map(id => numbers.get(id)),
    'the number beside each code is that of its household',
  );
  t.ok(printed.includes('阿**丽') && printed.includes('张*') && printed.includes('封家湾社区'));
  for (const name of names.filter(one => one.length > 1)) t.notOk(printed.includes(name), 'no name is whole');
});

test('an answer that was lost, a sheet that was lost', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const homes = [await service.household(), await service.household()];
  const kept = (await clerk('POST', `${own}/households/${homes[0]}/cards`)).body.code;
  const key = { 'idempotency-key': randomUUID() };
  const body = { cards: homes.map(householdId => ({ householdId })) };
  const lost = await clerk('POST', `${own}/card-sheets`, body, key);
  t.equal(lost.status, 201);
  const replayed = await clerk('POST', `${own}/card-sheets`, body, key);
  t.equal(replayed.status, 201);
  t.strictSame(replayed.body, { cards: lost.body.cards, pdf: null }, 'the cards are known, their codes are not');

  const owner = await connect(t, service.ownerUrl);
  const [page] = await pagesOf(lost);
  const { rows } = await owner.query(`select body from http.idempotency where key = $1`, [key['idempotency-key']]);
  t.equal(rows.length, 1);
  t.notOk(rows[0].body.includes('JVBER'), 'no PDF is kept');
  for (const { text } of page!.codes) t.notOk(rows[0].body.includes(text));

  const again = await clerk('POST', `${own}/card-sheets`, {
    cards: replayed.body.cards.map(({ id, householdId }: { id: string; householdId: string }) => ({
      householdId,
      replacesCardId: id,
    })),
  });
  t.equal(again.status, 201, again.text.slice(0, 300));
  for (const { text } of page!.codes) t.equal(await shown(service, text), 'card-revoked');
  const [next] = await pagesOf(again);
  for (const [index, { text }] of next!.codes.entries()) t.equal(await shown(service, text), homes[index]);
  t.equal(await shown(service, kept), homes[0], 'another card of the household is untouched');
});

test('all cards of a sheet, or none', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const good = await service.household();
  const countCards = async () => (await clerk('GET', `${own}/households/${good}/cards`)).body.data.length;
  const issue = (card: object, caller = clerk) =>
    caller('POST', `${own}/card-sheets`, { cards: [{ householdId: good }, card] });
  const mine = (await clerk('POST', `${own}/households/${good}/cards`)).body;

  const elsewhere = await service.household({}, villages.sibling);
  isRefused(t, await issue({ householdId: elsewhere }), '404 not-found', { field: 'cards/1/householdId' });
  const other = await service.household();
  isRefused(t, await issue({ householdId: other, replacesCardId: mine.id }), '404 not-found', {
    field: 'cards/1/replacesCardId',
  });
  await clerk('POST', `${own}/cards/${mine.id}/revoke`);
  isRefused(t, await issue({ householdId: good, replacesCardId: mine.id }), '409 wrong-state', {
    state: 'revoked',
    since: '2026-11-23T02:00:00.000Z',
  });
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`update households.household set state = 'closed' where id = $1`, [other]);
  isRefused(t, await issue({ householdId: other }), '409 household-not-active', {
    state: 'closed',
    field: 'cards/1/householdId',
  });
  const kin = await service.household();
  await owner.query(
    `insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
     values ($1, $2, $3, 'own', $4, now())`,
    [villages.own, clerk.actor.id, kin, good],
  );
  isRefused(t, await issue({ householdId: kin }), '403 own-household', { householdIds: [kin] });
  isRefused(t, await issue({ householdId: good }, await service.as('storekeeper')), '403 forbidden', {
    requiredRoles: ['clerk', 'villageAdmin'],
  });
  for (const cards of [[], Array(201).fill({ householdId: good })]) {
    t.equal((await clerk('POST', `${own}/card-sheets`, { cards })).body.code, 'validation-failed');
  }
  t.equal(await countCards(), 1, 'none was issued by what was refused');
});

test('the same card replaced by two sheets at once is replaced once', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const home = await service.household();
  const { id } = (await clerk('POST', `${own}/households/${home}/cards`)).body;
  const gate = await connect(t, service.ownerUrl);
  await gate.query('begin');
  await gate.query('select from households.card where id = $1 for update', [id]);
  const body = { cards: [{ householdId: home, replacesCardId: id }] };
  const answers = [1, 2].map(() => clerk('POST', `${own}/card-sheets`, body));
  await untilBlocked(await connect(t, service.ownerUrl), 2);
  await gate.query('commit');
  t.strictSame((await Promise.all(answers)).map(answer => answer.status).sort(), [201, 409]);
  const { data } = (await clerk('GET', `${own}/households/${home}/cards`)).body;
  t.equal(data.filter((one: { state: string }) => one.state === 'active').length, 1);
});

test('a lost card is revoked and replaced in one step', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const home = await service.household();
  const lost = (await clerk('POST', `${own}/households/${home}/cards`)).body;
  const key = { 'idempotency-key': randomUUID() };
  const replaced = await clerk('POST', `${own}/cards/${lost.id}/replace`, undefined, key);
  t.equal(replaced.status, 201, replaced.text);
  t.match(replaced.body, { householdId: home, state: 'active' });
  t.equal(await shown(service, lost.code), 'card-revoked');
  t.equal(await shown(service, replaced.body.code), home);
  t.strictSame((await clerk('POST', `${own}/cards/${lost.id}/replace`, undefined, key)).body, {
    ...replaced.body,
    code: null,
  });
  isRefused(t, await clerk('POST', `${own}/cards/${lost.id}/replace`), '409 wrong-state', {
    state: 'revoked',
    since: '2026-11-23T02:00:00.000Z',
  });

  const owner = await connect(t, service.ownerUrl);
  await owner.query(`update households.household set state = 'closed' where id = $1`, [home]);
  isRefused(t, await clerk('POST', `${own}/cards/${replaced.body.id}/replace`), '409 household-not-active', {
    state: 'closed',
  });
  const { data } = (await clerk('GET', `${own}/households/${home}/cards`)).body;
  t.strictSame(
    data.map((one: { id: string; state: string }) => [one.id, one.state]),
    [
      [replaced.body.id, 'active'],
      [lost.id, 'revoked'],
    ],
    'what is refused revokes nothing',
  );
});
