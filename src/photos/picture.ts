import sharp, { type Sharp } from 'sharp';
import { Refusal } from '../refusals.ts';
import { type Captured, capturedIn } from './captured.ts';
import { greySide, viewsOf } from './likeness.ts';

// The library reads dozens of formats, with as many places for a hostile file to break it: all but three are shut, for
// the whole process. Nothing decoded is kept, and one picture occupies one thread.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp'] });
sharp.cache(false);
sharp.concurrency(1);

/** A photo as it is kept: nothing but pixels is left of what was sent. */
interface Picture {
  /** JPEG, its longer edge at most 2048 pixels. */
  full: Buffer;
  /** JPEG, its longer edge at most 320 pixels. */
  thumb: Buffer;
  /** Of `full`, in pixels. */
  width: number;
  height: number;
  /** Perceptual hashes, as `viewsOf` makes them. */
  views: bigint[];
  /** What the camera wrote; a hint. */
  captured: Captured;
}

/**
 * Most pixels of a picture, by what decoding it holds: one that is read line by line holds a few lines, and may come from
 * a phone of 108 million or be a panorama; of one that is read in several passes, or is a WebP, every pixel is held.
 */
const pixelsMax = { byLine: 110_000_000, whole: 52_000_000 };
const edgeMax = { full: 2048, thumb: 320 };
const secondsMax = 8;

/**
 * Reads a JPEG, PNG or WebP file, by its first bytes, and draws it anew: upright, in sRGB, without metadata and without
 * whatever else the file carried. A colour profile is not followed but dropped: a camera's wide colours look a little
 * duller, and nobody's profile is ever computed with.
 * @throws Refusal `media-type-unsupported`: no such file, a broken or an animated one; HEIC (facts: `format`) |
 *   `out-of-bounds`: too many pixels | `unavailable`: it took too long
 */
export async function pictureOf(bytes: Buffer, now: Temporal.Instant): Promise<Picture> {
  const format = formatOf(bytes);
  if (format === undefined) throw new Refusal('media-type-unsupported', isHeic(bytes) ? { format: 'heic' } : {});
  const options = { limitInputPixels: pixelsMax.byLine, failOn: 'error', ignoreIcc: true } as const;
  try {
    const told = await sharp(bytes, options).metadata();
    if (told.format !== format || (told.pages ?? 1) > 1) throw new Refusal('media-type-unsupported');
    const isWhole = told.isProgressive || format === 'webp';
    if (isWhole && told.width * told.height > pixelsMax.whole) throw tooManyPixels(pixelsMax.whole);
    // Made small before it is turned: turning needs every pixel at once, and a file may have a hundred million.
    const { data, info } = await sharp(bytes, options)
      .resize({ width: edgeMax.full, height: edgeMax.full, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .timeout({ seconds: secondsMax })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const small = () => turned(sharp(data, { raw: { width, height, channels } }), told.orientation ?? 1);
    const full = await small().jpeg({ quality: 85 }).toBuffer({ resolveWithObject: true });
    const upright = () => sharp(full.data);
    const thumb = await upright()
      .resize({ width: edgeMax.thumb, height: edgeMax.thumb, fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toBuffer();
    const grey = await upright()
      .greyscale()
      .resize({ width: greySide, height: greySide, fit: 'fill' })
      .raw()
      .toBuffer();
    return {
      full: full.data,
      thumb,
      width: full.info.width,
      height: full.info.height,
      views: viewsOf(grey),
      captured: capturedIn(told.exif, now),
    };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw Object.assign(refusalOf(error as Error), { cause: error });
  }
}

/** The library says what was wrong in words only. */
function refusalOf({ message }: Error): Refusal {
  if (/exceeds pixel limit/.test(message)) return tooManyPixels(pixelsMax.byLine);
  if (/^timeout/.test(message)) return new Refusal('unavailable', { retryAfterSeconds: 5 });
  return new Refusal('media-type-unsupported');
}

function tooManyPixels(max: number): Refusal {
  return new Refusal('out-of-bounds', { field: 'pixels', min: 1, max });
}

/** What the file is by its first bytes: its name and its content type are anybody's to choose. */
function formatOf(bytes: Buffer): 'jpeg' | 'png' | 'webp' | undefined {
  const begins = (hex: string, offset = 0) => bytes.subarray(offset, offset + hex.length / 2).toString('hex') === hex;
  if (begins('ffd8ff')) return 'jpeg';
  if (begins('89504e470d0a1a0a')) return 'png';
  if (begins('52494646') && begins('57454250', 8)) return 'webp';
  return undefined;
}

const heicBrands = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'];

/**
 * Whether a file is HEIC, which the library cannot decode for want of a licence, by its own brand or by those it is
 * compatible with. Source: ISO/IEC 14496-12, 4.3 (`ftyp`), and ISO/IEC 23008-12, annex B (the brands).
 */
function isHeic(bytes: Buffer): boolean {
  const box = bytes.subarray(0, 256).toString('latin1');
  if (box.slice(4, 8) !== 'ftyp') return false;
  const brands = box.slice(8, Math.min(bytes.readUInt32BE(0), 256)).match(/.{4}/gs) ?? [];
  return brands.some(brand => heicBrands.includes(brand));
}

/** Upright, by the orientation that Exif gives it: the library mirrors first, then turns clockwise. */
function turned(picture: Sharp, orientation: number): Sharp {
  const [degrees, mirror] = orientations[orientation] ?? [0];
  const upright = degrees === 0 ? picture : picture.rotate(degrees);
  return mirror === undefined ? upright : upright[mirror]();
}

const orientations: Record<number, [degrees: number, mirror?: 'flip' | 'flop']> = {
  2: [0, 'flop'],
  3: [180],
  4: [0, 'flip'],
  5: [270, 'flop'],
  6: [90],
  7: [90, 'flop'],
  8: [270],
};
