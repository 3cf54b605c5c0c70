import type { ErrorObject } from 'ajv';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { refusalOfConstraint } from '../db/constraints.ts';
import { isOutOfReach, pgErrorOf } from '../db/line.ts';
import { withoutValues } from '../db/without-values.ts';
import { type Facts, Refusal, type RefusalCode, refusals } from '../refusals.ts';
import { detailOf } from './details.ts';
import { type Mistake, mistakesOf } from './validation-details.ts';

export type Language = 'zh-CN' | 'en';

/** `zh-CN` unless the caller prefers English. */
export function languageOf(request: FastifyRequest): Language {
  const header = request.headers['accept-language'] ?? '';
  const ranked = header
    .split(',')
    .map(part => {
      const [tag = '', q] = part
        .trim()
        .toLowerCase()
        .split(/;\s*q=/);
      return { tag, q: q === undefined ? 1 : Number(q) || 0 };
    })
    .filter(({ tag, q }) => q > 0 && /^(zh|en)\b/.test(tag))
    .sort((a, b) => b.q - a.q);
  return ranked[0]?.tag.startsWith('en') ? 'en' : 'zh-CN';
}

/** A refusal as RFC 9457 says it. Members other than the standard ones are the facts this caller may know. */
export function problemOf(
  refusal: Refusal,
  context: { origin: string; language: Language; instance: string; requestId: string },
) {
  const text = refusals[refusal.code];
  const key = context.language === 'en' ? 'en' : 'zh';
  const facts = factsIn(key, refusal.facts);
  return {
    type: `${context.origin}/problems/${refusal.code}`,
    title: text[key],
    status: text.status,
    code: refusal.code,
    detail: mistakesIn(key, facts) ?? detailOf(refusal.code, key, facts),
    instance: context.instance,
    requestId: context.requestId,
    ...facts,
  };
}

/** The facts, with the caller's language of each mistake. */
function factsIn(key: 'zh' | 'en', facts: Facts): Facts {
  const errors = facts.errors as Mistake[] | undefined;
  if (errors === undefined) return facts;
  return { ...facts, errors: errors.map(error => ({ ...error, detail: error.detail[key] })) };
}

/** The first mistake, and how many there are. */
function mistakesIn(key: 'zh' | 'en', { errors }: Facts): string | undefined {
  const [first, ...others] = (errors ?? []) as { detail: string }[];
  if (first === undefined || others.length === 0) return first?.detail;
  const count = others.length + 1;
  return key === 'zh' ? `共有 ${count} 处须改正。${first.detail}` : `${count} values are invalid. ${first.detail}`;
}

/** Turns whatever goes wrong into `application/problem+json`. Nothing else in the service does. */
export const problems = fp(async (app: FastifyInstance, { origin }: { origin: string }) => {
  const send = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) => {
    const language = languageOf(request);
    const problem = problemOf(refusal, {
      origin,
      language,
      instance: request.url.split('?')[0]!,
      requestId: request.id,
    });
    reply.code(problem.status).header('content-language', language).header('vary', 'Accept-Language');
    if (problem.status === 401) reply.header('www-authenticate', challengeOf(refusal));
    if ('retryAfterSeconds' in refusal.facts) reply.header('retry-after', String(refusal.facts.retryAfterSeconds));
    if (refusal.code === 'method-not-allowed') reply.header('allow', (refusal.facts.allow as string[]).join(', '));
    // A Buffer, so that no response schema of the route reshapes it.
    return reply.type('application/problem+json').send(Buffer.from(JSON.stringify(problem)));
  };

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error, request);
    if (refusal.code === 'internal-error') request.log.error({ err: withoutValues(error) }, 'unexpected');
    return send(request, reply, refusal);
  });

  app.setNotFoundHandler((request, reply) => send(request, reply, refusalOfPath(app, request)));
});

/** RFC 6750, section 3, and RFC 9449, section 7.1. */
function challengeOf({ code }: Refusal): string {
  const isOfProof = code.startsWith('device-proof-');
  return isOfProof ? 'DPoP error="invalid_dpop_proof", algs="ES256"' : 'Bearer realm="jifen", DPoP algs="ES256"';
}

/** Why there is no answer to this method at this path. */
export function refusalOfPath(app: FastifyInstance, request: FastifyRequest): Refusal {
  const url = request.url.split('?')[0]!;
  const allow = (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter(
    method => app.findRoute({ url, method }) !== null || app.hasRoute({ url, method }),
  );
  // A route that takes the method has looked, and has not found what was asked for.
  const isTaken = allow.some(method => method === request.method);
  return allow.length > 0 && !isTaken ? new Refusal('method-not-allowed', { allow }) : new Refusal('not-found');
}

/** What a caught error means to the caller. Anything unexpected is a bug, and says no more than that. */
function refusalOf(error: FastifyError, request: FastifyRequest): Refusal {
  if (error instanceof Refusal) return error;
  if (error.validation !== undefined) {
    const errors = error.validation as unknown as Partial<ErrorObject>[];
    return new Refusal('validation-failed', { errors: mistakesOf(errors, error.validationContext ?? 'body') });
  }
  const framework = frameworkRefusals[error.code];
  if (framework === 'unavailable') return unavailable();
  if (framework !== undefined) return new Refusal(framework);
  // Plug-ins say with a status of their own what is wrong with a request: a path that leaves the documentation's folder is
  // 403, a part of a file beyond its end 416.
  const { statusCode } = error;
  if (statusCode === 403 || statusCode === 404) return new Refusal('not-found');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Refusal('validation-failed', { errors: [] });
  const pg = pgErrorOf(error);
  if (pg !== undefined) {
    const named = pg.constraint === undefined ? undefined : refusalOfConstraint(pg.constraint);
    if (named !== undefined) return named;
    // A cursor is opaque, so no schema has validated what is in it: what PostgreSQL cannot read there was never ours.
    const { cursor } = (request.query ?? {}) as { cursor?: string };
    if (cursor !== undefined && pg.code?.startsWith('22')) return new Refusal('cursor-mismatch');
    // Waited too long: unknown, to be tried again.
    if (/^(55P03|57014|25P0[34]|40)/.test(pg.code ?? '')) return unavailable();
  }
  return isOutOfReach(error) ? unavailable() : new Refusal('internal-error');
}

function unavailable(): Refusal {
  return new Refusal('unavailable', { retryAfterSeconds: 2 });
}

const frameworkRefusals: Record<string, RefusalCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unsupported',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'validation-failed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'validation-failed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'validation-failed',
  FST_ERR_BAD_URL: 'not-found',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
  FST_ERR_ASYNC_CONSTRAINT: 'not-found',
  FST_ERR_HANDLER_TIMEOUT: 'unavailable',
  FST_UNDER_PRESSURE: 'unavailable',
};
