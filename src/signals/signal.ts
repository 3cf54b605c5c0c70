import { type SQL, sql } from 'drizzle-orm';
import { instantText } from '../book/transactions.ts';
import { type Db, rowsOf } from '../db/database.ts';

export const signalKinds = [
  'ownBenefit',
  'reviewerConcentration',
  'fastDecisions',
  'justUnderLimit',
  'nightEntries',
  'householdShare',
  'reversedEntries',
  'reversalProposals',
  'nearDuplicatePhotos',
  'slipRedemptions',
  'wrongPins',
  'kioskSilent',
  'bookUnsound',
] as const;

type SignalKind = (typeof signalKinds)[number];

/** What a signal rests on. Lists of ids hold the first twenty. */
interface Evidence {
  userIds: string[];
  householdIds: string[];
  awardIds: string[];
  reversalIds: string[];
  claimIds: string[];
  photoIds: string[];
  redemptionIds: string[];
  kioskIds: string[];
  /** How many there are, and of how many. */
  count: number;
  of: number | null;
  /** Points in all, or those of the limit that was kept just under. */
  points: number | null;
  /** Which limit that was. */
  limit: 'directAward' | 'householdDay' | 'secondApprover' | null;
  firstAt: string | null;
  lastAt: string | null;
}

/** Something to look into. It accuses nobody, and changes nothing. */
export interface Signal {
  kind: SignalKind;
  /** 1 to 100: a share in per cent, or how far a count stands above where signals begin. */
  severity: number;
  zh: string;
  en: string;
  evidence: Evidence;
}

/** Days that awards count for, and the instants at which these days begin and end. */
export interface Span {
  village: string;
  from: string;
  to: string;
  fromAt: string;
  toAt: string;
}

/** Signals of one kind, at most. */
const mostOfAKind = 50;

/** How many ids of each sort a signal names. */
const idsNamed = 20;

/** The first ids of a group, or of those of it for which `where` holds, as an array. */
export function firstIds(column: SQL, order: SQL, where: SQL = sql`true`): SQL {
  return sql`(array_agg(${column} order by ${order}) filter (where ${where}))[1:${sql.raw(String(idsNamed))}]`;
}

/** The first and the last instant of a group. */
export function spanOf(column: SQL): SQL {
  return sql`${instantText(sql`min(${column})`)} as "firstAt", ${instantText(sql`max(${column})`)} as "lastAt"`;
}

/** Asks for groups of evidence, worst first; what a query does not say is empty. */
export async function evidenceOf(db: Db, query: SQL): Promise<Evidence[]> {
  const rows = await rowsOf<Partial<Evidence> & { count: number }>(db, sql`${query} limit ${mostOfAKind}`);
  return rows.map(row => ({
    userIds: row.userIds ?? [],
    householdIds: row.householdIds ?? [],
    awardIds: row.awardIds ?? [],
    reversalIds: row.reversalIds ?? [],
    claimIds: row.claimIds ?? [],
    photoIds: row.photoIds ?? [],
    redemptionIds: row.redemptionIds ?? [],
    kioskIds: row.kioskIds ?? [],
    count: row.count,
    of: row.of ?? null,
    points: row.points ?? null,
    limit: row.limit ?? null,
    firstAt: row.firstAt ?? null,
    lastAt: row.lastAt ?? null,
  }));
}

/** Per cent, of a whole that is not empty. */
export function percentOf(count: number, of: number): number {
  return Math.max(1, Math.min(100, Math.round((100 * count) / of)));
}

/** 50 where signals begin, 100 at twice as many. */
export function severityOf(count: number, from: number): number {
  return Math.min(100, Math.round((50 * count) / from));
}
