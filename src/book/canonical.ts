import type { Asset } from '../ledger/accounts.ts';
import type { TransactionView } from './transactions.ts';

/** What of a transaction is hashed. docs/canonical.md explains the text; `ledger.canonical` is its other writer. */
export type Content = Omit<TransactionView, 'leafHash' | 'hash'>;

/** The canonical text of a transaction: lines `name value`, each ended by LF. */
export function canonicalText(t: Content): string {
  let text = `jifen/1\nvillage ${t.village}\nnumber ${t.number}\nid ${t.id}\nkind ${t.kind}\ncause ${escaped(t.cause)}
businessDate ${t.businessDate}\noccurredAt ${t.occurredAt}\npostedAt ${t.postedAt}\nactor ${t.actorId}\n`;
  if (t.approverId !== null) text += `approver ${t.approverId}\n`;
  if (t.reverses !== null) text += `reverses ${t.reverses}\n`;
  if (t.memo !== null) text += `memo ${escaped(t.memo)}\n`;
  for (const name of namesByBytes(t.frozen)) text += `frozen ${name} ${escaped(String(t.frozen[name]))}\n`;
  for (const { asset, amount, from, to } of t.transfers) text += `line ${asset} ${amount} ${from} ${to}\n`;
  return text;
}

/**
 * Reads what `canonicalText` wrote. It does not validate: whoever must know that a text is canonical writes what was read
 * again, and compares.
 */
export function parseCanonical(text: string): Content {
  const headers: Record<string, string> = Object.create(null);
  const terms: Record<string, string> = Object.create(null);
  const transfers: Content['transfers'] = [];
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const [name, value] = [line.slice(0, space), line.slice(space + 1)];
    if (name === 'frozen') {
      const end = value.indexOf(' ');
      terms[value.slice(0, end)] = unescaped(value.slice(end + 1));
    } else if (name === 'line') {
      const [asset = '', amount = '', from = '', to = ''] = value.split(' ');
      transfers.push({ asset: asset as Asset, amount: Number(amount), from, to });
    } else headers[name] = unescaped(value);
  }
  const of = (name: string) => headers[name] ?? '';
  return {
    village: of('village'),
    number: Number(of('number')),
    id: of('id'),
    kind: of('kind'),
    cause: of('cause'),
    businessDate: of('businessDate'),
    occurredAt: of('occurredAt'),
    postedAt: of('postedAt'),
    actorId: of('actor'),
    approverId: headers.approver ?? null,
    reverses: headers.reverses === undefined ? null : Number(headers.reverses),
    memo: headers.memo ?? null,
    frozen: terms,
    transfers,
  };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const instant = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const forms: [name: keyof Content, form: RegExp][] = [
  ['village', /^[0-9]{12}$/],
  ['id', uuid],
  ['kind', /^[A-Za-z]{1,40}$/],
  ['cause', /^[A-Za-z0-9:._-]{1,200}$/],
  ['businessDate', /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/],
  ['occurredAt', instant],
  ['postedAt', instant],
  ['actorId', uuid],
];

/**
 * What in a transaction has not the form it must have, or nothing. Of transactions in this form no two have one text; of
 * others they may: the name of a term with a space borrows from its value, a year before Christ looks like one after.
 */
export function formFault(t: Content): { field: string; found: string } | undefined {
  for (const [field, form] of forms) {
    const value = t[field];
    if (typeof value !== 'string' || !form.test(value)) return { field, found: shown(value) };
  }
  if (!isPositive(t.number)) return { field: 'number', found: shown(t.number) };
  if (t.approverId !== null && !uuid.test(t.approverId)) return { field: 'approverId', found: shown(t.approverId) };
  if (t.reverses !== null && !isPositive(t.reverses)) return { field: 'reverses', found: shown(t.reverses) };
  if (t.memo !== null && !isText(t.memo)) return { field: 'memo', found: shown(t.memo) };
  if (typeof t.frozen !== 'object' || t.frozen === null || Array.isArray(t.frozen)) {
    return { field: 'frozen', found: shown(t.frozen) };
  }
  for (const name in t.frozen) {
    if (/[ \t-\r]/.test(name) || !isText(t.frozen[name])) {
      return { field: `frozen ${name}`, found: shown(t.frozen[name]) };
    }
  }
  for (const [index, { from, to, asset, amount }] of t.transfers.entries()) {
    const codes = /^[A-Za-z0-9:-]{1,150}$/.test(from) && /^[A-Za-z0-9:-]{1,150}$/.test(to);
    if (!codes || !/^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$/.test(asset) || !Number.isSafeInteger(amount)) {
      return { field: `line ${index + 1}`, found: `${asset} ${amount} ${from} ${to}` };
    }
  }
  return undefined;
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 200);
}

/** Names of terms as PostgreSQL sorts them under the collation "C": by their bytes in UTF-8. */
function namesByBytes(terms: Content['frozen']): string[] {
  const names = Object.keys(terms);
  if (names.length < 2) return names;
  // JavaScript compares UTF-16, which is the same order as long as there are no surrogates.
  return names.some(name => /[\ud800-\udfff]/.test(name))
    ? names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : names.sort();
}

function escaped(value: string): string {
  return /[\\\r\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('\r', '\\r').replaceAll('\n', '\\n')
    : value;
}

function unescaped(value: string): string {
  return value.includes('\\')
    ? value.replaceAll(/\\([\\rn])/g, (_, sign) => (sign === 'r' ? '\r' : sign === 'n' ? '\n' : '\\'))
    : value;
}
