import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isRefusalCode, Refusal, refusals } from '../refusals.ts';
import { languageOf } from './problems.ts';

const Health = Type.Object(
  { status: Type.String({ maxLength: 10, description: 'Always `ok`.', examples: ['ok'] }) },
  { title: 'Health' },
);
const ProblemPage = Type.Object(
  {
    code: Type.String({ maxLength: 60, description: 'Problem code.', examples: ['not-found'] }),
    status: Type.Integer({
      minimum: 400,
      maximum: 599,
      description: 'HTTP status the problem is returned with.',
      examples: [404],
    }),
    title: Type.String({
      maxLength: 80,
      description: 'Title of the problem, in the requested language.',
      examples: ['没有找到'],
    }),
    titles: Type.Object(
      {
        'zh-CN': Type.String({
          maxLength: 20,
          description: 'Chinese title, at most 20 characters.',
          examples: ['没有找到'],
        }),
        en: Type.String({ maxLength: 80, description: 'English title.', examples: ['Not found'] }),
      },
      { description: 'Title of the problem in every available language.' },
    ),
  },
  { title: 'ProblemPage' },
);

/** Probes and problem pages. `ready` throws while the service cannot do its work. */
export const serviceRoutes: FastifyPluginAsyncTypebox<{ ready: () => Promise<void> }> = async (app, { ready }) => {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { access: 'public', quota: 'probe' },
    schema: {
      operationId: 'healthGet',
      tags: ['service'],
      summary: 'Check that the process is running',
      description: 'Succeeds as long as the process runs.',
      response: { 200: Health },
    },
    handler: async () => ({ status: 'ok' }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { access: 'public', quota: 'probe' },
    schema: {
      operationId: 'readinessGet',
      tags: ['service'],
      summary: 'Check that the service can handle requests',
      description: 'Succeeds while the database can be reached.',
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
      summary: 'Retrieve a problem type',
      description: 'The page that the `type` of a problem response points to.',
      params: Type.Object({
        code: Type.String({
          pattern: '^[a-z0-9-]{1,60}$',
          maxLength: 60,
          description: 'Problem code.',
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
