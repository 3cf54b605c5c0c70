import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Database } from '../db/database.ts';
import { HouseholdParams } from '../households/shapes.ts';
import { type Access, actorOf, type Role } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import { getBook } from '../ledger/read.ts';
import { balanceAt } from './balance.ts';
import { accountPage, entryPage, getHouseholdAccount, getOwnAccount, transactionPage } from './pages.ts';
import {
  Account,
  AccountListQuery,
  AccountPage,
  AccountParams,
  Balance,
  BalanceQuery,
  Book,
  EntryListQuery,
  EntryPage,
  HouseholdEntryListQuery,
  TransactionDetail,
  TransactionListQuery,
  TransactionPage,
} from './schemas.ts';
import { TransactionParams } from './shapes.ts';
import { getTransaction } from './transactions.ts';

const readers: readonly Role[] = ['villageAdmin', 'clerk', 'supervisionBoard', 'supervisor', 'auditor'];
const readersAndOwn: Access = [...readers, 'household'];

/** The book of a village: its head, accounts, entries and transactions. */
export const bookRoutes: FastifyPluginAsyncTypebox<{ database: Database }> = async (app, { database }) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/book',
    config: { access: readers },
    schema: {
      operationId: 'bookGet',
      tags: ['ledger'],
      summary: 'Retrieve the book',
      description: 'Returns the number of transactions in the book and the hash that covers all of them.',
      params: VillageParams,
      response: { 200: Book },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, async db => {
        const { number, head, accounts } = await getBook(db, params.village);
        return { number, headHash: head.toString('hex'), accounts };
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/accounts',
    config: { access: readersAndOwn, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'accountList',
      tags: ['ledger'],
      summary: 'List accounts',
      description: 'Returns accounts in order of their number. A household sees only its own.',
      params: VillageParams,
      querystring: AccountListQuery,
      response: { 200: AccountPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        accountPage(db, actorOf(request), request.params.village, request.query),
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/accounts/:account',
    config: { access: readersAndOwn },
    schema: {
      operationId: 'accountGet',
      tags: ['ledger'],
      summary: 'Retrieve an account',
      description: 'Returns an account with its balance as of the book’s last transaction.',
      params: AccountParams,
      response: { 200: Account },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db =>
        getOwnAccount(db, actorOf(request), request.params.village, request.params.account),
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/accounts/:account/balance',
    config: { access: readersAndOwn, refusals: ['out-of-bounds'] },
    schema: {
      operationId: 'accountBalanceGet',
      tags: ['ledger'],
      summary: 'Retrieve an account’s balance at a point in time',
      description:
        'Returns the balance after a given transaction (`through`), as the book stood at an instant (`postedAt`), or as of everything that had happened by an instant, whenever it was recorded (`occurredAt`). Pass at most one of the three; without any, returns the current balance.',
      params: AccountParams,
      querystring: BalanceQuery,
      response: { 200: Balance },
    },
    handler: request => {
      const { village, account } = request.params;
      return database.inSnapshot(village, async db =>
        balanceAt(db, village, await getOwnAccount(db, actorOf(request), village, account), request.query),
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/accounts/:account/entries',
    config: { access: readersAndOwn, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'accountEntryList',
      tags: ['ledger'],
      summary: 'List an account’s entries',
      description:
        'Returns entries with the balance after each, newest first or in book order: all of them, or those posted or having occurred within a period.',
      params: AccountParams,
      querystring: EntryListQuery,
      response: { 200: EntryPage },
    },
    handler: request => {
      const { village, account } = request.params;
      return database.inSnapshot(village, async db =>
        entryPage(db, village, await getOwnAccount(db, actorOf(request), village, account), request.query),
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/entries',
    config: { access: readersAndOwn, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'householdEntryList',
      tags: ['ledger'],
      summary: 'List a household’s passbook entries',
      description:
        'Returns entries of the household’s spendable points, or of another of its accounts, newest first: all of them, or those within a period.',
      params: HouseholdParams,
      querystring: HouseholdEntryListQuery,
      response: { 200: EntryPage },
    },
    handler: ({ params: { village, household }, query: { account = 'available', ...query } }) =>
      database.inSnapshot(village, async db =>
        entryPage(db, village, await getHouseholdAccount(db, village, household, account), query),
      ),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/transactions',
    config: { access: readers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'transactionList',
      tags: ['ledger'],
      summary: 'List transactions',
      description:
        'Returns transactions newest first or in book order. Date ranges are half-open: `businessFrom` is included, `businessTo` is not.',
      params: VillageParams,
      querystring: TransactionListQuery,
      response: { 200: TransactionPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => transactionPage(db, params.village, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/transactions/:transaction',
    config: { access: readers },
    schema: {
      operationId: 'transactionGet',
      tags: ['ledger'],
      summary: 'Retrieve a transaction',
      description:
        'Returns the transaction as it is hashed, with the resulting account balances and, if it has been reversed, the number of the reversal.',
      params: TransactionParams,
      response: { 200: TransactionDetail },
    },
    handler: ({ params }) =>
      database.inSnapshot(params.village, db => getTransaction(db, params.village, params.transaction)),
  });
};
