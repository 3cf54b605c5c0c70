import { createHash } from 'node:crypto';
import { type TSchema, Type } from 'typebox';
import { Refusal } from '../refusals.ts';

/** Query of every list. `limit` of 1 to 200; `cursor` comes from the page before and is opaque. */
export const PageQuery = {
  limit: Type.Integer({
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'Maximum number of results per page.',
    examples: [50],
  }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 500,
      description: 'Cursor of the page to return: `nextCursor` of the previous page.',
    }),
  ),
};

export interface Page<T> {
  data: T[];
  nextCursor: string | null;
  hasMore: boolean;
}

/** A page of `item`, as a component named `title`. */
export function PageOf<T extends TSchema>(item: T, title: string) {
  return Type.Object(
    {
      data: Type.Array(item, { maxItems: 200, description: 'Results on this page.' }),
      nextCursor: Type.Union([Type.String({ maxLength: 500 }), Type.Null()], {
        description: 'Cursor of the next page; `null` on the last page.',
      }),
      hasMore: Type.Boolean({ description: 'Whether another page follows.' }),
    },
    { title },
  );
}

/**
 * Where a page starts: the key of the last row of the page before, or undefined for the first page. A cursor belongs to
 * one operation and one set of filters.
 * @throws Refusal `cursor-mismatch`
 */
export function after<T extends unknown[]>(cursor: string | undefined, filters: object): T | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [digest, ...key] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (digest === digestOf(filters, key)) return key as T;
  } catch {
    // Not a cursor of ours: the same answer.
  }
  throw new Refusal('cursor-mismatch');
}

/** Makes a page of `rows`, of which one more than `limit` was asked for. `keyOf` is what the list is ordered by. */
export function page<T>(rows: T[], limit: number, filters: object, keyOf: (row: T) => unknown[]): Page<T> {
  const data = rows.slice(0, limit);
  const hasMore = rows.length > limit;
  const last = data.at(-1);
  const nextCursor =
    hasMore && last !== undefined
      ? Buffer.from(JSON.stringify([digestOf(filters, keyOf(last)), ...keyOf(last)])).toString('base64url')
      : null;
  return { data, nextCursor, hasMore };
}

/** Of the filters, and of what kind of thing each part of the key is: a text where a number was is no cursor of ours. */
function digestOf(filters: object, key: unknown[]): string {
  const kinds = key.map(part => (typeof part === 'string' || typeof part === 'number' ? typeof part : 'none'));
  if (kinds.includes('none')) throw new TypeError('the sort key of a list consists of strings and numbers');
  return createHash('sha256')
    .update(JSON.stringify([filters, kinds]))
    .digest('base64url')
    .slice(0, 12);
}
