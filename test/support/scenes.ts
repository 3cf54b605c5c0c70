import sharp from 'sharp';
// What is drawn here comes as SVG, which the service lets nobody read.
import '../../src/photos/picture.ts';

sharp.unblock({ operation: ['VipsForeignLoadSvg'] });

/** Numbers that look like chance and are the same each time. */
export function diceOf(seed: number): (from: number, to: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (from, to) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 3_266_489_917) >>> 0;
    return from + (((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32) * (to - from);
  };
}

export const sceneSize = { width: 640, height: 480 };

/** They are drawn larger. */
const [width, height] = [960, 720];

/** A courtyard that there is not: sky, hills, a house with its wall, trees, things on the ground, and grain over it all. */
export async function drawScene(seed: number): Promise<Buffer> {
  const dice = diceOf(seed);
  const whole = (from: number, to: number) => Math.round(dice(from, to));
  const colour = (hue: [number, number], light: [number, number]) =>
    `hsl(${whole(...hue)},${whole(15, 60)}%,${whole(...light)}%)`;
  const horizon = whole(200, 420);
  const parts: string[] = [];
  const add = (svg: string) => parts.push(svg);
  add(`<defs><linearGradient id="sky" x1="0" y1="0" x2="${dice(-0.4, 0.4)}" y2="1">
    <stop offset="0" stop-color="${colour([195, 225], [45, 85])}"/><stop offset="1" stop-color="${colour([180, 240], [70, 96])}"/></linearGradient>
    <linearGradient id="ground" x1="0" y1="0" x2="${dice(-0.6, 0.6)}" y2="1">
    <stop offset="0" stop-color="${colour([25, 110], [30, 60])}"/><stop offset="1" stop-color="${colour([20, 60], [18, 55])}"/></linearGradient></defs>`);
  add(`<rect width="${width}" height="${height}" fill="url(#sky)"/>`);
  for (let n = whole(0, 4); n > 0; n -= 1) {
    add(
      `<ellipse cx="${whole(0, width)}" cy="${whole(10, horizon)}" rx="${whole(40, 180)}" ry="${whole(12, 50)}" fill="white" opacity="${dice(0.3, 0.8)}"/>`,
    );
  }
  const hills = Array.from({ length: 9 }, (_, n) => `${n * 120},${horizon - whole(0, 150)}`).join(' ');
  add(`<polygon points="0,${horizon} ${hills} ${width},${horizon}" fill="${colour([90, 170], [18, 45])}"/>`);
  add(`<rect y="${horizon}" width="${width}" height="${height - horizon}" fill="url(#ground)"/>`);
  const left = whole(-60, 560);
  const [wide, high] = [whole(200, 460), whole(120, 330)];
  const foot = horizon + whole(10, 130);
  add(`<rect x="${left}" y="${foot - high}" width="${wide}" height="${high}" fill="${colour([0, 60], [40, 92])}"/>`);
  add(
    `<polygon points="${left - 30},${foot - high} ${left + whole(20, wide - 20)},${foot - high - whole(40, 120)} ${left + wide + 30},${foot - high}" fill="${colour([0, 30], [15, 45])}"/>`,
  );
  for (let n = whole(1, 5); n > 0; n -= 1) {
    add(
      `<rect x="${left + whole(10, wide - 60)}" y="${foot - high + whole(15, high - 70)}" width="${whole(30, 70)}" height="${whole(35, 90)}" fill="${colour([180, 260], [10, 40])}"/>`,
    );
  }
  if (dice(0, 1) > 0.4) {
    const top = horizon + whole(20, 100);
    add(
      `<rect x="${whole(0, 500)}" y="${top}" width="${whole(250, 700)}" height="${whole(25, 90)}" fill="${colour([10, 40], [30, 75])}"/>`,
    );
  }
  for (let n = whole(1, 5); n > 0; n -= 1) {
    const [x, y, size] = [whole(0, width), horizon + whole(0, 160), whole(50, 150)];
    add(`<rect x="${x - 9}" y="${y - size}" width="18" height="${size}" fill="${colour([20, 35], [14, 30])}"/>`);
    for (let leaf = 0; leaf < 5; leaf += 1) {
      add(
        `<circle cx="${x + whole(-50, 50)}" cy="${y - size + whole(-60, 20)}" r="${whole(25, 65)}" fill="${colour([80, 140], [14, 48])}"/>`,
      );
    }
  }
  for (let n = whole(4, 14); n > 0; n -= 1) {
    const [x, y] = [whole(0, width), whole(horizon + 40, height)];
    add(
      dice(0, 1) > 0.5
        ? `<ellipse cx="${x}" cy="${y}" rx="${whole(12, 110)}" ry="${whole(8, 60)}" fill="${colour([0, 360], [10, 85])}"/>`
        : `<rect x="${x}" y="${y}" width="${whole(15, 160)}" height="${whole(12, 110)}" transform="rotate(${whole(-40, 40)} ${x} ${y})" fill="${colour([0, 360], [10, 85])}"/>`,
    );
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join('')}</svg>`;
  const grain = Buffer.alloc(240 * 180, 0).map(() => whole(70, 186));
  const noise = await sharp(grain, { raw: { width: 240, height: 180, channels: 1 } })
    .resize(width, height, { kernel: 'cubic' })
    .png()
    .toBuffer();
  const drawn = await sharp(Buffer.from(svg))
    .composite([{ input: noise, blend: 'soft-light' }])
    .png({ compressionLevel: 0 })
    .toBuffer();
  return sharp(drawn).resize(sceneSize.width, sceneSize.height).jpeg({ quality: 92 }).toBuffer();
}
