import { hash as digest } from 'node:crypto';
import { type Content, canonicalText, formFault } from '../book/canonical.ts';
import { append, newRange, rootOf } from '../checkpoints/tree.ts';
import { checkReversals } from './check-reversals.ts';
import type { Report } from './findings.ts';
import { type Fingerprints, newColumn, newFingerprints } from './fingerprints.ts';
import { type ReplayAccounts, replayAccounts, type StoredTransfer } from './replay-accounts.ts';

/** A transaction as a source tells it, with what the source stores with it, if anything. */
export interface Recorded {
  content: Content;
  /** Lower-case hex. */
  leafHash?: string;
  hash?: string;
  /** One for each transfer. */
  stored?: readonly StoredTransfer[];
}

/** A root that somebody has kept: of the tree over the first `size` transactions. */
export interface KeptRoot {
  size: number;
  root: Buffer;
  /** Whose word it is, for findings. */
  origin: string;
}

interface Limits {
  /** What the transactions come to for a key, and the maximum that was last given; nothing when none used it. */
  get(key: string): { place: number; used: number; max: number } | undefined;
  size(): number;
  /** By place: the transaction that used it first. */
  firstUse(place: number): number;
  used(place: number): number;
}

export interface CheckedBook {
  count: number;
  last: { number: number; hash: string; postedAt: string } | undefined;
  headHash: string;
  rootHash: string;
  accounts: ReplayAccounts;
  limits: Limits;
}

/**
 * Recomputes a book from its transactions alone, handed in one after another in the order of their numbers, and reports
 * what is wrong. It knows neither database nor file, and keeps a few dozen bytes of each transaction.
 *
 * What it cannot see without a root kept elsewhere: a book whose tail was rewritten with all hashes made anew.
 */
export function checkBook(
  report: Report,
  { village, kept = [] }: { village: string; kept?: readonly KeptRoot[] },
): { take(recorded: Recorded): void; finish(): CheckedBook } {
  const accounts = replayAccounts(report);
  const limits = checkLimits(report);
  const reversals = checkReversals(report);
  const chain = checkChain(report);
  const causes = newFingerprints();
  const tree = newRange();
  let last: CheckedBook['last'];

  const keptBySize = Map.groupBy(kept, ({ size }) => size);
  const compareRoots = () => {
    for (const { size, root, origin } of keptBySize.get(tree.size) ?? []) {
      const made = rootOf(tree);
      if (!made.equals(root)) {
        const [expected, found] = [root, made].map(hash => `root ${hash.toString('base64')}`) as [string, string];
        report('checkpoints', `checkpoint of ${size} transactions (${origin})`, expected, found);
      }
    }
  };
  compareRoots();

  return {
    take(recorded) {
      const content = wellFormed(recorded.content, report);
      const place = `transaction ${content.number}`;
      if (content.village !== village) report('strays', place, `village ${village}`, `village ${content.village}`);
      const before = last?.number ?? 0;
      if (content.number !== before + 1) {
        report(
          'numbers',
          place,
          `after transaction ${content.number - 1}`,
          before === 0 ? 'after none' : `after transaction ${before}`,
        );
      }
      checkOrder(content, last?.postedAt ?? '', causes, report);
      accounts.move(content, recorded.stored);
      limits.take(content);
      reversals.take(content);
      const { leaf, hash } = chain.take(recorded, canonicalText(content), place);
      append(tree, Buffer.from(leaf, 'hex'));
      last = { number: content.number, hash, postedAt: content.postedAt };
      compareRoots();
    },
    finish() {
      for (const { size, origin } of kept) {
        if (size <= tree.size) continue;
        report('checkpoints', `checkpoint of ${size} transactions (${origin})`, `${size} transactions`, `${tree.size}`);
      }
      const rootHash = rootOf(tree).toString('hex');
      return { count: tree.size, last, headHash: chain.head(), rootHash, accounts, limits };
    },
  };
}

/** The content as far as one can reckon with it. */
function wellFormed(content: Content, report: Report): Content {
  const fault = formFault(content);
  if (fault === undefined) return content;
  report('forms', `transaction ${content.number}`, `${fault.field} in canonical form`, fault.found);
  return typeof content.frozen === 'object' && content.frozen !== null ? content : { ...content, frozen: {} };
}

function checkOrder(t: Content, postedBefore: string, causes: Fingerprints, report: Report): void {
  const place = `transaction ${t.number}`;
  if (t.postedAt < postedBefore) report('order', place, `not posted before ${postedBefore}`, `posted ${t.postedAt}`);
  if (t.approverId === t.actorId)
    report('order', place, 'an approver other than the actor', `approver ${t.approverId}`);
  const known = causes.size();
  if (causes.put(`${t.kind} ${t.cause}`) < known) {
    report('order', place, `a unique cause ${t.kind} ${t.cause}`, 'used by an earlier transaction');
  }
}

/**
 * Leaves and chain. Each stored hash is checked against its own neighbours, so that one error is named once, where it
 * is. All in hex: a digest as a buffer costs twice the time of making it.
 */
function checkChain(report: Report) {
  const both = Buffer.alloc(64);
  const continued = (hash: string, leaf: string): string => {
    both.write(hash, 0, 'hex');
    both.write(leaf, 32, 'hex');
    return digest('sha256', both, 'hex');
  };
  let made = digest('sha256', '', 'hex');
  let stored = made;
  return {
    head: () => made,
    take({ leafHash, hash }: Recorded, text: string, place: string): { leaf: string; hash: string } {
      const leaf = digest('sha256', `\0${text}`, 'hex');
      if (leafHash !== undefined && leafHash !== leaf) report('leaves', place, `leaf ${leaf}`, `leaf ${leafHash}`);
      const before = made;
      made = continued(made, leaf);
      // As a rule what is stored is what was made, and one hash is enough for both.
      const right = stored === before && (leafHash ?? leaf) === leaf ? made : continued(stored, leafHash ?? leaf);
      if (hash !== undefined && hash !== right) report('chain', place, `hash ${right}`, `hash ${hash}`);
      stored = hash ?? right;
      return { leaf, hash: stored };
    },
  };
}

/** Uses of limits, as each transaction froze them: never more than there is, never below nothing. */
function checkLimits(report: Report): Limits & { take(t: Content): void } {
  const keys = newFingerprints();
  const [used, max, first] = [newColumn(Float64Array), newColumn(Float64Array), newColumn(Float64Array)];
  return {
    size: keys.size,
    firstUse: first.get,
    used: used.get,
    get(key) {
      const place = keys.find(key);
      return place < 0 ? undefined : { place, used: used.get(place), max: max.get(place) };
    },
    take(t) {
      for (const name in t.frozen) {
        if (!name.startsWith('limit:')) continue;
        const place = `transaction ${t.number} ${name}`;
        const [, use, most] = /^(-?[0-9]{1,16})\/([0-9]{1,16})$/.exec(t.frozen[name]!) ?? [];
        if (use === undefined || most === undefined || (t.reverses === null && Number(use) < 1)) {
          report('limits', place, 'use/max', String(t.frozen[name]));
          continue;
        }
        const known = keys.size();
        const at = keys.put(name.slice('limit:'.length));
        if (at === known) first.set(at, t.number);
        used.set(at, used.get(at) + Number(use));
        if (t.reverses === null) max.set(at, Number(most));
        // To give back is never refused, whatever the maximum is by then.
        const bound = Number(use) > 0 ? Number(most) : Number.POSITIVE_INFINITY;
        if (used.get(at) < 0 || used.get(at) > bound) report('limits', place, `0 to ${most}`, `used ${used.get(at)}`);
      }
    },
  };
}
