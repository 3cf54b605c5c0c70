import { t } from 'tap';
import { numberAt } from '../src/book/balance.ts';
import { awarding, household } from './support/awards.ts';
import { manyHouseholds } from './support/expiry.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, openService, villages } from './support/service.ts';

t.setTimeout(900_000);

const at = `/v1/villages/${villages.own}`;

t.test('a balance at any number or instant', async t => {
  const service = await openService(t);
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const clerk = await service.as('clerk');
  const auditor = await service.as('auditor');
  const { id } = await household(service);
  // A book with a past: two hundred others, many within one millisecond.
  await manyHouseholds(service, 200, () => 1, null);
  // In this order entered, in another one they happened.
  for (const occurredAt of ['2026-11-20T02:00:00Z', '2026-11-10T02:00:00Z', '2026-11-22T02:00:00Z']) {
    const given = await awarding(clerk)({ ruleId: rules.R5, householdId: id, occasion: occurredAt, occurredAt });
    t.equal(given.status, 201, given.text);
  }
  const { data: accounts } = (await clerk('GET', `${at}/accounts?householdId=${id}&asset=PTS`)).body;
  const available = accounts.find(({ code }: { code: string }) => code.endsWith(':available'));
  const url = `${at}/accounts/${available.number}`;
  const { data: entries } = (await clerk('GET', `${url}/entries?sort=number`)).body;
  const balance = async (query: string) => (await auditor('GET', `${url}/balance?${query}`)).body;

  await t.test('after a transaction', async t => {
    t.match(await balance(''), { accountNumber: available.number, asset: 'PTS', balance: 15, throughNumber: 203 });
    for (const [number, points] of [
      [0, 0],
      [200, 0],
      [201, 5],
      [202, 10],
      [203, 15],
    ]) {
      t.match(await balance(`through=${number}`), { balance: points, throughNumber: number });
    }
    isRefused(t, await balance('through=204'), '422 out-of-bounds', { field: 'through', min: 0, max: 203 });
  });

  await t.test('as the book stood', async t => {
    for (const [index, { postedAt, transactionNumber }] of entries.entries()) {
      t.match(await balance(`postedAt=${postedAt}`), { balance: 5 * (index + 1), throughNumber: transactionNumber });
      const before = Temporal.Instant.from(postedAt).subtract({ milliseconds: 1 }).toString();
      t.match(await balance(`postedAt=${before}`), { balance: 5 * index });
    }
    t.match(await balance('postedAt=2020-01-01T00:00:00Z'), { balance: 0, throughNumber: 0 });
    t.match(await balance('postedAt=2999-01-01T00:00:00%2B08:00'), { balance: 15, throughNumber: 203 });
    const owner = await connect(t, service.ownerUrl);
    const { rows } = await owner.query(
      `select distinct to_char(posted_at at time zone 'UTC' + make_interval(secs => d / 1000.0),
                'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as instant
         from ledger.transaction, unnest(array[-1, 0, 1]) d where village = $1 order by 1`,
      [villages.own],
    );
    const wrong: string[] = [];
    for (const { instant } of rows) {
      for (const [when, sign] of [
        ['before', '<'],
        ['after', '<='],
      ] as const) {
        const found = await service.inVillage(villages.own, tx => numberAt(tx, villages.own, instant, when));
        const { rows: counted } = await owner.query(
          `select count(*)::integer as number from ledger.transaction where village = $1 and posted_at ${sign} $2`,
          [villages.own, instant],
        );
        if (counted[0].number !== found) wrong.push(`${when} ${instant}: ${found}, not ${counted[0].number}`);
      }
    }
    t.strictSame(wrong, [], `halving finds what counting finds, at ${rows.length} instants`);
    const neighbour = await service.inVillage(villages.sibling, tx =>
      numberAt(tx, villages.sibling, '2999-01-01T00:00:00Z', 'after'),
    );
    t.equal(neighbour, 0, 'an empty book');
  });

  await t.test('as things had happened', async t => {
    for (const [instant, points] of [
      ['2026-11-10T01:59:59.999Z', 0],
      ['2026-11-10T02:00:00Z', 5],
      ['2026-11-20T01:59:59.999Z', 5],
      ['2026-11-20T10:00:00%2B08:00', 10],
      ['2026-11-22T02:00:00Z', 15],
    ]) {
      t.match(await balance(`occurredAt=${instant}`), { balance: points, throughNumber: 203 }, instant as string);
    }
  });

  await t.test('one moment, and one’s own account', async t => {
    const both = await auditor('GET', `${url}/balance?through=1&postedAt=2026-11-20T02:00:00Z`);
    isRefused(t, both, '400 validation-failed', { errors: ['/query maxProperties'] });
    isRefused(t, await auditor('GET', `${at}/accounts/99999/balance`), '404 not-found');
    const home = await service.asHousehold(id);
    t.match((await home('GET', `${url}/balance?through=201`)).body, { balance: 5 });
    const stranger = await service.asHousehold((await household(service)).id);
    isRefused(t, await stranger('GET', `${url}/balance`), '404 not-found');
  });

  await t.test('entries of a period, on both axes', async t => {
    const [first, second, third] = entries;
    const listed = async (query: string, path = `${url}/entries`) => {
      const { status, body, text } = await clerk('GET', `${path}?sort=number&${query}`);
      t.equal(status, 200, text);
      return body.data.map((entry: { transactionNumber: number }) => entry.transactionNumber);
    };
    for (const path of [`${url}/entries`, `${at}/households/${id}/entries`]) {
      t.strictSame(await listed('axis=occurred&from=2026-11-10T02:00:00Z&to=2026-11-22T02:00:00Z', path), [201, 202]);
      t.strictSame(await listed('axis=occurred&from=2026-11-15T00:00:00Z', path), [201, 203]);
      t.strictSame(await listed('axis=occurred&to=2026-11-10T02:00:00Z', path), []);
      t.strictSame(await listed(`axis=posted&from=${second.postedAt}&to=${third.postedAt}`, path), [202]);
      t.strictSame(await listed(`from=${second.postedAt}`, path), [202, 203], 'posted unless told');
      t.strictSame(await listed(`to=${first.postedAt}`, path), []);
    }
    const period = `${url}/entries?axis=occurred&from=2026-11-15T00:00:00Z&limit=1`;
    const page = (await clerk('GET', period)).body;
    t.match(page, { data: [{ transactionNumber: 203 }], hasMore: true }, 'the newest first');
    const next = await clerk('GET', `${period}&cursor=${page.nextCursor}`);
    t.match(next.body, { data: [{ transactionNumber: 201 }], hasMore: false });
    const other = await clerk('GET', `${period.replace('occurred', 'posted')}&cursor=${page.nextCursor}`);
    isRefused(t, other, '400 cursor-mismatch');
  });
});
