/** The chart of accounts: every code an account may have, and nothing else writes one. Its floor is `ledger.floor_of`. */

export type Asset = 'PTS' | 'HON' | 'MIN' | 'CNY' | `SKU:${string}`;

export interface AccountKey {
  code: string;
  asset: Asset;
}

/** Pieces of one kind of goods. */
export function skuOf(goodsId: string): Asset {
  return `SKU:${goodsId}`;
}

/** Where points come from and go to: no floor. */
export const issued = 'issued';
export const redeemed = 'redeemed';
export const expired = 'expired';
/** Where the points come from that a household owed and need not pay: no floor. */
export const waived = 'waived';
/** Where the points come from that nobody had, for goods that a kiosk handed over without a network: no floor. */
export const offlineLoss = 'offlineLoss';
/** Where goods go to. */
export const handedOut = 'handedOut';
export const lost = 'lost';
/** Where goods go that a count or a hand-over finds missing, and where those come from that it finds: no floor. */
export const countDifference = 'countDifference';

/**
 * What a household has: points to spend, points on the notice board, points set aside for an order, points that everyone
 * was given and nobody can spend, honour; and `arrears`, below zero by what it owes.
 */
export type HouseholdPurpose = 'available' | 'pending' | 'held' | 'base' | 'honour' | 'arrears';

export function householdAccount(householdId: string, purpose: HouseholdPurpose): string {
  return `household:${householdId}:${purpose}`;
}

/** Points of a household that lie with a kiosk, to be spent without a network. */
export function allowanceAccount(kioskId: string, householdId: string): AccountKey {
  return { code: `allowance:${kioskId}:${householdId}`, asset: 'PTS' };
}

/** Where households go that move to another village, and where those come from that move in: no floor. */
export function abroad(village: string): string {
  return `abroad:${village}`;
}

export function shelf(storeId: string): string {
  return `shelf:${storeId}`;
}

export function reserved(storeId: string): string {
  return `reserved:${storeId}`;
}

export function supply(documentId: string): string {
  return `supply:${documentId}`;
}

/** The accounts every book has from its first day. */
export const bookAccounts: AccountKey[] = [
  { code: issued, asset: 'PTS' },
  { code: issued, asset: 'HON' },
  { code: redeemed, asset: 'PTS' },
];

/** The accounts that open with a household. */
export function householdAccounts(householdId: string): AccountKey[] {
  return [
    { code: householdAccount(householdId, 'available'), asset: 'PTS' },
    { code: householdAccount(householdId, 'pending'), asset: 'PTS' },
    { code: householdAccount(householdId, 'held'), asset: 'PTS' },
    { code: householdAccount(householdId, 'honour'), asset: 'HON' },
  ];
}

/** The account of what a household owes, opened when it first does. */
export function arrearsAccount(householdId: string): AccountKey {
  return { code: householdAccount(householdId, 'arrears'), asset: 'PTS' };
}

/** The account of points that everyone was given, opened with the first of them. */
export function baseAccount(householdId: string): AccountKey {
  return { code: householdAccount(householdId, 'base'), asset: 'PTS' };
}

/** The account of points that nobody spent in time, opened with the first of them. */
export const expiredAccount: AccountKey = { code: expired, asset: 'PTS' };

/** The account of points that were owed and need not be paid, opened with the first of them. */
export const waivedAccount: AccountKey = { code: waived, asset: 'PTS' };

/** The account of what offline hand-overs cost the village, opened with the first of them. */
export const offlineLossAccount: AccountKey = { code: offlineLoss, asset: 'PTS' };

/** The accounts that goods need at a store. */
export function goodsAccounts(storeId: string, goodsId: string): AccountKey[] {
  const asset = skuOf(goodsId);
  return [shelf(storeId), reserved(storeId), handedOut, lost].map(code => ({ code, asset }));
}

/** The account of what counts of goods differ by, opened with the first difference. */
export function countAccount(goodsId: string): AccountKey {
  return { code: countDifference, asset: skuOf(goodsId) };
}

/** The accounts of what households take to another village and bring from there, opened with the first of them. */
export function abroadAccounts(village: string): AccountKey[] {
  return [
    { code: abroad(village), asset: 'PTS' },
    { code: abroad(village), asset: 'HON' },
  ];
}
