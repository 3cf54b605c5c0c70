import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal, type RefusalCode, refusals } from '../refusals.ts';
import { problemOf } from './problems.ts';
import { refusalsOf } from './route.ts';
import { Problem } from './shapes.ts';

type Json = Record<string, unknown>;

const tags: [string, string][] = [
  ['identity', 'Sign-in, users, grants'],
  ['villages', 'Divisions, villages, grids, policies'],
  ['households', 'Households, members, cards'],
  ['rules', 'Rule books'],
  ['awards', 'Awards, alone and by the sheet'],
  ['store', 'Stores, goods, prices, stock documents, redemptions'],
  ['kiosks', 'Kiosks, from the village and from the device'],
  ['ledger', 'The book: accounts, transactions, soundness'],
  ['audit', 'Statements, journal, trial balance'],
  ['service', 'Probes, contract, problem pages, keys'],
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
          'Households earn points for verified cleaning and volunteering and spend them at the village store. Every ' +
          'point and every piece of goods moves through one double-entry book per village, which an outsider can check.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        contact: { name: 'jifen', url: origin },
      } as never,
      servers: [{ url: origin, description: 'Where the service answers' }],
      tags: tags.map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Access token of 15 minutes' },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ url, schema: described(schema as Json, route, origin) as never }),
    transformObject: document => components((document as { openapiObject: Json }).openapiObject) as never,
  });

  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'none', deepLinking: true, tryItOutEnabled: false },
    staticCSP: true,
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
function described(schema: Json | undefined, route: RouteOptions, origin: string): Json {
  if (schema === undefined || schema.hide === true) return { hide: true };
  const { access, idempotent } = route.config ?? {};
  const who =
    access === 'public'
      ? 'Anybody.'
      : access === 'signedIn'
        ? 'Whoever is signed in.'
        : `Roles: ${(access as string[]).join(', ')}.`;
  return {
    ...schema,
    description: `${schema.description} ${who}`,
    security: access === 'public' ? [] : [{ bearer: [] }],
    ...(idempotent && {
      headers: {
        type: 'object',
        required: ['Idempotency-Key'],
        properties: {
          'Idempotency-Key': {
            type: 'string',
            minLength: 1,
            maxLength: 255,
            description: 'Made by the caller, one for each intent. The same key and content: the same answer.',
            examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
          },
        },
      },
    }),
    response: { ...(schema.response as Json), ...problemResponses(refusalsOf(route), origin) },
  };
}

function problemResponses(codes: RefusalCode[], origin: string): Json {
  const byStatus = Map.groupBy(codes, code => refusals[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map(code => `\`${code}\` ${refusals[code].en}`).join(' · '),
        content: {
          'application/problem+json': {
            schema: Problem,
            examples: Object.fromEntries(
              group.map(code => [
                code,
                {
                  summary: refusals[code].zh,
                  value: problemOf(new Refusal(code), {
                    origin,
                    language: 'zh-CN',
                    instance: '/v1',
                    requestId: 'b7c9f0a2',
                  }),
                },
              ]),
            ),
          },
        },
      },
    ]),
  );
}

/** Every schema with a title becomes a component, named by it; wherever it stands, a reference stands instead. */
function components(document: Json): Json {
  const schemas: Record<string, Json> = {};
  const hoist = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(hoist);
    if (typeof node !== 'object' || node === null) return node;
    const copy: Json = Object.fromEntries(
      Object.entries(node).map(([name, member]) => [name, /^examples?$/.test(name) ? member : hoist(member)]),
    );
    const { title, type } = copy;
    if (typeof title !== 'string' || type === undefined) return copy;
    const known = schemas[title];
    if (known !== undefined && shapeOf(known) !== shapeOf(copy)) throw new Error(`two schemas are titled ${title}`);
    if (known?.examples === undefined) schemas[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const paths = hoist(document.paths);
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => a.localeCompare(b)));
  return { ...document, paths, components: { ...(document.components as Json), schemas: sorted } };
}

/** The examples of a body move to its media type, so two copies of one schema may differ in them. */
function shapeOf({ examples, example, ...shape }: Json): string {
  return JSON.stringify(shape);
}
