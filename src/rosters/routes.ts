import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Access } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Mutate } from '../posting/mutate.ts';
import { Refusal } from '../refusals.ts';
import { commitImport, receiveImport, rosterMaxBytes } from './imports.ts';
import { getImport, listImports, listMistakes } from './read.ts';
import {
  HouseholdImport,
  HouseholdImportCommit,
  HouseholdImportErrorListQuery,
  HouseholdImportErrorPage,
  HouseholdImportListQuery,
  HouseholdImportPage,
  HouseholdImportParams,
  HouseholdImportQuery,
  RosterBody,
  xlsxType,
} from './schemas.ts';

const keepers: Access = ['clerk', 'villageAdmin'];

/** Whole rosters, as a village has them in a spreadsheet. */
export const importRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  jobs: Jobs;
}> = async (app, { database, clock, mutate, jobs }) => {
  // In this plugin alone a body may be a file.
  app.addContentTypeParser<Buffer>(['text/csv', xlsxType], { parseAs: 'buffer' }, (_request, file, done) => {
    done(null, file);
  });
  const validate = app.validatorCompiler!;
  const takeAnyFile: FastifySchemaCompiler<object> = route =>
    route.httpPart === 'body' ? () => true : validate(route as never);

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/household-imports',
    config: { access: keepers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'householdImportList',
      tags: ['households'],
      summary: 'List roster imports',
      description: 'Returns imports, newest first.',
      params: VillageParams,
      querystring: HouseholdImportListQuery,
      response: { 200: HouseholdImportPage },
    },
    handler: request =>
      database.inSnapshot(request.params.village, db => listImports(db, request.params.village, request.query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-imports',
    bodyLimit: rosterMaxBytes,
    config: { access: keepers, idempotent: true },
    validatorCompiler: takeAnyFile,
    schema: {
      operationId: 'householdImportCreate',
      tags: ['households'],
      summary: 'Import a roster',
      description:
        'Uploads a roster file of up to 20 MiB and 20,000 rows. It is checked in the background, and every error is reported by row. A row with a number and a head starts a household, and may name a member too; rows with only a member belong to the household above; where a column says how each person is related to the head, each row is a person. People who are only counted are numbered. The import shows what each column was taken for. Households already registered with the same number and head are left unchanged, unless a dry run is committed with differences to take over.',
      params: VillageParams,
      querystring: HouseholdImportQuery,
      body: RosterBody,
      response: { 201: HouseholdImport },
    },
    handler: (request, reply) => {
      const { village } = request.params;
      const { body: file } = request as { body: unknown };
      if (!Buffer.isBuffer(file)) throw new Refusal('media-type-unsupported');
      const format = request.headers['content-type']!.toLowerCase().startsWith('text/csv') ? 'csv' : 'xlsx';
      const input = { file, format, dryRun: request.query.dryRun } as const;
      return mutate(request, reply, (tx, actor) => receiveImport(tx, actor, village, input, clock.now(), jobs), {
        status: 201,
        location: made => `/v1/villages/${village}/household-imports/${made.id}`,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/household-imports/:import',
    config: { access: keepers },
    schema: {
      operationId: 'householdImportGet',
      tags: ['households'],
      summary: 'Retrieve a roster import',
      description: 'Returns the progress of the import and its findings.',
      params: HouseholdImportParams,
      response: { 200: HouseholdImport },
    },
    handler: ({ params }) => database.inSnapshot(params.village, db => getImport(db, params.village, params.import)),
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/household-imports/:import/errors',
    config: { access: keepers, refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'householdImportErrorList',
      tags: ['households'],
      summary: 'List the errors of a roster import',
      description:
        'Returns errors by row. A household with an error in any of its rows is not enrolled. Of households that are already registered, whatever the roster says differently is listed, with a key by which it can be taken over when the import is committed.',
      params: HouseholdImportParams,
      querystring: HouseholdImportErrorListQuery,
      response: { 200: HouseholdImportErrorPage },
    },
    handler: ({ params, query }) =>
      database.inSnapshot(params.village, db => listMistakes(db, params.village, params.import, query)),
  });

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/household-imports/:import/commit',
    config: { access: keepers, idempotent: true, refusals: ['wrong-state'] },
    schema: {
      operationId: 'householdImportCommit',
      tags: ['households'],
      summary: 'Commit a roster import',
      description:
        'Enrols every household without errors, in the background. A dry run can be committed within seven days. Of households already registered, the differences named in `takeOver` are taken over: as corrections, or as new members. One whose record was corrected since the check is left and reported, as is one of the caller’s own household or a relative’s.',
      params: HouseholdImportParams,
      body: HouseholdImportCommit,
      response: { 200: HouseholdImport },
    },
    handler: (request, reply) => {
      const { village, import: importId } = request.params;
      const { takeOver = [] } = request.body;
      return mutate(
        request,
        reply,
        (tx, actor) => commitImport(tx, actor, { village, importId }, takeOver, { now: clock.now(), jobs }),
        { status: 200 },
      );
    },
  });
};
