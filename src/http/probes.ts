import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isRefusalCode, Refusal, refusals } from '../refusals.ts';
import { languageOf } from './problems.ts';

const Health = Type.Object(
  { status: Type.String({ maxLength: 10, description: 'Always `ok`', examples: ['ok'] }) },
  { title: 'Health' },
);
const ProblemPage = Type.Object(
  {
    code: Type.String({ maxLength: 60, description: 'The code', examples: ['not-found'] }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'HTTP status it comes with', examples: [404] }),
    title: Type.String({
      maxLength: 80,
      description: 'What it means, in the language asked for',
      examples: ['没有找到'],
    }),
    titles: Type.Object(
      {
        'zh-CN': Type.String({ maxLength: 20, description: 'Chinese; at most 20 characters', examples: ['没有找到'] }),
        en: Type.String({ maxLength: 80, description: 'English', examples: ['Not found'] }),
      },
      { description: 'What it means, in every language there is' },
    ),
  },
  { title: 'ProblemPage' },
);

/** Probes and problem pages. `ready` throws while the service cannot do its work. */
export const serviceRoutes: FastifyPluginAsyncTypebox<{ ready: () => Promise<void> }> = async (app, { ready }) => {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { access: 'public' },
    schema: {
      operationId: 'healthGet',
      tags: ['service'],
      summary: 'Is the process alive',
      description: 'Answers as long as the process runs.',
      response: { 200: Health },
    },
    handler: async () => ({ status: 'ok' }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { access: 'public' },
    schema: {
      operationId: 'readinessGet',
      tags: ['service'],
      summary: 'Can the service do its work',
      description: 'Answers once the database does.',
      response: { 200: Health },
    },
    handler: async () => {
      await ready();
      return { status: 'ok' };
    },
  });

  app.route({
    method: 'GET',
    url: '/problems/:code',
    config: { access: 'public' },
    schema: {
      operationId: 'problemGet',
      tags: ['service'],
      summary: 'What a problem code means',
      description: 'The page that `type` of a refusal leads to.',
      params: Type.Object({
        code: Type.String({
          pattern: '^[a-z0-9-]{1,60}$',
          maxLength: 60,
          description: 'The code',
          examples: ['not-found'],
        }),
      }),
      response: { 200: ProblemPage },
    },
    handler: async (request, reply) => {
      const { code } = request.params;
      if (!isRefusalCode(code)) throw new Refusal('not-found');
      const { status, zh, en } = refusals[code];
      const language = languageOf(request);
      reply.header('cache-control', 'public, max-age=86400');
      reply.header('content-language', language).header('vary', 'Accept-Language');
      return { code, status, title: language === 'en' ? en : zh, titles: { 'zh-CN': zh, en } };
    },
  });
};
