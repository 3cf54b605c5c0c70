import { Readable } from 'node:stream';
import { canonicalText } from '../book/canonical.ts';
import type { Db } from '../db/database.ts';
import { accountNames, recordedOf } from '../verification/recorded.ts';
import type { Period } from './period.ts';

/**
 * The canonical texts in the order of the book, an empty line after each: all that is hashed, and what a checkpoint can
 * be compared with. Without a period it is the whole book.
 */
export function journalCanonical(db: Db, village: string, period: Period | undefined): Readable {
  return Readable.from(texts(db, village, period), { objectMode: false });
}

async function* texts(db: Db, village: string, period: Period | undefined): AsyncGenerator<string> {
  const names = await accountNames(db, village);
  // What is wrong with the book is for others to say: this is what it holds.
  for await (const batch of recordedOf(db, village, names, () => undefined)) {
    let text = '';
    for (const { content } of batch) {
      const { businessDate: day } = content;
      if (period === undefined || (day >= period.from && day < period.to)) text += `${canonicalText(content)}\n`;
    }
    if (text !== '') yield text;
  }
}
