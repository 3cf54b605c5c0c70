import t from 'tap';
import { declaredOperations, type Operation } from './support/declared.ts';
import { type List, lists, openGround, type Split } from './support/lists.ts';
import { type Caller, openService } from './support/service.ts';

/*
 * Every list of the contract: for each filter one row in and one row out, who sees whose rows, and its pages. A list or a
 * filter that is not in test/support/lists.ts is a fault here, so that none is ignored unseen.
 */
t.setTimeout(900_000);

const service = await openService(t, { policy: { yearEnd: 'clear', redemptionsPerDay: 20 } });
const operations = declaredOperations(service.app).filter(isList);
const ground = await openGround(service);

t.test('each list of the contract, and each of its filters, is in the table', async t => {
  t.ok(operations.length >= 40, `${operations.length} lists`);
  t.strictSame(Object.keys(lists).sort(), operations.map(({ id }) => id).sort());
});

for (const operation of operations) {
  t.test(operation.id, async t => {
    const paged = isPaged(operation);
    const list = { ...(await lists[operation.id]!(ground)), paged };
    const filters = operation.query.map(({ name }) => name).filter(name => name !== 'limit' && name !== 'cursor');
    const tried = new Set(Object.keys(list.filters ?? {}).map(name => name.split(':')[0]!));
    t.strictSame([...tried].sort(), filters.sort(), 'each filter is tried');
    for (const [name, split] of Object.entries(list.filters ?? {})) await holdsFilter(t, list, name, split);

    for (const { by, in: seen, out, seenBy = list.by } of list.sees ?? []) {
      const everything = await namesOf(list, seenBy, list.always);
      const own = await namesOf(list, by, list.always);
      const who = by.actor.kind;
      t.ok(everything.includes(out), `${out} is there`);
      t.ok(own.includes(seen), `and ${who} sees ${seen}`);
      t.notOk(own.includes(out), `but not ${out}`);
    }
    const forHouseholds = operation.access !== 'public' && operation.access !== 'signedIn';
    if (!forHouseholds || operation.access.includes('household')) {
      const tested = (list.sees ?? []).some(({ by }) => by.actor.kind === 'household');
      t.ok(tested || list.openToHouseholds !== undefined, 'what a household sees of it is tried, or said why not');
    }

    if (paged) await holdsPages(t, list);
  });
}

/** With the filter one row is there and the other is not; without it, the other is there, too. */
async function holdsFilter(t: Tester, list: Asked, name: string, split: Split): Promise<void> {
  t.match(split.query, new RegExp(`(^|&)${name.split(':')[0]}=`), `${name} is what is asked`);
  const found = await namesOf(list, list.by, split.query);
  t.ok(found.includes(split.in), `${split.query}: ${split.in} is in`);
  t.notOk(found.includes(split.out), `${split.query}: ${split.out} is out`);
  const without = await namesOf(list, list.by, split.instead ?? list.always);
  t.ok(without.includes(split.out), `${split.out} is there otherwise`);
  t.equal(without.includes(split.in), split.instead === undefined, `as is ${split.in}, if nothing else was asked`);
}

/** The first rows of the list, one a page: the same, in the same order, and none twice. */
async function holdsPages(t: Tester, list: Asked): Promise<void> {
  const rows = (await read(list, list.by, list.always)).data.slice(0, 3);
  t.ok(rows.length >= 2, 'there are at least two rows');
  let cursor: string | null = '';
  for (const [place, row] of rows.entries()) {
    const page = await read(list, list.by, `${list.always ?? ''}&limit=1${cursor && `&cursor=${cursor}`}`);
    t.strictSame(page.data, [row], `row ${place + 1} is a page`);
    t.equal(page.hasMore, page.nextCursor !== null);
    cursor = page.nextCursor;
    if (place + 1 < rows.length) t.ok(cursor, 'and there is more');
  }
}

/** What a caller finds: all of it, page after page, or the one page that a query with a limit asks for. */
async function namesOf(list: Asked, by: Caller, query = ''): Promise<(string | number)[]> {
  const isOnePage = !list.paged || /\blimit=/.test(query);
  const rows = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const ask = isOnePage ? query : `${query}&limit=200${cursor && `&cursor=${cursor}`}`;
    const { data, nextCursor = null } = await read(list, by, ask);
    rows.push(...data);
    cursor = isOnePage ? null : nextCursor;
  }
  return rows.map(list.nameOf ?? ((row: { id: string }) => row.id));
}

async function read(list: Asked, by: Caller, query = '') {
  const { status, body, text } = await by('GET', `${list.url}?${query.replace(/^&/, '')}`);
  if (status !== 200) throw new Error(`${list.url}?${query}: ${text}`);
  return body;
}

type Asked = List & { paged: boolean };

type Tester = Pick<typeof t, 'ok' | 'notOk' | 'equal' | 'match' | 'strictSame'>;

/** Whether its answer has rows, of which it tells some: those of a page, or those that are asked for. */
function isList(operation: Operation): boolean {
  const rows = operation.method === 'GET' && operation.answer?.properties?.data?.type === 'array';
  return rows && operation.query.length > 0;
}

function isPaged({ answer }: Operation): boolean {
  return 'nextCursor' in answer.properties;
}
