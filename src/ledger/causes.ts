/**
 * What a transaction was posted for, by its kind. A cause is unique per village and kind, for ever: whoever posts the
 * same again finds what stands, and whoever looks for a transaction of a business event asks for its cause. Written
 * here and nowhere else, for both.
 */
export const causes = {
  award: (awardId: string) => `award:${awardId}`,
  publicityRelease: (awardId: string) => `award:${awardId}:release`,
  arrears: (awardId: string) => `award:${awardId}:arrears`,
  /** Paid by hand. What is paid of points that come in has `income:<number>:<householdId>`, of its own making. */
  arrearsPayment: (paymentId: string) => `arrearsPayment:${paymentId}`,
  arrearsWaiver: (waiverId: string) => `arrearsWaiver:${waiverId}`,
  successorReturn: (awardId: string) => `award:${awardId}:successor`,
  /** The mirror of a transaction, by its number. */
  reversal: (number: number) => `reversal:${number}`,
  basePoints: (of: { period: string; householdId: string }) => `basePoints:${of.period}:${of.householdId}`,
  expiry: (of: { run: string; householdId: string }) => `expiry:${of.run}:${of.householdId}`,
  /** `run` is the year: it ends once, whatever becomes of its runs. */
  yearEnd: (of: { run: string; householdId: string }) => `yearEnd:${of.run}:${of.householdId}`,
  redemptionHold: (redemptionId: string) => `redemption:${redemptionId}:hold`,
  redemptionFulfil: (redemptionId: string) => `redemption:${redemptionId}:fulfil`,
  /** Reserved and fulfilled at once: what is handed over is handed over once, either way. */
  redemption: (redemptionId: string) => causes.redemptionFulfil(redemptionId),
  redemptionRelease: (redemptionId: string) => `redemption:${redemptionId}:release`,
  redemptionReturn: (returnId: string) => `return:${returnId}`,
  allowanceGrant: (allowanceId: string) => `allowance:${allowanceId}`,
  /** What is left of it; and later what an exchange gives back that was voided after its end, by that exchange. */
  allowanceReturn: (of: { allowanceId: string; redemptionId?: string }) =>
    of.redemptionId === undefined ? `allowance:${of.allowanceId}:return` : `redemption:${of.redemptionId}:allowance`,
  offlineRedemption: (redemptionId: string) => causes.redemptionFulfil(redemptionId),
  /** Goods for a household that the register does not know, by the operation's id. */
  offlineHandOver: (opId: string) => `op:${opId}:handOver`,
  offlineVoid: (opId: string) => `op:${opId}:void`,
  stockReceipt: (documentId: string) => `stockDocument:${documentId}`,
  stockIssue: (documentId: string) => `stockDocument:${documentId}`,
  stockTransfer: (documentId: string) => `stockDocument:${documentId}`,
  stockWriteOff: (documentId: string) => `stockDocument:${documentId}`,
  stockCount: (documentId: string) => `stockDocument:${documentId}`,
  householdSplit: (changeId: string) => `householdChange:${changeId}`,
  householdMerge: (changeId: string) => `householdChange:${changeId}`,
  inheritance: (changeId: string) => `householdChange:${changeId}`,
  lapse: (changeId: string) => `householdChange:${changeId}`,
  householdMoveOut: (changeId: string) => `householdChange:${changeId}`,
  /** Another village's closing transaction, which opens accounts here once. */
  householdMoveIn: (closing: { village: string; number: number }) => `moveOut:${closing.village}:${closing.number}`,
};

export type Kind = keyof typeof causes;
