import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

/** Far above any roster, far below what harms: bytes of all parts of a workbook when unpacked. */
const unpackedMaxBytes = 50 * 1024 * 1024;

const inflated = promisify(inflateRaw);

const [endOfDirectory, directoryEntry, localEntry] = [0x06054b50, 0x02014b50, 0x04034b50];

/**
 * Looks at a workbook before anybody unpacks it: whether it is a ZIP whose parts are as small as they say, and whether its
 * sheets stay near their corner. A reader lays out every row from its first column to its last, so that one cell far to
 * the right costs what thousands do.
 */
export async function checkWorkbook(file: Buffer): Promise<'sound' | 'file-unreadable' | 'file-too-large'> {
  const parts = partsOf(file);
  if (parts === undefined) return 'file-unreadable';
  if (parts.reduce((sum, part) => sum + part.size, 0) > unpackedMaxBytes) return 'file-too-large';
  for (const { name, packed, method, size } of parts) {
    const content =
      method === 0 ? packed : await inflated(packed, { maxOutputLength: size + 1 }).catch(() => Buffer.alloc(size + 1));
    if (content.length > size) return 'file-too-large';
    if (!/\.(xml|rels)$/i.test(name)) continue;
    const isSheet = /worksheets\//i.test(name);
    const verdict = checkMarkup(content, { tagsMax: isSheet ? 2_000_000 : 1_000_000 });
    if (verdict !== 'sound') return verdict;
    if (isSheet && reachesFar(content)) return 'file-too-large';
  }
  return 'sound';
}

/** Far above the longest tag that an office program writes. */
const tagMaxBytes = 64 * 1024;

/**
 * Whether the tags of an XML text are few, short and closed. The reader looks for the end of each from its beginning, and
 * keeps every text of a workbook: a small file of nothing but beginnings occupies it for hours, one of texts takes gigabytes.
 */
function checkMarkup(xml: Buffer, { tagsMax }: { tagsMax: number }): 'sound' | 'file-unreadable' | 'file-too-large' {
  const [less, greater, mark] = [0x3c, 0x3e, 0x21];
  let [tags, comments, open] = [0, 0, -1];
  for (let at = 0; at < xml.length; at += 1) {
    const byte = xml[at];
    if (byte === less) {
      if (open >= 0) return 'file-unreadable';
      open = at;
      tags += 1;
      if (xml[at + 1] === mark) comments += 1;
      if (tags > tagsMax) return 'file-too-large';
      if (comments > 16) return 'file-unreadable';
    } else if (byte === greater) open = -1;
    else if (open >= 0 && at - open > tagMaxBytes) return 'file-unreadable';
  }
  return open < 0 ? 'sound' : 'file-unreadable';
}

/** A cell to the right of column AZ, in a piece at a time. */
function reachesFar(sheet: Buffer): boolean {
  const step = 1024 * 1024;
  for (let from = 0; from < sheet.length; from += step) {
    const piece = sheet.toString('latin1', from, from + step + 40);
    if (/\sr\s*=\s*["'](?:[A-Z]{3,}|[B-Z][A-Z])\d/i.test(piece)) return true;
  }
  return false;
}

interface Part {
  name: string;
  method: number;
  size: number;
  packed: Buffer;
}

/** The parts as the directory at the end lists them; undefined where it does not say all that is to be known. */
function partsOf(file: Buffer): Part[] | undefined {
  const end = file.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + 22 > file.length || file.readUInt32LE(end) !== endOfDirectory) return undefined;
  const count = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  if (count === 0 || count > 1_000) return undefined;
  const parts: Part[] = [];
  for (let left = count; left > 0; left -= 1) {
    if (at + 46 > file.length || file.readUInt32LE(at) !== directoryEntry) return undefined;
    const [flags, method] = [file.readUInt16LE(at + 8), file.readUInt16LE(at + 10)];
    const [packedSize, size] = [file.readUInt32LE(at + 20), file.readUInt32LE(at + 24)];
    const [nameLength, local] = [file.readUInt16LE(at + 28), file.readUInt32LE(at + 42)];
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    // Encrypted; packed in a way we do not unpack; or of a size that only the part itself would tell.
    if ((flags & 1) !== 0 || (method !== 0 && method !== 8)) return undefined;
    if (((flags & 8) !== 0 || packedSize > 2) && size === 0 && !name.endsWith('/')) return undefined;
    if (local + 30 > file.length || file.readUInt32LE(local) !== localEntry) return undefined;
    const from = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    if (from + packedSize > file.length) return undefined;
    parts.push({ name, method, size, packed: file.subarray(from, from + packedSize) });
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return parts;
}
