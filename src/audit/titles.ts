import type { HouseholdPurpose } from '../ledger/accounts.ts';

const kinds: Record<string, string> = {
  award: '加分',
  deduction: '扣分',
  publicityRelease: '公示入账',
  redemption: '兑换',
  redemptionHold: '兑换预留',
  redemptionFulfil: '兑换领取',
  redemptionRelease: '取消预留',
  redemptionReturn: '兑换退回',
  allowanceGrant: '离线额度划出',
  allowanceReturn: '离线额度退回',
  offlineRedemption: '离线兑换',
  offlineHandOver: '离线发放（无此户）',
  offlineVoid: '撤销离线兑换',
  expiry: '积分到期',
  yearEnd: '年终清零',
  arrears: '欠分记账',
  arrearsPayment: '偿还欠分',
  arrearsWaiver: '免除欠分',
  basePoints: '基础分发放',
  householdSplit: '分户',
  householdMerge: '并户',
  householdMoveOut: '迁出',
  householdMoveIn: '迁入',
  inheritance: '继承',
  lapse: '销户失效',
  successorReturn: '承接户退回',
  stockReceipt: '入库',
  stockIssue: '活动领用',
  stockTransfer: '调拨',
  stockWriteOff: '报损',
  stockCount: '盘点差异',
  reversal: '冲正',
};

/** What the village calls a kind of transaction; one it has no word for keeps its own. */
export function kindTitle(kind: string): string {
  return kinds[kind] ?? kind;
}

export const purposeTitles: Record<HouseholdPurpose, string> = {
  available: '可用积分',
  pending: '公示中积分',
  held: '冻结积分',
  base: '基础分',
  honour: '荣誉积分',
  arrears: '欠分',
};

const heads: Record<string, string> = {
  issued: '积分发放',
  redeemed: '积分兑出',
  deducted: '扣分',
  expired: '到期清零',
  waived: '欠分免除',
  abroad: '外村迁移',
  allowance: '离线额度',
  offlineLoss: '离线兑换损失',
  shelf: '货架',
  reserved: '预留货品',
  supply: '进货',
  handedOut: '已发放货品',
  lost: '报损',
  countDifference: '盘点差异',
};

/** What the village calls an account, by its code. */
export function accountTitle(code: string): string {
  const [head, , purpose] = code.split(':');
  if (head === 'household') return purposeTitles[purpose as HouseholdPurpose] ?? code;
  return heads[head!] ?? code;
}
