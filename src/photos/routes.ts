import type { IncomingMessage } from 'node:http';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { fileInForm } from '../http/file-in-form.ts';
import { type Access, type Actor, actorOf, holds } from '../http/route.ts';
import { VillageParams } from '../http/shapes.ts';
import type { Links } from '../identity/links.ts';
import { callOf } from '../posting/keys.ts';
import type { Mutate, Write } from '../posting/mutate.ts';
import { malformed, Refusal } from '../refusals.ts';
import { answerOf, keyOf, type PhotoStore, type Variant, variants } from './photo-store.ts';
import { findPhotoRow, getPhoto, similarTo, viewers, viewOf } from './read.ts';
import { remove } from './remove.ts';
import { FileOf, Photo, PhotoContentQuery, PhotoCreateQuery, PhotoParams, SimilarPhotos } from './schemas.ts';
import { addPhoto, receive } from './upload.ts';
import { openWaitingRoom } from './waiting-room.ts';

const reviewers: Access = [...viewers];
const uploaders: Access = ['household', 'clerk', 'storekeeper', 'villageAdmin'];
const fileTypes = ['image/jpeg', 'image/png', 'image/webp'] as const;
/** Names that some apps and old browsers have for these; HEIC is told by its bytes that it cannot be read. */
const otherNames = ['image/jpg', 'image/pjpeg', 'image/x-png', 'image/heic', 'image/heif'];
/** A photo of fifty million pixels as phones write it, in full quality, and what a form adds. */
const maxBytes = 20 * 1024 * 1024;
const linkSeconds = 300;

/** Photos that show what was done: taken in, looked at, compared, removed. */
export const photoRoutes: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  write: Write;
  jobs: Jobs;
  photos: PhotoStore;
  links: Links;
}> = async (app, { database, clock, mutate, write, jobs, photos, links }) => {
  /** Adds links to a photo that still has its files. */
  const linked = <T extends { id: string; removedAt: string | null }>(village: string, one: T) => {
    const pathOf = (variant: Variant) =>
      `/v1/photo-content?token=${links.sign(`${village}/${one.id}/${variant}`, linkSeconds)}`;
    const expiresAt = iso(clock.now().add({ seconds: linkSeconds }));
    return {
      ...one,
      links: one.removedAt === null ? { thumb: pathOf('thumb'), full: pathOf('full'), expiresAt } : null,
    };
  };

  await app.register(uploadRoute, { database, clock, mutate, photos, linked });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/photos/:photo',
    config: { access: [...reviewers, 'storekeeper', 'household'] },
    schema: {
      operationId: 'photoGet',
      tags: ['photos'],
      summary: 'Retrieve a photo',
      description:
        'Returns the photo’s metadata and links to its content. Camera data are shown to the household and to those who decide on its claims. A storekeeper sees the village’s own photos only.',
      params: PhotoParams,
      response: { 200: Photo },
    },
    handler: async request => {
      const { village, photo } = request.params;
      return linked(village, await database.inSnapshot(village, db => getPhoto(db, actorOf(request), village, photo)));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/villages/:village/photos/:photo',
    config: { access: uploaders, refusals: ['wrong-state'] },
    schema: {
      operationId: 'photoDelete',
      tags: ['photos'],
      summary: 'Remove a photo',
      description:
        'The uploader or a village administrator can remove a photo that no claim uses. The content is deleted; the record that there was a photo is kept. Removing it again has no effect.',
      params: PhotoParams,
      response: { 204: Type.Null({ description: 'The photo was removed.' }) },
    },
    handler: async (request, reply) => {
      const { village, photo: photoId } = request.params;
      await write(request, (tx, actor) => remove(tx, actor, { village, photoId }, clock.now(), jobs));
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/villages/:village/photos/:photo/similar',
    config: { access: reviewers },
    schema: {
      operationId: 'photoSimilarList',
      tags: ['photos'],
      summary: 'List similar photos',
      description:
        'Returns up to 20 photos of the village that most resemble this one, even if rotated, mirrored or cropped. Similarity proves nothing: the same courtyard from the same place looks alike.',
      params: PhotoParams,
      response: { 200: SimilarPhotos },
    },
    handler: async request => {
      const { village, photo } = request.params;
      const similar = await database.inSnapshot(village, db => similarTo(db, village, photo));
      return { data: similar.map(one => linked(village, one)) };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/photo-content',
    // Whoever looks through a work list opens a hundred pictures a minute; each link was given to somebody signed in.
    config: { access: 'public', quota: 'default', refusals: ['not-found', 'expired'] },
    schema: {
      operationId: 'photoContentGet',
      tags: ['photos'],
      summary: 'Download a photo',
      description: 'Downloads the image through one of a photo’s links, which expire after five minutes.',
      querystring: PhotoContentQuery,
      response: { 200: { description: 'The image.', content: { 'image/jpeg': { schema: FileOf('image/jpeg') } } } },
    },
    handler: async (request, reply) => {
      const { subject, expiresAt } = links.verify(request.query.token);
      const [village, photo, variant] = subject.split('/') as [string, string, Variant];
      if (!variants.includes(variant)) throw new Refusal('not-found');
      const row = await database.inSnapshot(village, db => findPhotoRow(db, village, photo));
      const file =
        row?.removedAt === null
          ? await logged(request, answerOf(photos.get(keyOf(village, photo, variant))))
          : undefined;
      if (file === undefined) throw new Refusal('not-found');
      const seconds = Math.floor(clock.now().until(expiresAt).total('seconds'));
      return (
        reply
          .type('image/jpeg')
          .header('cache-control', `private, max-age=${seconds}`)
          .header('content-security-policy', "default-src 'none'; sandbox")
          .header('content-disposition', `inline; filename="${photo}.jpg"`)
          // The web page that shows it may stand elsewhere; the link is what opens it.
          .header('cross-origin-resource-policy', 'cross-origin')
          .send(file as never)
      );
    },
  });
};

/** The one route that takes something else than JSON: what it may be sent is known to it alone. */
const uploadRoute: FastifyPluginAsyncTypebox<{
  database: Database;
  clock: Clock;
  mutate: Mutate;
  photos: PhotoStore;
  linked: <T extends { id: string; removedAt: string | null }>(
    village: string,
    one: T,
  ) => T & { links: { thumb: string; full: string; expiresAt: string } | null };
}> = async (app, { database, clock, mutate, photos, linked }) => {
  const waitingRoom = openWaitingRoom({ atOnce: 2, seats: 16 });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...fileTypes, ...otherNames], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.addContentTypeParser('multipart/form-data', (request: FastifyRequest, body: IncomingMessage) =>
    fileInForm(request, body, maxBytes),
  );

  app.route({
    method: 'POST',
    url: '/v1/villages/:village/photos',
    config: {
      access: uploaders,
      idempotent: true,
      refusals: ['household-not-active', 'out-of-bounds'],
    },
    bodyLimit: maxBytes,
    schema: {
      operationId: 'photoCreate',
      tags: ['photos'],
      summary: 'Upload a photo',
      description:
        'The request body is the file, or a form with this one file: JPEG, PNG or WebP, detected by its content, not animated, at most 20 MiB. It may have 110 million pixels; a progressive JPEG, an interlaced PNG or a WebP, 52 million. HEIC cannot be read and is refused with `format`. The image is re-encoded upright, at most 2048 pixels wide and high, without location, names or other metadata; capture time and location are stored separately as hints. Uploading the same file again for the same household returns the existing photo. A household may have 30 photos a day. With `ofVillage` the photo is the village’s own, for goods and stock documents.',
      params: VillageParams,
      querystring: PhotoCreateQuery,
      body: {
        content: Object.fromEntries(
          [...fileTypes, 'multipart/form-data'].map(type => [type, { schema: FileOf(type) }]),
        ),
      } as never,
      response: { 200: Photo, 201: Photo },
    },
    handler: async (request, reply) => {
      const { village } = request.params;
      const householdId = ownerOf(actorOf(request), village, request.query);
      const bytes: unknown = request.body;
      if (!Buffer.isBuffer(bytes)) throw new Refusal('media-type-unsupported');
      // A call without a key is told so before anything is done for it.
      callOf(request);
      const upload = { village, householdId, bytes, signal: whileAwaited(reply) };
      const received = await logged(request, receive({ database, photos, waitingRoom }, upload, clock.now()));
      const isNew = !('uploadedAt' in received);
      let kept = false;
      try {
        return await mutate<Static<typeof Photo>>(
          request,
          reply,
          async (tx, actor) => {
            const row = await addPhoto(tx, actor, received, clock.now());
            kept = row.id === received.id;
            return linked(village, viewOf(actor, row));
          },
          {
            status: isNew ? 201 : 200,
            location: made => `/v1/villages/${village}/photos/${made.id}`,
            secrets: ['links', 'captured'],
          },
        );
      } finally {
        // Nothing tells of these files. Where it is not known whether the row was written, they stay.
        if (isNew && !kept) await removeBoth(photos, village, received.id).catch(() => undefined);
      }
    },
  });
};

/** Ends with the answer, or when its caller has left. The request's own signal ends as soon as its body was read. */
function whileAwaited(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

/** What lies behind a refusal is for the log: a store that fails, a file that cannot be read. */
async function logged<T>(request: FastifyRequest, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Refusal && error.cause !== undefined) request.log.warn({ err: error.cause }, error.code);
    throw error;
  }
}

/** @throws Refusal `not-found` | `forbidden` | `validation-failed` */
function ownerOf(
  actor: Actor,
  village: string,
  { householdId: asked, ofVillage = false }: Static<typeof PhotoCreateQuery>,
): string | null {
  if (ofVillage) {
    if (asked !== undefined) {
      throw malformed('/querystring/ofVillage', 'dependency', {
        zh: '本村的照片不属于任何一户。',
        en: 'A photo of the village belongs to no household.',
      });
    }
    if (!holds(actor, village, ['storekeeper', 'villageAdmin'])) {
      throw new Refusal('forbidden', { requiredRoles: ['storekeeper', 'villageAdmin'] });
    }
    return null;
  }
  if (actor.kind === 'household') {
    if (asked !== undefined && asked !== actor.householdId) throw new Refusal('not-found');
    return actor.householdId!;
  }
  if (asked !== undefined) return asked;
  throw malformed('/querystring/householdId', 'required', {
    zh: '请选择照片所属的户。',
    en: 'Name the household the photo belongs to.',
  });
}

async function removeBoth(photos: PhotoStore, village: string, photoId: string): Promise<void> {
  for (const variant of variants) await photos.remove(keyOf(village, photoId, variant));
}
