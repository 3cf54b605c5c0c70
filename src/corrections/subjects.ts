/** What can be corrected. */
export const subjectKinds = ['household', 'member', 'grid', 'store', 'goods', 'stockDocument'] as const;

export type SubjectKind = (typeof subjectKinds)[number];

/** One thing that was entered in a village. */
export interface Subject {
  village: string;
  kind: SubjectKind;
  /** Its id, or the number that stands for one within the village. */
  id: string;
  /** The household whose file it belongs to; null for what is the village’s. */
  householdId: string | null;
}
