import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Clock } from '../calendar.ts';
import { type Database, type Db, rowsOf } from '../db/database.ts';
import { HouseholdParams } from '../households/shapes.ts';
import { type Language, languageOf } from '../http/problems.ts';
import type { Role } from '../http/route.ts';
import { type Export, exportTimeoutMs, sendExport } from '../http/send-export.ts';
import { VillageParams } from '../http/shapes.ts';
import { Refusal } from '../refusals.ts';
import { journalHledger } from './hledger.ts';
import { journalCsv, journalJsonl } from './journal.ts';
import { journalCanonical } from './journal-canonical.ts';
import { type Period, periodOf } from './period.ts';
import {
  JournalAnswer,
  JournalQuery,
  StatementAnswer,
  StatementQuery,
  TrialBalance,
  TrialBalanceQuery,
} from './schemas.ts';
import {
  type StatementEntry,
  type StatementFrame,
  statementEntries,
  statementEntriesMax,
  statementFrame,
} from './statement.ts';
import { statementCsv } from './statement-csv.ts';
import { statementPdf } from './statement-pdf.ts';
import { trialBalance } from './trial-balance.ts';

const readers: readonly Role[] = ['clerk', 'villageAdmin', 'supervisionBoard', 'supervisor', 'auditor'];

/** What somebody who was not there can check: statements, journal and trial balance. */
export const auditRoutes: FastifyPluginAsyncTypebox<{ database: Database; clock: Clock }> = async (
  app,
  { database, clock },
) => {
  app.route({
    method: 'GET',
    url: '/v1/villages/:village/households/:household/statement',
    config: { access: [...readers, 'household'], refusals: ['out-of-bounds', 'export-too-large'] },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'householdStatementGet',
      tags: ['audit'],
      summary: 'Retrieve a household’s statement',
      description:
        'Returns the opening balance, entries and closing balance of one account over a range of business dates. Repeating the request with the returned `throughNumber` gives the same statement byte for byte, whatever has been posted since.',
      params: HouseholdParams,
      querystring: StatementQuery,
      response: { 200: StatementAnswer },
    },
    handler: async (request, reply) => {
      const { village, household: householdId } = request.params;
      const { account = 'available', format = 'json', throughNumber } = request.query;
      const period = periodOf(request.query, clock.now());
      const frameOn = (db: Db) => statementFrame(db, { village, householdId, account }, period, throughNumber);
      if (format !== 'json') {
        return sendExport(reply, database, village, async db =>
          statementFile(db, await frameOn(db), format, languageOf(request)),
        );
      }
      const statement = await database.inSnapshot(village, async db => {
        const frame = bounded(await frameOn(db));
        return { ...frame, entries: await rowsOf<StatementEntry>(db, statementEntries(frame)) };
      });
      return reply.type('application/json; charset=utf-8').send(statement);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/journal',
    config: { access: readers, refusals: ['out-of-bounds'] },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'journalGet',
      tags: ['audit'],
      summary: 'Export the journal of a period',
      description:
        'Streams every transaction whose business date falls in the period, ordered by date and number, without a size limit. Canonical texts come in book order; without `from` and `to` they cover the whole book, which is what `jifen verify --journal` reads and what a checkpoint can be checked against.',
      params: VillageParams,
      querystring: JournalQuery,
      response: { 200: JournalAnswer },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const { format = 'csv', from, to } = request.query;
      if (format === 'canonical' && from === undefined && to === undefined) {
        return sendExport(reply, database, village, async db => wholeBook(db, village, languageOf(request)));
      }
      const period = periodOf(request.query, clock.now());
      return sendExport(reply, database, village, async db =>
        journalFile(db, village, period, format, languageOf(request)),
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/trial-balance',
    config: { access: readers, refusals: ['out-of-bounds', 'cursor-mismatch'] },
    handlerTimeout: exportTimeoutMs,
    schema: {
      operationId: 'trialBalanceGet',
      tags: ['audit'],
      summary: 'Retrieve the trial balance of a period',
      description:
        'Returns the opening balance, amounts in and out, and closing balance of each account or class of accounts. Every asset sums to 0.',
      params: VillageParams,
      querystring: TrialBalanceQuery,
      response: { 200: TrialBalance },
    },
    handler: ({ params, query: { detail = 'class', ...query } }) =>
      database.inExport(params.village, db =>
        trialBalance(db, params.village, periodOf(query, clock.now()), { detail, ...query }),
      ),
  });
};

/** Documents that are made whole have an end. @throws Refusal `export-too-large` */
function bounded(frame: StatementFrame): StatementFrame {
  const { entryCount } = frame;
  if (entryCount <= statementEntriesMax) return frame;
  throw new Refusal('export-too-large', { rows: entryCount, maxRows: statementEntriesMax });
}

function statementFile(db: Db, frame: StatementFrame, format: 'csv' | 'pdf', language: Language): Export {
  const fileName = `statement-${frame.householdNumber}-${frame.account}-${frame.from}-${frame.to}-${frame.throughNumber}`;
  return format === 'csv'
    ? {
        body: statementCsv(db, frame, language),
        contentType: 'text/csv; charset=utf-8',
        fileName: `${fileName}.csv`,
        language,
      }
    : {
        body: statementPdf(db, bounded(frame)),
        contentType: 'application/pdf',
        fileName: `${fileName}.pdf`,
        language: 'zh-CN',
      };
}

function journalFile(
  db: Db,
  village: string,
  period: Period,
  format: 'csv' | 'jsonl' | 'hledger' | 'canonical',
  language: Language,
): Export {
  const fileName = `journal-${village}-${period.from}-${period.to}`;
  const files = {
    csv: () => ({ body: journalCsv(db, village, period, language), contentType: 'text/csv; charset=utf-8' }),
    jsonl: () => ({ body: journalJsonl(db, village, period), contentType: 'application/jsonl; charset=utf-8' }),
    hledger: () => ({ body: journalHledger(db, village, period), contentType: 'text/plain; charset=utf-8' }),
    canonical: () => ({ body: journalCanonical(db, village, period), contentType: 'text/plain; charset=utf-8' }),
  };
  const extension = { csv: 'csv', jsonl: 'jsonl', hledger: 'journal', canonical: 'txt' }[format];
  return { ...files[format](), fileName: `${fileName}.${extension}`, language };
}

function wholeBook(db: Db, village: string, language: Language): Export {
  const body = journalCanonical(db, village, undefined);
  return { body, contentType: 'text/plain; charset=utf-8', fileName: `journal-${village}.txt`, language };
}
