import { Type } from 'typebox';
import { Id, Instant, Nullable, OneOf, VillageCode, Whole } from '../http/shapes.ts';

export const PhotoParams = Type.Object({ village: VillageCode, photo: Id('ID of the photo.') });

/** Strict, as a body would be: a name that is spelt wrong must not make the photo somebody else's. */
export const PhotoCreateQuery = Type.Object(
  {
    householdId: Type.Optional(
      Id('ID of the household the photo belongs to. A household at a kiosk may leave out its own.'),
    ),
    ofVillage: Type.Optional(
      Type.Boolean({
        description:
          'Whether the photo is the village’s own, of goods, an invoice or damage. Only storekeepers and village administrators.',
        examples: [false],
      }),
    ),
  },
  { additionalProperties: false },
);

/** Bytes of a file, which no JSON Schema can say more about. */
export function FileOf(mediaType: string) {
  return Type.Unsafe<unknown>({
    contentMediaType: mediaType,
    description: 'The file.',
    examples: ['(bytes)'],
  });
}

const microdegrees = (description: string, max: number) =>
  Nullable(
    Type.Integer({
      minimum: -max,
      maximum: max,
      description: `${description}, in millionths of a degree.`,
      examples: [26_101_234],
    }),
  );

const Captured = Type.Object(
  {
    at: Nullable(Instant('Time according to the camera’s clock.')),
    latitudeMicrodegrees: microdegrees('Latitude, positive to the north', 90_000_000),
    longitudeMicrodegrees: microdegrees('Longitude, positive to the east', 180_000_000),
  },
  {
    title: 'PhotoCaptured',
    description: 'Metadata written by the camera. Anyone can edit them, so treat them as hints, not as proof.',
  },
);

const link = (description: string) =>
  Type.String({ maxLength: 1200, description, examples: ['/v1/photo-content?token=eyJhbGciOiJFUzI1NiJ9.e30.c2ln'] });

const PhotoLinks = Type.Object(
  {
    thumb: link('Path of the thumbnail, at most 320 pixels wide and high.'),
    full: link('Path of the full image, at most 2048 pixels wide and high.'),
    expiresAt: Instant('When both links expire. Retrieve the photo again for new ones.'),
  },
  { title: 'PhotoLinks', description: 'Links to the image. Anyone who has them can open it for five minutes.' },
);

export const Photo = Type.Object(
  {
    id: Id('ID of the photo.'),
    householdId: Nullable(Id('ID of the household the photo belongs to.')),
    sha256: Type.String({
      pattern: '^[0-9a-f]{64}$',
      maxLength: 64,
      description: 'SHA-256 digest of the uploaded file.',
      examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    }),
    bytes: Whole('Size of the uploaded file in bytes.', { minimum: 1, maximum: 20_971_520 }),
    width: Whole('Width in pixels.', { minimum: 1, maximum: 2048 }),
    height: Whole('Height in pixels.', { minimum: 1, maximum: 2048 }),
    captured: Nullable(Captured),
    uploadedBy: Id('ID of the user, or of the household at a kiosk, that uploaded the photo.'),
    uploadedAt: Instant('When the photo was uploaded.'),
    removedAt: Nullable(Instant('When the photo was removed.')),
    links: Nullable(PhotoLinks),
  },
  { title: 'Photo' },
);

export const SimilarPhotos = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        id: Id('ID of the similar photo.'),
        householdId: Nullable(Id('ID of the household the photo belongs to.')),
        uploadedAt: Instant('When the photo was uploaded.'),
        removedAt: Nullable(Instant('When the photo was removed.')),
        distance: Whole('Number of bits that differ between the two 64-bit perceptual hashes.', { maximum: 12 }),
        level: OneOf(
          ['same', 'near', 'resembling'],
          'Degree of similarity: `same` file; `near`, a copy that was re-saved, cropped, rotated or mirrored; or `resembling`, perhaps only the same place.',
        ),
        links: Nullable(PhotoLinks),
      }),
      { maxItems: 20, description: 'Similar photos, closest first.' },
    ),
  },
  { title: 'SimilarPhotos' },
);

export const PhotoContentQuery = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 1000, description: 'Token from one of a photo’s links.' }),
});
