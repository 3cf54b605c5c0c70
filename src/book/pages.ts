// The book in pages, for those who keep it and for a household as far as it is its own.

import type { Db } from '../db/database.ts';
import { getHouseholdRow } from '../households/read.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { type HouseholdPurpose, householdAccount } from '../ledger/accounts.ts';
import { Refusal } from '../refusals.ts';
import { numberAt } from './balance.ts';
import {
  type AccountView,
  type EntrySpan,
  type EntryView,
  getAccount,
  getAccountByCode,
  listAccounts,
  listEntries,
} from './entries.ts';
import { listTransactions, type TransactionView } from './transactions.ts';

interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

/** Which entries come first: `-number` the newest. */
type Sort = 'number' | '-number';

/** Accounts by number. A household sees its own and is told of no other. */
export async function accountPage(
  db: Db,
  actor: Actor,
  village: string,
  query: PageQuery & { householdId?: string | undefined; prefix?: string | undefined; asset?: string | undefined },
): Promise<Page<AccountView>> {
  const { householdId = actor.kind === 'household' ? actor.householdId : undefined, prefix = '', asset } = query;
  if (actor.kind === 'household' && householdId !== actor.householdId) throw new Refusal('not-found');
  const ofHousehold = householdId == null ? '' : `household:${householdId}:`;
  const filters = { list: 'accounts', village, ofHousehold, prefix, asset: asset ?? null };
  const start = after<[number]>(query.cursor, filters);
  // Of two beginnings that both must hold, the longer one holds both, or nothing does.
  const [longer, shorter] = prefix.length > ofHousehold.length ? [prefix, ofHousehold] : [ofHousehold, prefix];
  const rows = longer.startsWith(shorter)
    ? await listAccounts(db, village, { prefix: longer, asset, after: start?.[0], limit: query.limit + 1 })
    : [];
  return page(rows, query.limit, filters, row => [row.number]);
}

/** An account the caller may see. @throws Refusal `not-found` */
export async function getOwnAccount(db: Db, actor: Actor, village: string, number: number): Promise<AccountView> {
  const found = await getAccount(db, village, number);
  if (actor.kind === 'household' && !found.code.startsWith(`household:${actor.householdId}:`)) {
    throw new Refusal('not-found');
  }
  return found;
}

/** By when it was posted, or by when it happened. */
type Axis = 'posted' | 'occurred';

interface EntryQuery extends PageQuery {
  sort?: Sort | undefined;
  axis?: Axis | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Entries by number, whatever the axis their period is told on. */
export async function entryPage(db: Db, village: string, of: AccountView, query: EntryQuery): Promise<Page<EntryView>> {
  const { sort = '-number', axis = 'posted', from, to } = query;
  const filters = { list: 'entries', village, account: of.number, sort, axis, from, to };
  const start = after<[number, number]>(query.cursor, filters);
  const rows = await listEntries(db, village, of, {
    newestFirst: sort === '-number',
    after: start && { number: start[0], line: start[1] },
    span: await spanOf(db, village, query),
    limit: query.limit + 1,
  });
  return page(rows, query.limit, filters, row => [row.transactionNumber, row.line]);
}

/** What was posted in a period is a stretch of numbers. */
async function spanOf(db: Db, village: string, { axis = 'posted', from, to }: EntryQuery): Promise<EntrySpan> {
  if (axis === 'occurred') return { occurredFrom: from, occurredTo: to };
  const firstSince = async (instant: string | undefined) =>
    instant === undefined ? undefined : (await numberAt(db, village, instant, 'before')) + 1;
  return { fromNumber: await firstSince(from), toNumber: await firstSince(to) };
}

/** A household's account. @throws Refusal `not-found` */
export async function getHouseholdAccount(
  db: Db,
  village: string,
  householdId: string,
  purpose: HouseholdPurpose,
): Promise<AccountView> {
  await getHouseholdRow(db, village, householdId);
  const asset = purpose === 'honour' ? 'HON' : 'PTS';
  return getAccountByCode(db, village, { code: householdAccount(householdId, purpose), asset });
}

export async function transactionPage(
  db: Db,
  village: string,
  query: PageQuery & {
    kind?: string | undefined;
    businessFrom?: string | undefined;
    businessTo?: string | undefined;
    fromNumber?: number | undefined;
    sort?: Sort | undefined;
  },
): Promise<Page<TransactionView>> {
  const { limit, cursor, sort = '-number', ...rest } = query;
  const filters = { list: 'transactions', village, sort, ...rest };
  const start = after<[number]>(cursor, filters);
  const newestFirst = sort === '-number';
  const rows = await listTransactions(db, village, { ...rest, newestFirst, after: start?.[0], limit: limit + 1 });
  return page(rows, limit, filters, row => [row.number]);
}
