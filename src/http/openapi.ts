import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { type RefusalCode, refusals } from '../refusals.ts';
import { completed, type Json } from './contract.ts';
import { problemNameOf, problemSchemaOf } from './facts.ts';
import { chineseSummaries, tags } from './operation-names.ts';
import { type AnyReply, type AnyRequest, refusalsOf } from './route.ts';

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
        description: [
          'Households earn points for verified clean-ups and volunteering and spend them at the village store (积分超市). Every point and every piece of goods moves through one double-entry book per village, which outsiders can verify.',
          '**To sign in**, call [`POST /v1/sessions`](#/identity/sessionCreate) with a login and a password, and a verification code where the role asks for one. Press *Authorize* and paste the `accessToken` of the response. It is valid for 15 minutes. With the sample data, the logins are printed when the service first starts.',
          '**登录**：用账号和密码调用 [`POST /v1/sessions`](#/identity/sessionCreate)，点“Authorize”，粘贴返回的 `accessToken`，15 分钟内有效。',
          'Each operation names the roles that may call it in `x-roles` (`public`: no sign-in; `signedIn`: every signed-in caller) and its Chinese name in `x-summary-zh`.',
        ].join('\n\n'),
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        contact: { name: 'jifen', url: origin },
      } as never,
      servers: [
        { url: '/', description: 'The server this page was loaded from.' },
        { url: origin, description: 'The public server.' },
      ],
      tags: tags.map(([name, chinese, description]) => ({ name, description, 'x-name-zh': chinese })),
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'JWT access token, valid for 15 minutes.',
          },
          dpop: {
            type: 'http',
            scheme: 'DPoP',
            bearerFormat: 'JWT',
            description:
              'Access token of a kiosk or of a household at one, bound to the kiosk’s key: `Authorization: DPoP …`, with a proof in `DPoP` (RFC 9449). Valid for at most 15 minutes.',
          },
          deviceProof: {
            type: 'apiKey',
            in: 'header',
            name: 'DPoP',
            description:
              'Proof by the device’s P-256 key (RFC 9449): a JWT with `typ` `dpop+jwt`, `alg` `ES256` and the public key as `jwk`; claims `htm`, `htu`, `iat`, a fresh `jti` and, with an access token, `ath`. Each proof is accepted once, within 60 seconds of the server’s clock.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ url, schema: described(schema as Json, route) as never }),
    transformObject: document => completed((document as { openapiObject: Json }).openapiObject, origin) as never,
  });

  const contract = contractServer(() => JSON.stringify(app.swagger()));
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, (request, reply) =>
    contract.send(request, reply),
  );
  await app.register(documentation);
});

/**
 * Serves the contract. It is written, and compressed, once for all who ask: nearly a megabyte, of which a twelfth goes over
 * the line.
 */
function contractServer(write: () => string) {
  let text: Buffer | undefined;
  let etag = '';
  const compressed = new Map<string, Promise<Buffer>>();
  const compressedAs = (encoding: string, whole: Buffer) => {
    const known = compressed.get(encoding);
    if (known !== undefined) return known;
    const made =
      encoding === 'br'
        ? promisify(brotliCompress)(whole, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
        : promisify(gzip)(whole, { level: 9 });
    compressed.set(encoding, made);
    return made;
  };
  return {
    async send(request: AnyRequest, reply: AnyReply) {
      text ??= Buffer.from(write());
      etag ||= `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
      reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'Accept-Encoding');
      if (request.headers['if-none-match']?.includes(etag) === true) return reply.code(304).send();
      reply.type('application/json');
      const encoding = negotiate(request.headers['accept-encoding'] ?? 'identity', ['br', 'gzip', 'identity']);
      if (encoding === null || encoding === 'identity') return reply.send(text);
      return reply.header('content-encoding', encoding).send(await compressedAs(encoding, text));
    },
  };
}

/** The page at `/docs`, on which the contract is read and tried. */
async function documentation(app: FastifyInstance) {
  // What swagger-ui brings changes with its version alone; its settings, which lie beside it, with ours.
  app.addHook('onSend', async ({ url }, reply) => {
    const kept = /^\/docs\/static\/(?!swagger-initializer|theme\/)/.test(url) && [200, 304].includes(reply.statusCode);
    reply.header('cache-control', kept ? 'public, max-age=86400' : 'no-cache');
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The plug-in would write the contract anew for each who asks, and as YAML for seconds.
    uiHooks: {
      onRequest: (request, reply, next) =>
        /^\/docs\/(json|yaml)\b/.test(request.url) ? void reply.redirect('/openapi.json') : next(),
    },
    uiConfig: {
      docExpansion: 'none',
      deepLinking: true,
      // Two hundred schemas under the operations, of which each shows its own.
      defaultModelsExpandDepth: -1,
      showExtensions: true,
      tryItOutEnabled: true,
      ...inThePage,
    } as never,
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
}

/**
 * Runs in the page. The contract has no example of an Idempotency-Key: whoever copies one sends it twice. The page fills in
 * a word that stands for a new key, and replaces it by one at each try.
 *
 * To the page's library the contract is one of OpenAPI 3.0, whose examples are single: of 3.1 it walks the whole document at
 * the start and at every operation that is opened, which took 2.3 s of processor time in place of 0.7 s, and then 1.8 s in
 * place of 0.4 s (swagger-ui 5, as @fastify/swagger-ui 6.1.3 brings it).
 */
const inThePage = {
  responseInterceptor: (response: { url: string; status: number; text: string }) => {
    if (response.status !== 200 || !response.url.endsWith('/openapi.json')) return response;
    const contract = JSON.parse(response.text, (_name, part) => {
      if (part !== null && Array.isArray(part.examples)) part.example = part.examples[0];
      return part;
    });
    contract.openapi = '3.0.3';
    contract.components.parameters.IdempotencyKey.example = 'new';
    response.text = JSON.stringify(contract);
    return response;
  },
  requestInterceptor: (request: { headers: Record<string, string> }) => {
    if (request.headers['Idempotency-Key'] === 'new') {
      // Not `randomUUID`, which pages have on https alone.
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      request.headers['Idempotency-Key'] = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('');
    }
    return request;
  },
};

/** Adds to a route's own words what its declarations imply: who may call it, the key it needs, every refusal. */
function described(schema: Json | undefined, route: RouteOptions): Json {
  if (schema === undefined || schema.hide === true) return { hide: true };
  const { access, idempotent, versioned } = route.config ?? {};
  return {
    ...schema,
    'x-summary-zh': chineseSummaries[String(schema.operationId)],
    'x-roles': Array.isArray(access) ? access : [access],
    security: securityOf(route),
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

/** What a caller proves itself with: people by a token, devices by a token and the key that it is bound to. */
function securityOf({ config }: RouteOptions): Json[] {
  const { access, proof } = config ?? {};
  if (access === 'public') return proof === true ? [{ deviceProof: [] }] : [];
  const named = (role: string) => role === 'kiosk' || role === 'household';
  const ofDevices = access === 'signedIn' || access?.some(named) === true;
  const ofPeople = access === 'signedIn' || access?.every(named) === false;
  return [...(ofPeople ? [{ bearer: [] }] : []), ...(ofDevices ? [{ dpop: [], deviceProof: [] }] : [])];
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
        description: `${group.map(code => `\`${code}\``).join(', ')}.`,
        content: {
          'application/problem+json': {
            schema: oneProblemOf(group),
            examples: Object.fromEntries(group.map(code => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
}

/** A problem with one of these codes, told apart by it. */
function oneProblemOf(codes: RefusalCode[]): Json {
  if (codes.length === 1) return problemSchemaOf(codes[0]!);
  const mapping = codes.map(code => [code, `#/components/schemas/${problemNameOf(code)}`]);
  return {
    oneOf: codes.map(problemSchemaOf),
    discriminator: { propertyName: 'code', mapping: Object.fromEntries(mapping) },
  };
}
