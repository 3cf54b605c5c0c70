import assert from 'node:assert';
import type { Caller, Reply } from './service.ts';

type Entries = Map<string, object>;

/** What a kiosk keeps: by collection, entries by id. */
export interface ModelKiosk {
  collections: Map<string, Entries>;
  cursor: string;
}

/** An answer of `kioskChangesGet`. */
interface Changes {
  cursor: string;
  collections: Record<string, { id: string }[]>;
  deleted: Record<string, string[]>;
}

/** What a kiosk has after a snapshot. */
export function fromSnapshot({ cursor, collections }: Omit<Changes, 'deleted'>): ModelKiosk {
  const kept = Object.entries(collections).map(
    ([name, entries]) => [name, new Map(entries.map(entry => [entry.id, entry]))] as const,
  );
  return { cursor, collections: new Map(kept) };
}

/** Applies changes as the contract tells a kiosk to. */
export function apply(kiosk: ModelKiosk, { cursor, collections, deleted }: Changes): void {
  for (const [name, entries] of Object.entries(collections)) {
    for (const entry of entries) kiosk.collections.get(name)!.set(entry.id, entry);
  }
  for (const [name, ids] of Object.entries(deleted)) {
    for (const id of ids) kiosk.collections.get(name)!.delete(id);
  }
  kiosk.cursor = cursor;
}

export async function snapshotOf(caller: Caller): Promise<Reply> {
  const reply = await caller('GET', '/v1/kiosk/snapshot');
  assert.equal(reply.status, 200, reply.text);
  return reply;
}

export async function changesSince(caller: Caller, cursor: string): Promise<Reply> {
  const reply = await caller('GET', `/v1/kiosk/changes?cursor=${cursor}`);
  assert.equal(reply.status, 200, reply.text);
  return reply;
}

/** Everything it keeps, in an order that does not depend on how it came to it. */
export function contentOf({ collections }: ModelKiosk): Record<string, object[]> {
  const sorted = (entries: Entries) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  return Object.fromEntries([...collections].map(([name, entries]) => [name, sorted(entries)]));
}
