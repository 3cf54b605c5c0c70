/** Side of the grey square that a picture is stretched to before it is looked at. */
export const greySide = 256;

/** What is hashed is averaged down to this. */
const side = 32;
/** Frequencies 1 to 8 in each direction: 64 bits. */
const frequencies = 8;

/**
 * Perceptual hashes of a picture as it might come again, as PostgreSQL keeps 64 bits: signed. First the picture itself,
 * then each way to cut a tenth from one or more of its sides. Turned and mirrored ones need no place of their own:
 * `turnsOf` makes them from a hash.
 *
 * A bit is the sign of one coefficient of the discrete cosine transform, as pHash has it, with two changes. It leaves out
 * what only varies in one direction, for almost every picture taken outdoors is bright above and dark below. And it
 * compares with zero, not with the median: then a picture and its mirror image differ in the signs of the odd
 * frequencies exactly, and a turned one has its two directions exchanged. A hash of gradients has neither property.
 * @param grey `greySide`² bytes, one a pixel, line by line
 */
export function viewsOf(grey: Uint8Array): bigint[] {
  const sums = sumsOf(grey);
  return cuts.map(cut => hashOf(averaged(sums, cut)));
}

/** The hash of a picture in its 8 positions: 4 turns, plain and mirrored. The first is the hash itself. */
export function turnsOf(hash: bigint): bigint[] {
  const bits = BigInt.asUintN(64, hash);
  const exchanged = exchange(bits);
  const masks = [0n, oddColumns, oddRows, oddColumns ^ oddRows];
  return [bits, exchanged].flatMap(one => masks.map(mask => BigInt.asIntN(64, one ^ mask)));
}

interface Cut {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** What is left of a picture, whole or without a tenth at some of its sides, in parts of its width and height. */
const cuts: Cut[] = Array.from({ length: 16 }, (_, sides) => ({
  left: sides & 1 ? 0.1 : 0,
  top: sides & 2 ? 0.1 : 0,
  right: sides & 4 ? 0.9 : 1,
  bottom: sides & 8 ? 0.9 : 1,
}));

const place = (column: number, row: number) => BigInt(row * frequencies + column);

function maskOf(isSet: (column: number, row: number) => boolean): bigint {
  let mask = 0n;
  for (let row = 0; row < frequencies; row += 1) {
    for (let column = 0; column < frequencies; column += 1) if (isSet(column, row)) mask |= 1n << place(column, row);
  }
  return mask;
}

// Column 0 is frequency 1, an odd one.
const oddColumns = maskOf(column => column % 2 === 0);
const oddRows = maskOf((_, row) => row % 2 === 0);

function exchange(bits: bigint): bigint {
  return maskOf((column, row) => ((bits >> place(row, column)) & 1n) === 1n);
}

/** Sums of everything above and left of each corner, so that the sum of any rectangle takes four of them. */
function sumsOf(grey: Uint8Array): Float64Array {
  const width = greySide + 1;
  const sums = new Float64Array(width * width);
  for (let y = 1; y < width; y += 1) {
    let line = 0;
    for (let x = 1; x < width; x += 1) {
      line += grey[(y - 1) * greySide + x - 1]!;
      sums[y * width + x] = sums[(y - 1) * width + x]! + line;
    }
  }
  return sums;
}

/** `cut`, averaged down to `side`² values; edges may lie within a pixel. */
function averaged(sums: Float64Array, cut: Cut): Float64Array {
  const width = greySide + 1;
  const at = (x: number, y: number) => {
    const [left, top] = [Math.min(Math.floor(x), greySide - 1), Math.min(Math.floor(y), greySide - 1)];
    const [fx, fy] = [x - left, y - top];
    const corner = top * width + left;
    const upper = sums[corner]! * (1 - fx) + sums[corner + 1]! * fx;
    const lower = sums[corner + width]! * (1 - fx) + sums[corner + width + 1]! * fx;
    return upper * (1 - fy) + lower * fy;
  };
  const [stepX, stepY] = [((cut.right - cut.left) * greySide) / side, ((cut.bottom - cut.top) * greySide) / side];
  const values = new Float64Array(side * side);
  for (let row = 0; row < side; row += 1) {
    const y = cut.top * greySide + row * stepY;
    for (let column = 0; column < side; column += 1) {
      const x = cut.left * greySide + column * stepX;
      values[row * side + column] = at(x + stepX, y + stepY) - at(x, y + stepY) - at(x + stepX, y) + at(x, y);
    }
  }
  return values;
}

const cosines = Array.from({ length: frequencies }, (_, index) =>
  Float64Array.from({ length: side }, (_, n) => Math.cos((Math.PI * (2 * n + 1) * (index + 1)) / (2 * side))),
);

function hashOf(values: Float64Array): bigint {
  const lines = new Float64Array(side * frequencies);
  for (let row = 0; row < side; row += 1) {
    for (let u = 0; u < frequencies; u += 1) {
      let sum = 0;
      for (let n = 0; n < side; n += 1) sum += values[row * side + n]! * cosines[u]![n]!;
      lines[row * frequencies + u] = sum;
    }
  }
  return BigInt.asIntN(
    64,
    maskOf((u, v) => {
      let sum = 0;
      for (let n = 0; n < side; n += 1) sum += lines[n * frequencies + u]! * cosines[v]![n]!;
      return sum > 0;
    }),
  );
}
