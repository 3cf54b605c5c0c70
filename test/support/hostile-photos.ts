import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { pngFile, pngOf } from './small-photo.ts';

/** Words that stand in files and nowhere else: none of them may be in what is served. */
export const planted = ['PLANTED-OWNER', 'PLANTED-PLACE', 'PLANTED-SCRIPT', 'PLANTED-PROFILE', 'PLANTED-COMMENT'];

export interface HostileFile {
  name: string;
  bytes: Buffer;
  /** Codes of which one is the answer; `cleaned`: it becomes a photo, without anything but its pixels. */
  becomes: ('cleaned' | 'media-type-unsupported' | 'out-of-bounds' | 'body-too-large')[];
}

const refused: HostileFile['becomes'] = ['media-type-unsupported'];
const cleaned: HostileFile['becomes'] = ['cleaned'];
const either: HostileFile['becomes'] = ['cleaned', 'media-type-unsupported'];

/** A JPEG file with more segments behind its first marker. */
export function withSegments(jpeg: Buffer, ...segments: [marker: number, data: Buffer][]): Buffer {
  const made = segments.map(([marker, data]) => {
    const head = Buffer.from([0xff, marker, 0, 0]);
    head.writeUInt16BE(data.length + 2, 2);
    return Buffer.concat([head, data]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...made, jpeg.subarray(2)]);
}

type Entry = [tag: number, type: number, count: number, value: Buffer | number];

/** An Exif segment of directories: `main`, and behind it those that `exif` and `gps` name. Little endian. */
export function exifOf({ main = [], exif, gps }: { main?: Entry[]; exif?: Entry[]; gps?: Entry[] }): Buffer {
  const directories: { entries: Entry[]; pointer?: number }[] = [{ entries: main }];
  if (exif !== undefined) directories.push({ entries: exif, pointer: 0x8769 });
  if (gps !== undefined) directories.push({ entries: gps, pointer: 0x8825 });
  const first = [...main, ...directories.slice(1).map(({ pointer }): Entry => [pointer!, 4, 1, 0])];
  directories[0]!.entries = first;
  let end = 8;
  const starts = directories.map(({ entries }) => {
    const start = end;
    end += 2 + entries.length * 12 + 4;
    return start;
  });
  for (const [index, { pointer }] of directories.entries()) {
    const entry = first.find(([tag]) => tag === pointer);
    if (entry !== undefined) entry[3] = starts[index]!;
  }
  const values: Buffer[] = [];
  const written = directories.map(({ entries }) => {
    const directory = Buffer.alloc(2 + entries.length * 12 + 4);
    directory.writeUInt16LE(entries.length, 0);
    for (const [index, [tag, type, count, value]] of entries.entries()) {
      const at = 2 + index * 12;
      directory.writeUInt16LE(tag, at);
      directory.writeUInt16LE(type, at + 2);
      directory.writeUInt32LE(count, at + 4);
      if (typeof value === 'number') directory.writeUInt32LE(value, at + 8);
      else if (value.length <= 4) directory.set(value, at + 8);
      else {
        directory.writeUInt32LE(end, at + 8);
        values.push(value);
        end += value.length;
      }
    }
    return directory;
  });
  const head = Buffer.from('49492a0008000000', 'hex');
  return Buffer.concat([Buffer.from('Exif\0\0'), head, ...written, ...values]);
}

export const ascii = (tag: number, text: string): Entry => {
  const value = Buffer.from(`${text}\0`, 'latin1');
  return [tag, 2, value.length, value];
};

export function fractions(tag: number, ...parts: [number, number][]): Entry {
  const value = Buffer.alloc(parts.length * 8);
  for (const [index, [numerator, denominator]] of parts.entries()) {
    value.writeUInt32LE(numerator, index * 8);
    value.writeUInt32LE(denominator, index * 8 + 4);
  }
  return [tag, 5, parts.length, value];
}

/** 26°6′4.44″ N, 105°28′30″ E, on a morning in November. */
export const honestExif = exifOf({
  main: [ascii(0x010f, 'PLANTED-OWNER'), [0x0112, 3, 1, 6]],
  exif: [ascii(0x9003, '2026:11:22 08:30:00'), ascii(0x9011, '+08:00'), ascii(0xa430, 'PLANTED-OWNER')],
  gps: [
    ascii(1, 'N'),
    fractions(2, [26, 1], [6, 1], [444, 100]),
    ascii(3, 'E'),
    fractions(4, [105, 1], [28, 1], [30, 1]),
  ],
});

const xmp = Buffer.from(
  'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><r dc:creator="PLANTED-OWNER"/></x:xmpmeta>',
);
const iptc = Buffer.concat([
  Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x12\x1c\x02\x50\0\x0d', 'latin1'),
  Buffer.from('PLANTED-OWNER'),
]);
const profile = (text: string, length: number) =>
  Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), Buffer.from(text.padEnd(length, '\xff'), 'latin1')]);

/** A PNG header that promises more than there is, and a little compressed nothing behind it. */
function promising(width: number, height: number, kind = 2): Buffer {
  return pngFile({ width, height, depth: 8, kind }, [['IDAT', deflateSync(Buffer.alloc(1 << 20))]]);
}

/** A PNG header that promises lines in seven passes. */
function interlaced(width: number, height: number): Buffer {
  const png = promising(width, height);
  png[28] = 1;
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

/** The same JPEG file with another size in its frame header. */
function claiming(jpeg: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(jpeg);
  const frame = copy.findIndex((byte, at) => byte === 0xff && (copy[at + 1] === 0xc0 || copy[at + 1] === 0xc2));
  copy.writeUInt16BE(height, frame + 5);
  copy.writeUInt16BE(width, frame + 7);
  return copy;
}

/** A WebP file with an extended header of that size, and whatever chunks. */
function webpOf(width: number, height: number, flags: number, chunks: Buffer): Buffer {
  const head = Buffer.alloc(18);
  head.write('VP8X', 0, 'latin1');
  head.writeUInt32LE(10, 4);
  head[8] = flags;
  head.writeUIntLE(width - 1, 12, 3);
  head.writeUIntLE(height - 1, 15, 3);
  const body = Buffer.concat([Buffer.from('WEBP'), head, chunks]);
  const riff = Buffer.from('RIFF\0\0\0\0');
  riff.writeUInt32LE(body.length, 4);
  return Buffer.concat([riff, body]);
}

/** Entries that all point at the same 60 KB: a reader that copies them all runs out of memory. */
function amplified(): Buffer {
  const entries = Array.from({ length: 400 }, (_, n): Entry => [0xc000 + n, 1, 60_000, 8]);
  return Buffer.concat([exifOf({ main: entries }), Buffer.alloc(58_000)]);
}

/** More than sixty files that nobody should send. */
export async function hostileFiles(): Promise<HostileFile[]> {
  const raw = { raw: { width: 64, height: 48, channels: 3 as const } };
  const pixels = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, n) => (n * 37 + (n >> 5) * 11) % 256));
  const jpeg = await sharp(pixels, raw).jpeg({ quality: 90 }).toBuffer();
  const progressive = await sharp(pixels, raw).jpeg({ progressive: true }).toBuffer();
  const png = pngOf(64, 48, (x, y) => [x * 4, y * 5, (x * y) % 256]);
  const webp = await sharp(pixels, raw).webp().toBuffer();
  const script = Buffer.from('<script>alert("PLANTED-SCRIPT")</script>');
  const zip = Buffer.concat([Buffer.from('PK\x03\x04\x14\0\0\0\0\0', 'latin1'), Buffer.from('PLANTED-SCRIPT.exe')]);
  const flat = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#345' }, limitInputPixels: false });
  const frames = Buffer.concat([pixels, pixels.map(byte => 255 - byte)]);
  const animated = await sharp(frames, { raw: { width: 64, height: 96, channels: 3, pageHeight: 48 } })
    .webp({ loop: 0, delay: [100, 100] })
    .toBuffer();
  const file = (name: string, bytes: Buffer, becomes: HostileFile['becomes']): HostileFile => ({
    name,
    bytes,
    becomes,
  });
  const text = (name: string, text: string) => file(name, Buffer.from(text, 'latin1'), refused);

  return [
    file('nothing', Buffer.alloc(0), refused),
    file('one byte', Buffer.from([0xff]), refused),
    file('three bytes of a JPEG', Buffer.from([0xff, 0xd8, 0xff]), refused),
    file('eight bytes of a PNG', png.subarray(0, 8), refused),
    file('twelve bytes of a WebP', webp.subarray(0, 12), refused),
    text('words', 'a picture of our courtyard'),
    text('a web page', '<!doctype html><html><script>alert("PLANTED-SCRIPT")</script></html>'),
    text('SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>PLANTED-SCRIPT</script></svg>'),
    text(
      'SVG that reads a file',
      '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg width="9" height="9">&x;</svg>',
    ),
    text(
      'GIF',
      'GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;',
    ),
    text('BMP', 'BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0'),
    file('TIFF', await sharp(pixels, raw).tiff().toBuffer(), refused),
    text('HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
    file('AVIF', await sharp(pixels, raw).avif({ effort: 0 }).toBuffer(), refused),
    text('PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj trailer<</Root 1 0 R>>'),
    text('PostScript', '%!PS-Adobe-3.0\n(PLANTED-SCRIPT) print'),
    text('a program', '\x7fELF\x02\x01\x01\0'),
    file('ZIP', zip, refused),
    text('JSON', '{"photo":"data:image/jpeg;base64,/9j/"}'),
    text(
      'an ImageMagick script',
      'push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 "|id"\npop graphic-context',
    ),
    file('a ZIP file behind three bytes of a JPEG', Buffer.concat([Buffer.from('ffd8ff', 'hex'), zip]), refused),
    file('a ZIP file behind the first bytes of a PNG', Buffer.concat([png.subarray(0, 8), zip]), refused),
    file('a PDF behind the first bytes of a WebP', Buffer.concat([webp.subarray(0, 12), Buffer.from('%PDF')]), refused),
    file('SVG behind the first bytes of a JPEG', Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), script]), refused),
    ...[0.02, 0.3, 0.6, 0.9, 0.99].map(part =>
      file(`a JPEG cut at ${part}`, jpeg.subarray(0, Math.floor(jpeg.length * part)), refused),
    ),
    ...[0.3, 0.8].map(part =>
      file(
        `a progressive JPEG cut at ${part}`,
        progressive.subarray(0, Math.floor(progressive.length * part)),
        refused,
      ),
    ),
    ...[0.1, 0.5, 0.8].map(part =>
      file(`a PNG cut at ${part}`, png.subarray(0, Math.floor(png.length * part)), refused),
    ),
    ...[0.1, 0.5, 0.9].map(part =>
      file(`a WebP cut at ${part}`, webp.subarray(0, Math.floor(webp.length * part)), refused),
    ),
    file('a JPEG of its middle in zeros', Buffer.concat([jpeg.subarray(0, 700), Buffer.alloc(900)]), refused),
    file('a PNG with a wrong checksum', Buffer.from(png).fill(0xaa, png.length - 40, png.length - 30), refused),
    file('a PNG without pixels', pngFile({ width: 9, height: 9, depth: 8, kind: 2 }, []), refused),
    file(
      'a PNG of no width',
      pngFile({ width: 0, height: 9, depth: 8, kind: 2 }, [['IDAT', deflateSync(Buffer.alloc(9))]]),
      refused,
    ),
    file(
      'a PNG of an unknown kind',
      pngFile({ width: 9, height: 9, depth: 7, kind: 5 }, [['IDAT', deflateSync(Buffer.alloc(99))]]),
      refused,
    ),

    file('JPEG and ZIP in one', Buffer.concat([jpeg, zip]), cleaned),
    file('JPEG and a web page in one', Buffer.concat([withSegments(jpeg, [0xfe, script]), script]), cleaned),
    file('JPEG and PHP in one', withSegments(jpeg, [0xfe, Buffer.from('<?php PLANTED-COMMENT ?>')]), cleaned),
    file('PNG with a script behind its end', Buffer.concat([png, script]), cleaned),
    file(
      'PNG with a script in a text',
      pngFile({ width: 64, height: 48, depth: 8, kind: 2 }, [
        ['tEXt', Buffer.from('Comment\0PLANTED-COMMENT')],
        ['IDAT', deflateSync(Buffer.alloc(48 * 193, 1))],
      ]),
      cleaned,
    ),
    file(
      'PNG with a compressed text that grows',
      pngFile({ width: 64, height: 48, depth: 8, kind: 2 }, [
        ['zTXt', Buffer.concat([Buffer.from('PLANTED-COMMENT\0\0'), deflateSync(Buffer.alloc(16 << 20))])],
        ['IDAT', deflateSync(Buffer.alloc(48 * 193, 1))],
      ]),
      either,
    ),
    file('WebP and JAR in one', Buffer.concat([webp, zip]), cleaned),
    file('JPEG behind a JPEG', Buffer.concat([jpeg, jpeg]), cleaned),

    file('a PNG of 30000 × 30000, one byte a pixel', await flatGrey(30_000, 30_000), ['out-of-bounds']),
    file('a PNG of 10500 × 10500, compressed a thousandfold', await flatGrey(10_500, 10_500), ['out-of-bounds']),
    file('a PNG that says 65535 × 65535', promising(65_535, 65_535), ['out-of-bounds']),
    file('a PNG that says 2³¹−1 × 2³¹−1', promising(2 ** 31 - 1, 2 ** 31 - 1), refused.concat('out-of-bounds')),
    file('a PNG that says 7000 × 7000 and has a hundredth', promising(7_000, 7_000), refused),
    file('a JPEG that says 65535 × 65535', claiming(jpeg, 65_535, 65_535), ['out-of-bounds', 'media-type-unsupported']),
    file('a JPEG that says 7000 × 7000', claiming(jpeg, 7_000, 7_000), either),
    file('a JPEG of no height', claiming(jpeg, 64, 0), refused),
    file(
      'a WebP that says 16384 × 16384',
      webpOf(16_384, 16_384, 0, Buffer.from('VP8 \0\0\0\0')),
      refused.concat('out-of-bounds'),
    ),
    file('a JPEG of 10500 × 10500', await flat(10_500, 10_500).jpeg({ quality: 30 }).toBuffer(), ['out-of-bounds']),
    file('a progressive JPEG that says 7300 × 7300', claiming(progressive, 7_300, 7_300), ['out-of-bounds']),
    file('an interlaced PNG that says 7300 × 7300', interlaced(7_300, 7_300), ['out-of-bounds']),
    file('a WebP of 7300 × 7300', await flat(7_300, 7_300).webp({ effort: 0 }).toBuffer(), ['out-of-bounds']),
    file('a PNG of 1 × 20000', await flat(1, 20_000).png().toBuffer(), cleaned),
    file('a PNG of 40000 × 1', await flat(40_000, 1).png().toBuffer(), cleaned),
    file('a picture of one pixel', await flat(1, 1).png().toBuffer(), cleaned),
    file('20 MiB of zeros behind a JPEG', Buffer.concat([jpeg, Buffer.alloc(20 * 1024 * 1024 - jpeg.length)]), cleaned),
    file('20 MiB and a byte', Buffer.concat([jpeg, Buffer.alloc(20 * 1024 * 1024 + 1 - jpeg.length)]), [
      'body-too-large',
    ]),
    file('an animated WebP', animated, refused),
    file('a WebP with a flag of animation and no frame', webpOf(64, 48, 2, Buffer.alloc(0)), refused),

    file('CMYK', await sharp(pixels, raw).toColourspace('cmyk').jpeg().toBuffer(), cleaned),
    file(
      '16 bits a colour',
      pngFile({ width: 8, height: 8, depth: 16, kind: 2 }, [['IDAT', deflateSync(Buffer.alloc(8 * 49, 1))]]),
      cleaned,
    ),
    file('grey', await sharp(pixels, raw).greyscale().jpeg().toBuffer(), cleaned),
    file('a palette', await sharp(pixels, raw).png({ palette: true, colours: 16 }).toBuffer(), cleaned),
    file(
      'a palette that is not there',
      pngFile({ width: 8, height: 8, depth: 8, kind: 3 }, [['IDAT', deflateSync(Buffer.alloc(72))]]),
      refused,
    ),
    file(
      'see-through',
      await sharp({ create: { width: 9, height: 9, channels: 4, background: '#12345600' } })
        .png()
        .toBuffer(),
      cleaned,
    ),
    file(
      'a WebP without loss, see-through',
      await sharp({ create: { width: 9, height: 9, channels: 4, background: '#12345680' } })
        .webp({ lossless: true })
        .toBuffer(),
      cleaned,
    ),

    file('Exif with names and a place', withSegments(jpeg, [0xe1, honestExif]), cleaned),
    file('Exif that lies about its length', withSegments(jpeg, [0xe1, honestExif.subarray(0, 40)]), cleaned),
    file(
      'Exif whose directory is itself',
      withSegments(jpeg, [
        0xe1,
        exifOf({
          main: [
            [0x8769, 4, 1, 8],
            [0x8825, 4, 1, 8],
          ],
        }),
      ]),
      cleaned,
    ),
    file(
      'Exif whose directory lies far outside',
      withSegments(jpeg, [0xe1, exifOf({ main: [[0x8769, 4, 1, 0xfffffff0]] })]),
      cleaned,
    ),
    file(
      'Exif of 65535 entries',
      withSegments(jpeg, [
        0xe1,
        Buffer.concat([Buffer.from('Exif\0\0II*\0\x08\0\0\0\xff\xff', 'latin1'), Buffer.alloc(60_000, 0x41)]),
      ]),
      cleaned,
    ),
    file('Exif that a reader copies 400 times', withSegments(jpeg, [0xe1, amplified()]), cleaned),
    file(
      'Exif with a fraction by zero',
      withSegments(jpeg, [
        0xe1,
        exifOf({
          gps: [
            ascii(1, 'N'),
            fractions(2, [1, 0], [0, 0], [0, 0]),
            ascii(3, 'E'),
            fractions(4, [1, 0], [0, 0], [0, 0]),
          ],
        }),
      ]),
      cleaned,
    ),
    file(
      'Exif of the year 9999',
      withSegments(jpeg, [0xe1, exifOf({ exif: [ascii(0x9003, '9999:99:99 99:99:99')] })]),
      cleaned,
    ),
    file(
      'Exif of no known byte order',
      withSegments(jpeg, [0xe1, Buffer.from('Exif\0\0XX*\0\x08\0\0\0PLANTED-OWNER')]),
      cleaned,
    ),
    file(
      'Exif in a PNG',
      pngFile({ width: 64, height: 48, depth: 8, kind: 2 }, [
        ['eXIf', honestExif.subarray(6)],
        ['IDAT', deflateSync(Buffer.alloc(48 * 193, 1))],
      ]),
      cleaned,
    ),
    file('XMP', withSegments(jpeg, [0xe1, xmp]), cleaned),
    file('IPTC', withSegments(jpeg, [0xed, iptc]), cleaned),
    file('a comment with a name', withSegments(jpeg, [0xfe, Buffer.from('PLANTED-COMMENT 张三')]), cleaned),
    file(
      'a hundred comments',
      withSegments(
        jpeg,
        ...Array.from({ length: 100 }, (): [number, Buffer] => [0xfe, Buffer.alloc(60_000, 'PLANTED-COMMENT ')]),
      ),
      cleaned,
    ),
    file('a colour profile that is none', withSegments(jpeg, [0xe2, profile('PLANTED-PROFILE', 4_000)]), cleaned),
    file(
      'a colour profile in a thousand parts',
      withSegments(
        jpeg,
        ...Array.from({ length: 90 }, (): [number, Buffer] => [0xe2, profile('PLANTED-PROFILE', 60_000)]),
      ),
      cleaned,
    ),
    file(
      'a colour profile that grows',
      pngFile({ width: 64, height: 48, depth: 8, kind: 2 }, [
        ['iCCP', Buffer.concat([Buffer.from('PLANTED-PROFILE\0\0'), deflateSync(Buffer.alloc(16 << 20))])],
        ['IDAT', deflateSync(Buffer.alloc(48 * 193, 1))],
      ]),
      either,
    ),
    file(
      'everything at once',
      withSegments(
        jpeg,
        [0xe1, honestExif],
        [0xe1, xmp],
        [0xed, iptc],
        [0xfe, script],
        [0xe2, profile('PLANTED-PROFILE', 999)],
      ),
      cleaned,
    ),
    file('fifty million pixels, turned', await fiftyMillion(), cleaned),
  ];
}

/** A grey PNG of zeros whose pixels come out of a thousandth of their size. */
async function flatGrey(width: number, height: number): Promise<Buffer> {
  const part = deflateSync(Buffer.alloc(Math.min((width + 1) * height, 16 << 20)), { level: 9 });
  return pngFile({ width, height, depth: 8, kind: 0 }, [['IDAT', part]]);
}

/** The largest that is taken, with the orientation that needs every pixel at once. */
async function fiftyMillion(): Promise<Buffer> {
  const turned = exifOf({ main: [[0x0112, 3, 1, 8]] }).subarray(6);
  const row = Buffer.alloc(1 + 10_000);
  return pngFile({ width: 10_000, height: 5_000, depth: 8, kind: 0 }, [
    ['eXIf', turned],
    ['IDAT', deflateSync(Buffer.concat(Array.from({ length: 5_000 }, () => row)), { level: 9 })],
  ]);
}
