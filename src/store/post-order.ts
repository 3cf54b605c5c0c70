import { allowancesOf } from '../allowances/read.ts';
import type { Tx } from '../db/database.ts';
import { type Posted, postOne } from '../ledger/post.ts';
import type { Command } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import type { LimitPer } from './tables.ts';

/** What the caller is told of a limit that was reached, other than how much of it is used. */
interface LimitFacts {
  resetsOn: string;
  nextExchangeAt: string | null;
  /** Of limits of goods, by their key in the book. */
  goods?: ReadonlyMap<string, { goodsId: string; per: LimitPer; resetsOn: string }>;
}

/**
 * Posts one transaction of the store, and says the ledger's no in the words of a shop.
 * @throws Refusal `insufficient-points` | `insufficient-stock` | `redemption-limit` | `exchange-full`
 */
export async function postOrder(tx: Tx, village: string, command: Command, limits?: LimitFacts): Promise<Posted> {
  try {
    return await postOne(tx, village, command);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw inShopWords(await withAllowances(tx, village, error), command, limits);
  }
}

/** Who has too few points is told what of them lies with a kiosk, where, and until when. */
async function withAllowances(tx: Tx, village: string, refusal: Refusal): Promise<Refusal> {
  const { code, facts } = refusal;
  const [, householdId] = /^household:([^:]+):available$/.exec(String(facts.accountCode)) ?? [];
  if (code !== 'insufficient-points' || householdId === undefined) return refusal;
  const allowances = await allowancesOf(tx, village, householdId);
  return allowances.length === 0 ? refusal : new Refusal(code, { ...facts, allowances });
}

function inShopWords(refusal: Refusal, command: Command, limits: LimitFacts | undefined): Refusal {
  const { code, facts } = refusal;
  const asset = String(facts.asset ?? '');
  // Goods that never came have no shelf yet.
  if (asset.startsWith('SKU:') && (code === 'insufficient-stock' || code === 'not-found')) {
    const line = {
      goodsId: asset.slice('SKU:'.length),
      available: code === 'not-found' ? 0 : facts.available,
      required: asked(command, asset),
    };
    return new Refusal('insufficient-stock', { lines: [line], available: line.available, required: line.required });
  }
  if (code === 'insufficient-points') {
    const { available, required, allowances } = facts;
    return new Refusal(code, { available, required, ...(allowances !== undefined && { allowances }) });
  }
  if (code === 'redemption-limit') {
    const ofGoods = limits?.goods?.get(String(facts.cap));
    if (ofGoods !== undefined) return new Refusal(code, { limit: facts.limit, used: facts.used, ...ofGoods });
    return new Refusal(code, { limit: facts.limit, used: facts.used, resetsOn: limits?.resetsOn ?? null });
  }
  if (code === 'exchange-full') {
    return new Refusal(code, { capacity: facts.limit, nextExchangeAt: limits?.nextExchangeAt ?? null });
  }
  return refusal;
}

function asked(command: Command, asset: string): number {
  const lines = command.transfers?.filter(line => line.asset === asset) ?? [];
  return lines.reduce((sum, line) => sum + line.amount, 0);
}
