import type { Grade } from './tables.ts';

/** Judges whose figures a household needs before it is graded. */
export const judgesNeeded = 2;

/**
 * The mean of totals in hundredths, rounded half up. With at most seven judges and whole thresholds the rounding moves no
 * household over one: the next mean below a whole number is a seventh away.
 */
export function averageOf(totals: readonly number[]): number {
  const sum = totals.reduce((all, total) => all + total, 0);
  return Math.floor((200 * sum + totals.length) / (2 * totals.length));
}

/** The place of the highest grade that these totals reach, or null. Grades stand with the highest first. */
export function gradeOf(grades: readonly Grade[], totals: readonly number[]): number | null {
  const place = grades.findIndex(grade => averageOf(totals) >= 100 * grade.averageMin);
  return place === -1 ? null : place;
}
