import { crc32, deflateSync } from 'node:zlib';

/** A PNG file of 32 × 24 pixels that no other `seed` has, made without the library that the service reads it with. */
export function smallPhoto(seed: number): Buffer {
  return pngOf(32, 24, (x, y) => [(x * 8 + seed) % 256, (y * 10 + (seed >> 8)) % 256, (x * y + seed * 7) % 256]);
}

/** A PNG file of 8-bit colours, by Portable Network Graphics (Third Edition). */
export function pngOf(width: number, height: number, colour: (x: number, y: number) => number[]): Buffer {
  const lines = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width }, (_, x) => colour(x, y)).flat(),
  ]);
  return pngFile({ width, height, depth: 8, kind: 2 }, [['IDAT', deflateSync(Buffer.from(lines.flat()))]]);
}

/** A PNG file of a header and chunks, as sound or unsound as they are. `kind`: 0 grey, 2 colours, 3 palette, 6 with alpha. */
export function pngFile(
  { width, height, depth, kind }: { width: number; height: number; depth: number; kind: number },
  chunks: [name: string, data: Buffer][],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, kind], 8);
  const all: [string, Buffer][] = [['IHDR', header], ...chunks, ['IEND', Buffer.alloc(0)]];
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...all.map(([name, data]) => chunk(name, data))]);
}

function chunk(name: string, data: Buffer): Buffer {
  const chunk = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const file = Buffer.alloc(chunk.length + 8);
  file.writeUInt32BE(data.length, 0);
  file.set(chunk, 4);
  file.writeUInt32BE(crc32(chunk), chunk.length + 4);
  return file;
}
