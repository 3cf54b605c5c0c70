import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Database } from '../db/database.ts';
import { VillageParams } from '../http/shapes.ts';
import { getVillage } from '../villages/read.ts';
import { getPublicNotice, getSheet, publicOf } from './lines.ts';
import { listNotices } from './read.ts';
import {
  LinesQuery,
  NoticeListQuery,
  NoticeParams,
  PublicNoticePage,
  PublicNoticeWithLines,
  SheetAnswer,
  SheetQuery,
} from './schemas.ts';
import { sheetHtml } from './sheet-html.ts';
import { sheetPdf } from './sheet-pdf.ts';

/** Notices as everybody may see them, on the board, at a kiosk or from elsewhere: masked without exception. */
export const publicNoticeRoutes: FastifyPluginAsyncTypebox<{ database: Database }> = async (app, { database }) => {
  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/notices',
    config: { access: 'public', refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'publicNoticeList',
      tags: ['publicity'],
      summary: 'List public notices',
      description: 'Returns notices, newest first.',
      params: VillageParams,
      querystring: NoticeListQuery,
      response: { 200: PublicNoticePage },
    },
    handler: ({ params: { village }, query }) =>
      database.inSnapshot(village, async db => {
        await getVillage(db, village);
        const listed = await listNotices(db, 'publicNotices', village, query);
        return { ...listed, data: listed.data.map(publicOf) };
      }),
  });

  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/notices/:notice',
    config: { access: 'public', refusals: ['cursor-mismatch'] },
    schema: {
      operationId: 'publicNoticeGet',
      tags: ['publicity'],
      summary: 'Retrieve a public notice',
      description:
        'Returns the notice with a page of its lines. Each line shows only household number, masked name, group, reason, points and state.',
      params: NoticeParams,
      querystring: LinesQuery,
      response: { 200: PublicNoticeWithLines },
    },
    handler: ({ params: { village, notice }, query }) =>
      database.inSnapshot(village, db => getPublicNotice(db, village, notice, query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/public/villages/:village/notices/:notice/sheet',
    config: { access: 'public' },
    schema: {
      operationId: 'publicNoticeSheetGet',
      tags: ['publicity'],
      summary: 'Download a printable notice',
      description:
        'Returns all lines, masked, with instructions and the deadline for objections, and space for a stamp and signatures. In Chinese.',
      params: NoticeParams,
      querystring: SheetQuery,
      response: { 200: SheetAnswer },
    },
    handler: async ({ params: { village, notice }, query }, reply) => {
      const sheet = await database.inSnapshot(village, db => getSheet(db, village, notice));
      reply.header('content-language', 'zh-CN');
      if (query.format === 'html') return reply.type('text/html; charset=utf-8').send(sheetHtml(sheet));
      reply.header('content-disposition', `inline; filename="${sheet.notice.number}.pdf"`);
      return reply.type('application/pdf').send(sheetPdf(sheet) as never);
    },
  });
};
