import { Type } from 'typebox';
import { Id, Instant, Nullable, OneOf, VillageCode, Whole } from '../http/shapes.ts';

export const PhotoParams = Type.Object({ village: VillageCode, photo: Id('The photo') });

/** Strict, as a body would be: a name that is spelt wrong must not make the photo somebody else's. */
export const PhotoCreateQuery = Type.Object(
  { householdId: Type.Optional(Id('Whose photo it is; a household at a kiosk may leave its own out')) },
  { additionalProperties: false },
);

/** Bytes of a file, which no JSON Schema can say more about. */
export function FileOf(mediaType: string) {
  return Type.Unsafe<unknown>({
    contentMediaType: mediaType,
    description: 'The file',
    examples: ['(bytes)'],
  });
}

const microdegrees = (description: string, max: number) =>
  Nullable(
    Type.Integer({
      minimum: -max,
      maximum: max,
      description: `${description}, in millionths of a degree`,
      examples: [26_101_234],
    }),
  );

const Captured = Type.Object(
  {
    at: Nullable(Instant('When, by the camera’s clock')),
    latitudeMicrodegrees: microdegrees('North of the equator', 90_000_000),
    longitudeMicrodegrees: microdegrees('East of Greenwich', 180_000_000),
  },
  { title: 'PhotoCaptured', description: 'What the camera wrote: anybody can edit it, so it is a hint and no proof' },
);

const link = (description: string) =>
  Type.String({ maxLength: 1200, description, examples: ['/v1/photo-content?token=eyJhbGciOiJFUzI1NiJ9.e30.c2ln'] });

const PhotoLinks = Type.Object(
  {
    thumb: link('Path of the small picture, at most 320 pixels wide and high'),
    full: link('Path of the picture, at most 2048 pixels wide and high'),
    expiresAt: Instant('When both end; ask for the photo again then'),
  },
  { title: 'PhotoLinks', description: 'Open the picture to whoever holds them, for five minutes' },
);

export const Photo = Type.Object(
  {
    id: Id('The photo'),
    householdId: Nullable(Id('Whose photo it is')),
    sha256: Type.String({
      pattern: '^[0-9a-f]{64}$',
      maxLength: 64,
      description: 'SHA-256 of the file as it was sent',
      examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    }),
    bytes: Whole('Length of the file as it was sent', { minimum: 1, maximum: 8_388_608 }),
    width: Whole('Pixels', { minimum: 1, maximum: 2048 }),
    height: Whole('Pixels', { minimum: 1, maximum: 2048 }),
    captured: Nullable(Captured),
    uploadedBy: Id('The user, or the household at a kiosk'),
    uploadedAt: Instant('When it was received'),
    removedAt: Nullable(Instant('When it was removed')),
    links: Nullable(PhotoLinks),
  },
  { title: 'Photo' },
);

export const SimilarPhotos = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        id: Id('The other photo'),
        householdId: Nullable(Id('Whose photo it is')),
        uploadedAt: Instant('When it was received'),
        removedAt: Nullable(Instant('When it was removed')),
        distance: Whole('Of 64 bits that describe a picture, how many differ', { maximum: 12 }),
        level: OneOf(
          ['same', 'near', 'resembling'],
          'The same file · a copy, saved anew, cut, turned or mirrored · alike, perhaps only the same place',
        ),
        links: Nullable(PhotoLinks),
      }),
      { maxItems: 20, description: 'The nearest first' },
    ),
  },
  { title: 'SimilarPhotos' },
);

export const PhotoContentQuery = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 1000, description: 'As it stands in the links of a photo' }),
});
