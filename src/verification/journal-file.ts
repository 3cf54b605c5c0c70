import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import canonicalize from 'canonicalize';
import { canonicalText, parseCanonical } from '../book/canonical.ts';
import { checkBook, type Recorded } from './check-book.ts';
import { type CheckName, gatherFindings, type Report, type Soundness } from './findings.ts';
import { newColumn } from './fingerprints.ts';
import type { KeptCheckpoint } from './kept-checkpoint.ts';

/** Canonical texts, or a JSON object a line: the two forms of the journal that hold all that is hashed. */
type JournalFormat = 'canonical' | 'jsonl';

const replayed: CheckName[] = [
  'numbers',
  'forms',
  'order',
  'strays',
  'amounts',
  'floors',
  'lots',
  'limits',
  'reversals',
];

/**
 * Recomputes a whole book from an exported journal, with nothing else at hand, and names what is wrong. Canonical texts
 * stand in the order of the book and carry no hashes: what became of them, only a checkpoint can tell. JSON lines carry
 * them, and may stand in any order.
 * @throws Error in words for the operator: the file is no journal, or of no transaction one can tell the village
 */
export async function verifyJournal(
  path: string,
  kept: readonly KeptCheckpoint[],
): Promise<Soundness & { village: string; format: JournalFormat }> {
  const file = await open(path);
  try {
    const { report, checks } = gatherFindings();
    const format = await formatOf(file);
    const records = format === 'canonical' ? textsOf(file, report) : linesOf(file, report);
    const first = await records.next();
    const village = first.done ? (kept[0]?.village ?? '') : first.value.content.village;
    for (const { size, origin, village: other } of kept) {
      if (other === village) continue;
      report(
        'checkpoints',
        `checkpoint of ${size} transactions (${origin})`,
        `a book of ${other}`,
        `one of ${village}`,
      );
    }
    const check = checkBook(report, { village, kept: kept.filter(checkpoint => checkpoint.village === village) });
    if (!first.done) check.take(first.value);
    for await (const recorded of records) check.take(recorded);
    const { last, headHash, rootHash } = check.finish();
    const hashes: CheckName[] = format === 'jsonl' ? ['leaves', 'chain'] : [];
    const all = checks([...replayed, ...hashes, ...(kept.length > 0 ? (['checkpoints'] as const) : [])]);
    const sound = all.every(({ ok }) => ok);
    return { village, format, sound, number: last?.number ?? 0, headHash, rootHash, checks: all };
  } finally {
    await file.close();
  }
}

async function formatOf(file: FileHandle): Promise<JournalFormat> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const start = buffer.toString('latin1', 0, bytesRead);
  if (start.startsWith('{')) return 'jsonl';
  if (start === 'jifen/1\n' || start === '') return 'canonical';
  throw new Error('The file is not a journal in canonical texts or JSON lines.');
}

/** Transactions of canonical texts, an empty line after each. What is not written as it would be again is reported. */
async function* textsOf(file: FileHandle, report: Report): AsyncGenerator<Recorded, undefined> {
  for await (const { bytes, index, ended } of piecesOf(file, '\n\n')) {
    const text = `${bytes.toString()}\n`;
    const content = parseCanonical(text);
    if (!ended || !isUtf8(bytes) || canonicalText(content) !== text) {
      report('forms', `text ${index + 1} of the file`, 'a canonical text followed by an empty line', shown(text));
    }
    if (Number.isSafeInteger(content.number) && content.number > 0) yield { content };
  }
}

/** Transactions of JSON lines, by number. */
async function* linesOf(file: FileHandle, report: Report): AsyncGenerator<Recorded, undefined> {
  const read = ({ bytes, index, ended }: Piece): Recorded | undefined => {
    const text = bytes.toString();
    const recorded = recordOfJson(text);
    if (!ended || !isUtf8(bytes) || recorded === undefined) {
      report('forms', `line ${index + 1} of the file`, 'a transaction in RFC 8785 form', shown(text));
    }
    return recorded;
  };
  const { order, offsets, lengths } = await indexOf(file);
  if (order === undefined) {
    for await (const piece of piecesOf(file, '\n')) {
      const recorded = read(piece);
      if (recorded !== undefined) yield recorded;
    }
    return;
  }
  for (const index of order) {
    const bytes = Buffer.alloc(lengths.get(index));
    await file.read(bytes, 0, bytes.length, offsets.get(index));
    const recorded = read({ bytes, index, offset: offsets.get(index), ended: true });
    if (recorded !== undefined) yield recorded;
  }
}

/** Where each line begins, and in which order they are read to come by number; no order when they stand in it. */
async function indexOf(file: FileHandle) {
  const [offsets, lengths, numbers] = [newColumn(Float64Array), newColumn(Uint32Array), newColumn(Float64Array)];
  let [count, before, sorted] = [0, 0, true];
  for await (const { bytes, index, offset } of piecesOf(file, '\n')) {
    // Inside a string the quotes would be escaped.
    const number = Number(/"number":([0-9]+)[,}]/.exec(bytes.toString('latin1'))?.[1] ?? before);
    if (number < before) sorted = false;
    offsets.set(index, offset);
    lengths.set(index, bytes.length);
    numbers.set(index, number);
    before = number;
    count += 1;
  }
  const order = sorted ? undefined : Uint32Array.from({ length: count }, (_, index) => index);
  return { order: order?.sort((a, b) => numbers.get(a) - numbers.get(b)), offsets, lengths };
}

interface Piece {
  bytes: Buffer;
  /** From 0. */
  index: number;
  offset: number;
  /** Whether the separator followed. */
  ended: boolean;
}

const readAtOnce = 2 ** 20;
const pieceMax = 2 ** 24;

async function* piecesOf(file: FileHandle, separator: string): AsyncGenerator<Piece> {
  const width = separator.length;
  let [rest, offset, index, position] = [Buffer.alloc(0), 0, 0, 0];
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(readAtOnce), 0, readAtOnce, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(separator); end >= 0; end = bytes.indexOf(separator, start)) {
      yield { bytes: bytes.subarray(start, end), index, offset: offset + start, ended: true };
      index += 1;
      start = end + width;
    }
    rest = bytes.subarray(start);
    offset += start;
    if (rest.length > pieceMax)
      throw new Error(`The file is not a journal: no line or text ends within ${pieceMax} bytes.`);
  }
  if (rest.length > 0) yield { bytes: rest, index, offset, ended: false };
}

const texts = [
  'village',
  'id',
  'kind',
  'cause',
  'businessDate',
  'occurredAt',
  'postedAt',
  'actorId',
  'leafHash',
  'hash',
];

/** A transaction as `journalJsonl` writes it, and in no other way. */
function recordOfJson(line: string): Recorded | undefined {
  try {
    const parsed = JSON.parse(line);
    const { leafHash, hash, ...content } = parsed;
    const { approverId, memo, reverses, frozen: terms, transfers } = content;
    const formed =
      Object.keys(parsed).length === texts.length + 6 &&
      texts.every(name => typeof parsed[name] === 'string') &&
      [approverId, memo].every(text => text === null || typeof text === 'string') &&
      [content.number, reverses ?? 0].every(Number.isSafeInteger) &&
      typeof terms === 'object' &&
      terms !== null &&
      Array.isArray(transfers) &&
      transfers.every(isTransfer);
    return formed && canonicalize(parsed) === line ? { content, leafHash, hash } : undefined;
  } catch {
    return undefined;
  }
}

function isTransfer(transfer: Record<string, unknown>): boolean {
  return (
    Object.keys(transfer).length === 4 &&
    [transfer.from, transfer.to, transfer.asset].every(text => typeof text === 'string') &&
    typeof transfer.amount === 'number'
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
