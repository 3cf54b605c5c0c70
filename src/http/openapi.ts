import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { type RefusalCode, refusals } from '../refusals.ts';
import { completed, type Json } from './contract.ts';
import { refusalsOf } from './route.ts';
import { Problem } from './shapes.ts';

const tags: [string, string][] = [
  ['identity', 'Sign-in, users and grants.'],
  ['villages', 'Divisions, villages, groups, patrol grids and policies.'],
  ['households', 'Households, members and cards; applications to join; declarations of relatives.'],
  ['corrections', 'What was corrected afterwards: who, when, from what to what.'],
  ['rules', 'Rule books: drafting, checking, simulation and adoption.'],
  ['photos', 'Photos submitted as evidence.'],
  ['awards', 'Awards, single and in batch, and their reversal.'],
  ['claims', 'Claims of households and their review.'],
  ['evaluations', 'Monthly evaluation rounds, in which judges score every household.'],
  ['publicity', 'Public notices, objections and appeals.'],
  ['expiry', 'Expiry of points, by date and at year end.'],
  ['store', 'Stores, goods, prices, stock documents and redemptions.'],
  ['kiosks', 'Kiosks: administration by the village and the devices’ own API.'],
  ['ledger', 'The book: accounts, entries, transactions and balances.'],
  ['audit', 'Statements, journals, trial balances, checkpoints and proofs.'],
  ['signals', 'Signals: unusual patterns that are worth a look.'],
  ['service', 'Health checks, problem types and signing keys.'],
];

/** The contract: OpenAPI 3.1 made from the routes, at `/openapi.json` and, to be read and tried, at `/docs`. */
export const openapi = fp(async (app: FastifyInstance, { origin, version }: { origin: string; version: string }) => {
  const routes = new Map<string, RouteOptions>();
  app.addHook('onRoute', route => {
    routes.set(`${route.method} ${route.url}`, route);
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'jifen',
        version,
        summary: 'Backend of a village points store (积分超市)',
        description:
          'Households earn points for verified clean-ups and volunteering and spend them at the village store. Every point and every piece of goods moves through one double-entry book per village, which outsiders can verify.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        contact: { name: 'jifen', url: origin },
      } as never,
      servers: [
        { url: '/', description: 'The server this page was loaded from.' },
        { url: origin, description: 'The public server.' },
      ],
      tags: tags.map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'JWT access token, valid for 15 minutes.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ url, schema: described(schema as Json, route) as never }),
    transformObject: document => completed((document as { openapiObject: Json }).openapiObject, origin) as never,
  });

  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'none', deepLinking: true },
    theme: {
      title: 'jifen 积分',
      css: [{ filename: 'plain.css', content: '.swagger-ui .topbar { display: none }' }],
    },
    // The plug-in's own policy turns http into https, which nobody answers in a village's local network.
    staticCSP: {
      'default-src': "'self'",
      'base-uri': "'self'",
      'frame-ancestors': "'none'",
      'img-src': ["'self'", 'data:'],
      'object-src': "'none'",
      // The bundle adds one style itself; test/docs.test.ts would see another.
      'style-src': ["'self'", "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"],
    },
  });

  app.get(
    '/openapi.json',
    {
      config: { access: 'public' },
      schema: { hide: true },
    },
    async (_request, reply) => reply.type('application/json').send(app.swagger()),
  );
});

/** Adds to a route's own words what its declarations imply: who may call it, the key it needs, every refusal. */
function described(schema: Json | undefined, route: RouteOptions): Json {
  if (schema === undefined || schema.hide === true) return { hide: true };
  const { access, idempotent, versioned } = route.config ?? {};
  const who =
    access === 'public'
      ? 'No sign-in required.'
      : access === 'signedIn'
        ? 'Any signed-in caller.'
        : `Roles: ${(access as string[]).join(', ')}.`;
  return {
    ...schema,
    description: `${schema.description} ${who}`,
    security: access === 'public' ? [] : [{ bearer: [] }],
    ...(versioned && route.method === 'PATCH' && { headers: ifMatch, consumes: ['application/merge-patch+json'] }),
    ...(idempotent && {
      headers: {
        type: 'object',
        required: ['Idempotency-Key'],
        properties: {
          'Idempotency-Key': {
            type: 'string',
            minLength: 1,
            maxLength: 255,
            description:
              'Unique key chosen by the caller, one per intended operation. Repeating a request with the same key and content returns the same response.',
            examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
          },
        },
      },
    }),
    response: {
      ...(versioned ? withEtag(schema.response as Json) : (schema.response as Json)),
      ...problemResponses(refusalsOf(route)),
    },
  };
}

const ifMatch = {
  type: 'object',
  required: ['If-Match'],
  properties: {
    'If-Match': {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'ETag of the version to be changed. If the record has changed since, the request is refused.',
      examples: ['"7"'],
    },
  },
};

const etag = {
  type: 'string',
  maxLength: 20,
  description: 'Version of the record, to be sent in `If-Match` with a change.',
  examples: ['"7"'],
};

function withEtag(response: Json): Json {
  return { ...response, 200: { ...(response[200] as Json), headers: { ETag: etag } } };
}

function problemResponses(codes: RefusalCode[]): Json {
  const byStatus = Map.groupBy(codes, code => refusals[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map(code => `\`${code}\`: ${refusals[code].en}.`).join(' '),
        content: {
          'application/problem+json': {
            schema: Problem,
            examples: Object.fromEntries(group.map(code => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
}
