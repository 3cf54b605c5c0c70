import { readFile } from 'node:fs/promises';
import t from 'tap';
import { verifyDueBooks } from '../src/verification/jobs.ts';
import { owe } from './support/arrears.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, villages } from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';

/*
 * Nobody has to ask whether the book is right: the service looks every evening, also at what is on record outside the book,
 * keeps what it found, and shows it to those who look after the village.
 */

t.setTimeout(180_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50, returnDays: 7, householdDayMaxPoints: 200 } });
const { service, admin, keeper, clerk } = shop;
const owner = await connect(t, service.ownerUrl);
const auditor = await service.as('auditor');

const soap = await shop.goods('肥皂');
await shop.prices({ [soap]: 3 });
await shop.stock({ [soap]: 100 });
const rules = await adoptRules(service, [ruleDraft('R5', { points: 5 })]);
const home = await service.household();
const elsewhere = await service.household();

async function done(caller: typeof admin, url: string, body?: object): Promise<string> {
  const reply = await settled(caller, `${at}${url}`, body);
  if (reply.status >= 300) throw new Error(reply.text);
  return reply.body.id;
}

const award = (occasion: string) =>
  done(clerk, '/awards', { ruleId: rules.R5, householdId: home, quantity: 4, occasion });
const [kept, reversed] = [await award('一'), await award('二')];
await done(admin, `/reversals/${await done(clerk, '/reversals', { awardId: reversed, reason: '登记错户' })}/approve`);
const order = (handOver: boolean) =>
  shop.order(home, { [soap]: 2 }, { handOver, mode: handOver ? 'counter' : 'pickup' });
const shown = await shop.card(home);
const handedOver = await done(keeper, '/redemptions', { ...order(true), ...shown });
const waiting = await done(keeper, '/redemptions', { ...order(false), ...shown });
await done(
  admin,
  `/returns/${await done(keeper, '/returns', { redemptionId: handedOver, reason: '破损', restock: true })}/approve`,
);

await owe(service, elsewhere, 4);
const waived = await done(clerk, '/arrears-waivers', { householdId: elsewhere, points: 4, reason: '登记有误' });
await done(admin, `/arrears-waivers/${waived}/approve`);

const verify = async () => (await auditor('POST', `${at}/book/verify`)).body;
const listed = async (query = '') => (await auditor('GET', `${at}/book/verifications?limit=200${query}`)).body.data;
// biome-ignore lint/suspicious/noExplicitAny: as it is answered
const recordsOf = (soundness: any) => soundness.checks.find((check: any) => check.name === 'records').findings;
const here = `village = '${villages.own}'`;

const page = await readFile(new URL('../docs/verify-by-hand.md', import.meta.url), 'utf8');
/** The tables that the page names: those that verification covers, and those that no proof covers. */
const [covered, uncovered] = page
  .slice(page.indexOf('## What no proof covers'))
  .split('Nothing notices')
  .map(text => [...text.matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, name]) => name!)) as [string[], string[]];

/** Runs SQL as somebody to whom nothing is forbidden, looks, and puts it back. */
async function tampered(change: string, look: () => Promise<void>): Promise<void> {
  await owner.query('begin');
  await owner.query('set local session_replication_role = replica');
  const saved = covered;
  for (const table of saved)
    await owner.query(`create temp table ${table.replace('.', '_')} as select * from ${table}`);
  await owner.query(change);
  await owner.query('commit');
  await look();
  await owner.query('begin');
  await owner.query('set local session_replication_role = replica');
  for (const table of saved) {
    const copy = table.replace('.', '_');
    await owner.query(`delete from ${table}`);
    await owner.query(`insert into ${table} select * from pg_temp.${copy}`);
    await owner.query(`drop table pg_temp.${copy}`);
  }
  await owner.query('commit');
}

t.test('what is on record has its transactions', async t => {
  t.strictSame(recordsOf(await verify()), []);
  t.equal((await verify()).sound, true);
});

t.test('a record that was changed, added or deleted outside the service is named', async t => {
  const cases: [change: string, place: string, expected: string, found: RegExp][] = [
    [
      `update earning.award set points = 40 where ${here} and id = '${kept}'`,
      `award ${kept}`,
      '40 points',
      /: 20 points/,
    ],
    [
      `update earning.award set household_id = '${elsewhere}', holder_id = '${elsewhere}' where ${here} and id = '${kept}'`,
      `award ${kept}`,
      'to household',
      new RegExp(`to household ${home}`),
    ],
    [
      `update earning.award set created_by = gen_random_uuid() where ${here} and id = '${kept}'`,
      `award ${kept}`,
      'entered by',
      new RegExp(`entered by ${clerk.actor.id}`),
    ],
    [
      `update earning.award set state = 'posted', reversal_number = null where ${here} and id = '${reversed}'`,
      `award ${reversed}`,
      'none',
      /^reversed by transaction/,
    ],
    [`delete from earning.award where ${here} and id = '${kept}'`, `award ${kept}`, 'none', /: 20 points/],
    [
      `update store.redemption set state = 'cancelled', pickup_code = null where ${here} and id = '${waiting}'`,
      `redemption ${waiting}`,
      'released',
      /set aside$/,
    ],
    [
      `update store.redemption set points = 1 where ${here} and id = '${handedOver}'`,
      `redemption ${handedOver}`,
      '1 points',
      /^6 points/,
    ],
    [
      `update earning.arrears_waiver set points = 3 where ${here} and id = '${waived}'`,
      `arrears waiver ${waived}`,
      ': 3 points',
      /: 4 points/,
    ],
    [`delete from earning.arrears_waiver where ${here}`, `arrears waiver ${waived}`, 'none', /: 4 points/],
    [`delete from store.return where ${here}`, 'return ', 'none', /^6 points$/],
    [
      `update store.stock_line set quantity = 99 where ${here}`,
      'stock document ',
      'stockReceipt of 99 pieces from supply:',
      /^stockReceipt of 100 pieces from supply:/,
    ],
    [
      `update store.redemption_line set quantity = 3 where ${here} and redemption_id = '${waiting}'`,
      'goods ',
      '3',
      /^2$/,
    ],
  ];
  for (const [change, place, expected, found] of cases) {
    await tampered(change, async () => {
      const soundness = await verify();
      t.equal(soundness.sound, false, change);
      const first = recordsOf(soundness).find((finding: { place: string }) => finding.place.startsWith(place));
      t.ok(first?.expected.includes(expected), `${place} expects ${expected}: ${JSON.stringify(recordsOf(soundness))}`);
      t.match(first?.found, found);
    });
  }
  t.equal((await verify()).sound, true, 'and all is put back');
});

t.test('the service looks by itself, and shows what it found', async t => {
  t.strictSame(await verifyDueBooks(service), [villages.own], 'a sound book is signed');
  t.strictSame(await verifyDueBooks(service), [], 'and not verified twice');
  t.equal((await listed()).length, 1);
  service.clock.pass({ hours: 7 * 24 });
  t.strictSame(await verifyDueBooks(service), [], 'a week later, though it has not grown');
  t.equal((await listed()).length, 2);

  service.clock.pass({ hours: 24 });
  await award('三');
  await tampered(`update earning.award set points = 40 where ${here} and id = '${kept}'`, async () => {
    t.strictSame(await verifyDueBooks(service), [], 'no other is signed');
    service.clock.pass({ minutes: 1 });
    const refused = await admin('POST', `${at}/book/checkpoints`);
    t.equal(refused.status, 409);
    t.equal(refused.body.code, 'book-unsound');
  });
  const unsound = await listed('&sound=false');
  t.equal(unsound.length, 2, 'the evening’s and the one before the checkpoint');
  t.equal((await listed('&sound=true')).length, 2);
  t.equal(recordsOf(unsound[0])[0].place, `award ${kept}`);

  const today = service.clock.now().toString().slice(0, 10);
  const next = Temporal.PlainDate.from(today).add({ days: 2 });
  for (const who of [admin, await service.as('supervisionBoard'), auditor]) {
    const { data } = (await who('GET', `${at}/signals?from=${today}&to=${next}`)).body;
    const signal = data.find((one: { kind: string }) => one.kind === 'bookUnsound');
    t.equal(signal?.severity, 100);
    t.equal(signal?.zh, '系统核账发现差异 1 处');
  }

  service.clock.pass({ hours: 24 });
  t.strictSame(await verifyDueBooks(service), [villages.own], 'put right, it is signed again');
  const pages = (await auditor('GET', `${at}/book/verifications?limit=1`)).body;
  t.equal(pages.hasMore, true);
  t.equal((await auditor('GET', `${at}/book/verifications?limit=1&cursor=${pages.nextCursor}`)).body.data.length, 1);
});

t.test('every table is covered by verification, or is said not to be', async t => {
  const { rows } = await owner.query(`
    select schemaname || '.' || tablename as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema', 'public', 'jobs', 'jifen')`);
  t.strictSame(
    [...covered, ...uncovered].sort(),
    rows.map(({ name }) => name).sort(),
    'each once in the last section of docs/verify-by-hand.md',
  );
  /** Of what has no rows here. */
  const added: Record<string, string> = {
    'offline.allowance': `insert into offline.allowance
        (village, id, kiosk_id, household_id, points, redemptions, not_after, granted_at, granted_number)
      values ('${villages.own}', gen_random_uuid(), gen_random_uuid(), '${home}', 5, 2, now(), now(), 1)`,
    'expiry.line': `insert into expiry.line (village, run_id, household_id, available, expiring, taken, transaction_number)
      values ('${villages.own}', gen_random_uuid(), '${home}', 5, 5, 5, 1)`,
    'households.change': `insert into households.change
        (village, id, kind, household_id, reason, state, proposed_by, proposed_at, decided_by, decided_at, transaction_number)
      values ('${villages.own}', gen_random_uuid(), 'close', '${home}', '搬走', 'approved', gen_random_uuid(), now(),
        gen_random_uuid(), now(), 1)`,
  };
  for (const table of covered) {
    await tampered(added[table] ?? `delete from ${table} where ${here}`, async () => {
      t.equal((await verify()).sound, false, table);
    });
  }
  t.equal((await verify()).sound, true, 'and all is put back');
});

t.test('a checkpoint that was deleted is missed', async t => {
  while ((await auditor('GET', `${at}/book/checkpoints?limit=50`)).body.data.length < 3) {
    service.clock.pass({ hours: 24 });
    await award(crypto.randomUUID());
    await verifyDueBooks(service);
  }
  service.clock.pass({ hours: 7 * 24 });
  t.strictSame(await verifyDueBooks(service), [], 'and looked at again');
  // biome-ignore lint/suspicious/noExplicitAny: as it is answered
  const missed = (soundness: any) =>
    soundness.checks
      .find((check: { name: string }) => check.name === 'checkpoints')
      .findings.map(({ place, expected, found }: Record<string, string>) => [place, expected, found]);
  const { data } = (await auditor('GET', `${at}/book/checkpoints?limit=50`)).body;
  const [last, ...older] = data.map(({ size }: { size: number }) => size);
  const middle = older[0];
  const first = data.at(-1).size;
  const place = (size: number) => `checkpoint of ${size} transactions (${data[0].name})`;
  const count = ['book', `${data.length} checkpoints, as verified before`, `${data.length - 1}`];
  const cases: [change: string, found: string[][]][] = [
    [
      `delete from audit.checkpoint where ${here} and size = ${middle}`,
      [
        [
          place(last),
          `number ${data.length - 1}, after that of ${older[1]} transactions`,
          `number ${data.length}, after that of ${middle} transactions`,
        ],
        count,
      ],
    ],
    [`delete from audit.checkpoint where ${here} and size = ${last}`, [count]],
    [
      `delete from audit.checkpoint where ${here} and size = ${first};
       delete from audit.verification where ${here}`,
      [[place(older.at(-2)), 'number 1, after none', `number 2, after that of ${first} transactions`]],
    ],
  ];
  for (const [change, found] of cases) {
    await tampered(change, async () => {
      const soundness = await verify();
      t.strictSame([soundness.sound, missed(soundness)], [false, found], change);
    });
  }
  t.equal((await verify()).sound, true, 'and all is put back');
});
