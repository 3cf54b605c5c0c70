/** One thing that is wrong, where it is, and what should be there. */
interface Finding {
  check: CheckName;
  /** `book`, `transaction 12`, `transaction 12 line 1`, `account 7 (household:…:available PTS)`, `limit …`. */
  place: string;
  expected: string;
  found: string;
}

interface Check {
  name: CheckName;
  ok: boolean;
  /** The first `findingsMax`, in the order of the book. */
  findings: Finding[];
}

export interface Soundness {
  sound: boolean;
  /** The book was recomputed through this transaction. */
  number: number;
  /** Head of the chain, and root of the tree, that its transactions come to. */
  headHash: string;
  rootHash: string;
  checks: Check[];
}

const findingsMax = 24;

/** Every check there is; where nothing is stored with the transactions, some find nothing to look at. */
const checkNames = [
  /** Transactions are numbered 1…n, and the book says n. */
  'numbers',
  /** Whatever is hashed has the form that lets no two transactions share one text. */
  'forms',
  /** The book's time never runs backwards, a cause stands once, and nobody was a second person to themselves. */
  'order',
  /** Every transfer belongs to a transaction and to two accounts of its asset, and every transaction has lines 1…n. */
  'strays',
  /** Amounts are within bounds and leave one account for another; the balances of each asset come to nothing. */
  'amounts',
  /** What an account says it has, and how many entries, is what its entries come to. */
  'balances',
  /** Along each account: entries 1…n in the order of the book, and the stored balance of each is the one after it. */
  'running',
  /** No account ever stood below its floor, nor at the end of any business day, and every floor is the law of its code. */
  'floors',
  /** Points with a last day are never more than an account has, and are what was moved. */
  'lots',
  /** What is counted as used of a limit is what the transactions used, and never more than there was. */
  'limits',
  /** A reversal comes after what it reverses, once, and is its mirror, line by line from the last. */
  'reversals',
  /** Leaf of each transaction, from its text. */
  'leaves',
  /** Each hash continues the one before, and the book's head is the last. */
  'chain',
  /** Every checkpoint, kept here or handed in, is the root over the beginning of this book, and of those kept here none is missing. */
  'checkpoints',
  /** What is on record outside the book (awards, orders, stock documents, …) has the transactions it should, and no other. */
  'records',
] as const;

/** Those that need nothing but the book. */
export const bookChecks = checkNames.filter(name => name !== 'records');

export type CheckName = (typeof checkNames)[number];

export type Report = (check: CheckName, place: string, expected: string, found: string) => void;

/** Gathers what is found. Of each check the first few are kept: a book that is wrong from its beginning is wrong a million times. */
export function gatherFindings(): { report: Report; checks: (names?: readonly CheckName[]) => Check[] } {
  const found = new Map<CheckName, Finding[]>(checkNames.map(name => [name, []]));
  return {
    report(check, place, expected, what) {
      const findings = found.get(check)!;
      if (findings.length < findingsMax) findings.push({ check, place, expected, found: what });
    },
    checks: (names = checkNames) =>
      names.map(name => ({ name, ok: found.get(name)!.length === 0, findings: found.get(name)! })),
  };
}
