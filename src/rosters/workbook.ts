import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { readXlsx } from 'hucre/xlsx';

/** Far above any roster, far below what harms: bytes of all parts of a workbook when unpacked. */
const unpackedMaxBytes = 50 * 1024 * 1024;

const inflated = promisify(inflateRaw);

const [endOfDirectory, directoryEntry, localEntry] = [0x06054b50, 0x02014b50, 0x04034b50];

/**
 * Looks at a workbook before anybody unpacks it: whether it is a ZIP whose parts are as small as they say, and whether its
 * sheets can be read at all. Whether a sheet stays near its corner is asked of the one that is read: `sheetAlone`.
 */
export async function checkWorkbook(file: Buffer): Promise<'sound' | 'file-unreadable' | 'file-too-large'> {
  const parts = partsOf(file);
  if (parts === undefined) return 'file-unreadable';
  if (parts.reduce((sum, part) => sum + part.size, 0) > unpackedMaxBytes) return 'file-too-large';
  for (const part of parts) {
    const content = await contentOf(part);
    if (content === undefined) return 'file-too-large';
    if (!/\.(xml|rels)$/i.test(part.name)) continue;
    const verdict = checkMarkup(content, { tagsMax: isSheet(part) ? 2_000_000 : 1_000_000 });
    if (verdict !== 'sound') return verdict;
  }
  return 'sound';
}

/** What a part unpacks to; undefined where that is more than it says. */
async function contentOf({ method, packed, size }: Part): Promise<Buffer | undefined> {
  const content =
    method === 0 ? packed : await inflated(packed, { maxOutputLength: size + 1 }).catch(() => Buffer.alloc(size + 1));
  return content.length > size ? undefined : content;
}

function isSheet({ name }: Part): boolean {
  return /worksheets\//i.test(name);
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

/** Sheets that people see, in their order. */
export async function visibleSheets(file: Buffer): Promise<string[]> {
  const sheets: string[] = [];
  const look = (sheet: { name: string; hidden?: boolean; veryHidden?: boolean }) => {
    if (!sheet.hidden && !sheet.veryHidden) sheets.push(sheet.name);
    return false;
  };
  await readXlsx(file, { sheets: look });
  return sheets;
}

/**
 * A workbook found sound, without what misleads or burdens its reader, see `tidied`. */
export async function tidyWorkbook(file: Buffer): Promise<Buffer> {
  const parts = partsOf(file) ?? [];
  const texts = new Map<Part, Buffer>();
  for (const part of parts) {
    if (!isSheet(part) && !/sharedStrings\.xml$/i.test(part.name)) continue;
    const content = await contentOf(part);
    if (content !== undefined) texts.set(part, Buffer.from(tidied(content.toString('latin1')), 'latin1'));
  }
  return replaced(file, parts, texts);
}

/** What stands in a cell whose formula nobody has worked out: the beginning of one. */
export const unkeptFormula = '=';

/**
 * A sheet without readings beside the characters, which the reader takes for text, and without cells that are formatted and
 * empty. A formula that has no value is marked. The reader lays out a row from its first column to its last: whatever
 * stands to the right of AZ stands in BA.
 */
function tidied(xml: string): string {
  const kept: string[] = [];
  let from = 0;
  const replace = (start: number, end: number, by: string) => {
    kept.push(xml.slice(from, start), by);
    from = end;
  };
  let cell: OpenCell | undefined;
  let reading = -1;
  for (let [start, end] = [xml.indexOf('<'), 0]; start >= 0; start = xml.indexOf('<', end)) {
    end = xml.indexOf('>', start) + 1;
    if (end === 0) break;
    const tag = xml.slice(start, end);
    const [, closes, name] = /^<(\/?)(?:[a-z]{1,9}:)?([a-zA-Z]{1,20})(?![\w:])/.exec(tag) ?? [];
    const isAlone = tag.endsWith('/>');
    if (name === 'rPh' && !isAlone) {
      if (closes === '') reading = start;
      else if (reading >= 0) replace(reading, end, '');
      if (closes !== '') reading = -1;
    } else if (reading >= 0) continue;
    else if (name === 'c' && closes === '') {
      const near = tag.replace(/(\sr\s?=\s?["'])(?:[A-Z]{3,9}|[B-Z][A-Z])(?=\d)/i, '$1BA');
      // Where no cell says its column, each counts.
      const isPlaced = /\sr\s?=/.test(tag);
      cell = { start, kept: kept.length, from, tag: near, isEmpty: isPlaced, formula: 'none' };
      if (near !== tag) replace(start, end, near);
    }
    if (cell === undefined || reading >= 0) continue;
    if (name === 'c' && (isAlone || closes !== '')) {
      if (cell.isEmpty) {
        kept.length = cell.kept;
        from = cell.from;
        replace(cell.start, end, cell.formula === 'unkept' ? markOf(cell.tag) : '');
      }
      cell = undefined;
    } else if (closes === '') {
      if (name === 'f' && cell.formula === 'none') cell.formula = 'unkept';
      if (name === 'v') cell.formula = 'kept';
      if ((name === 'v' || name === 't') && !isAlone && xml[end] !== '<') cell.isEmpty = false;
    }
  }
  kept.push(xml.slice(from));
  return kept.join('');
}

interface OpenCell {
  start: number;
  /** How far what is kept had come before it. */
  kept: number;
  from: number;
  tag: string;
  isEmpty: boolean;
  formula: 'none' | 'unkept' | 'kept';
}

function markOf(tag: string): string {
  const place = /\sr\s?=\s?["']([A-Z]{1,9}\d{1,9})/i.exec(tag)?.[1] ?? '';
  return `<c r="${place}" t="str"><v>${unkeptFormula}</v></c>`;
}

/** The ZIP with other content in some of its parts, not packed: they are appended, and the directory tells of them. */
function replaced(file: Buffer, parts: Part[], contents: Map<Part, Buffer>): Buffer {
  const pieces = [file];
  let length = file.length;
  const append = (...added: Buffer[]) => {
    for (const piece of added) length += pieces[pieces.push(piece) - 1]!.length;
  };
  const entries = parts.map(part => {
    const content = contents.get(part);
    if (content === undefined) return part.entry;
    const entry = Buffer.from(part.entry);
    // Packed no longer; its digest, its sizes, and where it stands.
    entry.writeUInt16LE(0, 8);
    entry.writeUInt16LE(0, 10);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt32LE(length, 42);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(localEntry, 0);
    // From the version that unpacks it to the length of its name the two say the same.
    entry.copy(local, 4, 6, 30);
    append(local, entry.subarray(46, 46 + entry.readUInt16LE(28)), content);
    return entry;
  });
  const start = length;
  append(...entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endOfDirectory, 0);
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(length - start, 12);
  end.writeUInt32LE(start, 16);
  append(end);
  return Buffer.concat(pieces);
}

interface Part {
  name: string;
  method: number;
  size: number;
  packed: Buffer;
  /** What the directory says of it. */
  entry: Buffer;
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
    const next = at + 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
    const entry = file.subarray(at, next);
    parts.push({ name, method, size, packed: file.subarray(from, from + packedSize), entry });
    at = next;
  }
  return parts;
}
