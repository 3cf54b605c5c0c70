/** When the store is open: each week on a day (1 Monday … 7 Sunday), or each month on one. Times of day in Asia/Shanghai. */
export interface ExchangeDay {
  weekday: number | null;
  dayOfMonth: number | null;
  opens: string;
  closes: string;
}

/** What a village has decided about itself. Points are whole, lengths of time are named by their unit. */
export interface PolicySettings {
  /** Days on the notice board before a direct award can be spent: 0, or 3 to 7. */
  directAwardPublicityDays: number;
  /** Most points of one direct award; above it must be a claim. */
  directAwardMaxPoints: number;
  /** How many days an award or a redemption may be entered after it happened. */
  backdateDays: number;
  /** Most points that one person alone may award a household for a day; what others decided on does not count. */
  householdDayMaxPoints: number;
  /** The same at a kiosk, where a household could choose a day on which the store was open: 0 means only today. */
  kioskBackdateDays: number;
  /** Redemptions of one household a day. */
  redemptionsPerDay: number;
  exchangeDays: ExchangeDay[];
  /** Visits of the whole village on one exchange day; null for no limit. */
  exchangeDayMaxVisits: number | null;
  /** How long a reservation at the counter holds points and goods. */
  reservationMinutes: number;
  /** How long a reservation for later pick-up holds them. */
  pickupDays: number;
  /** How many days after the hand-over goods may come back. */
  returnDays: number;
  /** Wrong PINs until a clerk has to unlock it. */
  pinTries: number;
  /** Redemptions above this many points need the PIN at a kiosk. */
  pinAbovePoints: number;
  /** Points can be spent until the end of the month so many months after the one they count for; null: for ever. */
  expiryMonths: number | null;
  /** What happens to spendable points in winter: kept, cleared, or kept up to `yearEndCapPoints`. */
  yearEnd: 'carry' | 'clear' | 'cap';
  yearEndCapPoints: number | null;
  /** How many days points that will expire are on the notice before they do. */
  expiryNoticeDays: number;
  /** When an award is reversed whose points are spent: take what is there and record the rest, or refuse. */
  arrears: 'floorAndRecord' | 'reject';
  /** Points that every household is given and cannot spend; 0: none. */
  basePoints: number;
  basePeriod: 'once' | 'month' | 'year';
  /** What a point is worth. */
  pointValueFen: number;
  /** The fund that stands behind the points, and its money for a calendar year; null: no bound. */
  issuingFund: string | null;
  issuingBudgetFen: number | null;
  /** Full days on the notice board for what claims and rounds have earned: 3 to 7. */
  publicityDays: number;
  /** Who looks at a claim before it earns: a first reviewer, the panel, or one after the other. */
  reviewSteps: 'firstReviewAndPanel' | 'firstReview' | 'panel';
  /** Votes that a panel gives on a claim: 3 to 5. */
  panelSize: number;
  /** A claim worth as much, or with points set by hand, needs a second person one level up. */
  secondApproverFromPoints: number;
  /** Whether all of the village's staff sign in with a second factor, and not only those whose role asks for it. */
  secondFactorForAllStaff: boolean;
  /** Most points of a household that lie with a kiosk to be spent without a network; 0: none ever do. */
  offlineMaxPoints: number;
  /** Exchanges that may be made of them. */
  offlineMaxRedemptions: number;
  /** How long they may be spent there. */
  offlineHours: number;
  /** Households for which one person may fetch goods in a day; 0: nobody fetches for another household. */
  proxyHouseholdsPerDay: number;
}

/** What holds where a village has decided nothing. */
export const defaultPolicy: PolicySettings = {
  directAwardPublicityDays: 3,
  directAwardMaxPoints: 10,
  backdateDays: 3,
  kioskBackdateDays: 0,
  householdDayMaxPoints: 30,
  redemptionsPerDay: 1,
  exchangeDays: [{ weekday: 5, dayOfMonth: null, opens: '09:00', closes: '11:00' }],
  exchangeDayMaxVisits: null,
  reservationMinutes: 15,
  pickupDays: 7,
  returnDays: 7,
  pinTries: 5,
  pinAbovePoints: 50,
  expiryMonths: null,
  yearEnd: 'carry',
  yearEndCapPoints: null,
  expiryNoticeDays: 60,
  arrears: 'floorAndRecord',
  basePoints: 0,
  basePeriod: 'once',
  pointValueFen: 100,
  issuingFund: null,
  issuingBudgetFen: null,
  publicityDays: 3,
  reviewSteps: 'firstReviewAndPanel',
  panelSize: 3,
  secondApproverFromPoints: 30,
  secondFactorForAllStaff: false,
  offlineMaxPoints: 30,
  offlineMaxRedemptions: 2,
  offlineHours: 72,
  proxyHouseholdsPerDay: 3,
};

/** Most points that the village has money for in a calendar year; null: no bound. */
export function yearlyPointsMax(policy: Pick<PolicySettings, 'issuingBudgetFen' | 'pointValueFen'>): number | null {
  return policy.issuingBudgetFen === null ? null : Math.floor(policy.issuingBudgetFen / policy.pointValueFen);
}

/** Settings that came later: whoever does not say them has the default. */
export type LaterSettings =
  | 'expiryMonths'
  | 'yearEnd'
  | 'yearEndCapPoints'
  | 'expiryNoticeDays'
  | 'arrears'
  | 'basePoints'
  | 'basePeriod'
  | 'pointValueFen'
  | 'issuingFund'
  | 'issuingBudgetFen'
  | 'publicityDays'
  | 'reviewSteps'
  | 'panelSize'
  | 'secondApproverFromPoints'
  | 'secondFactorForAllStaff'
  | 'offlineMaxPoints'
  | 'offlineMaxRedemptions'
  | 'offlineHours'
  | 'proxyHouseholdsPerDay';
