import { cards } from './cards.ts';
import type { Read } from './entry.ts';
import { goods } from './goods.ts';
import { households } from './households.ts';
import { pickups } from './pickups.ts';
import { policies } from './policies.ts';
import { priceLists } from './price-lists.ts';
import { stock } from './stock.ts';

/** What a kiosk is told of its village. `schemas.ts` has the shape of each. */
export const collections = { households, cards, goods, priceLists, policies, stock, pickups } satisfies Record<
  string,
  Read
>;

export type CollectionName = keyof typeof collections;

export const collectionNames = Object.keys(collections) as CollectionName[];

/** Entries by collection. */
export type Collections = { [Name in CollectionName]: Awaited<ReturnType<(typeof collections)[Name]>> };
