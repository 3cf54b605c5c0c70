import { parse } from 'csv-parse/sync';
import type { RuleDraft } from './rule-draft.ts';
import type { CapPeriod } from './tables.ts';

/**
 * Rules out of a table with the columns of sample/rules.csv. Negative points make a deduction. What the table does not
 * say is cautious: every rule stands on the notice board, and every award earns honour.
 * @throws Error naming the line that does not fit
 */
export function importRules(csvText: string): RuleDraft[] {
  const rows: Record<string, string>[] = parse(csvText, { columns: true, bom: true, skip_empty_lines: true });
  return rows.map((row, index) => {
    // The heading is line 1.
    const text = (name: string) => fieldOf(row, name, index + 2);
    const points = wholeOf(text('points'), 'points', index + 2);
    const capTimes = text('cap_times') === '' ? null : wholeOf(text('cap_times'), 'cap_times', index + 2);
    return {
      code: text('code'),
      category: text('category_name'),
      title: text('title'),
      titleEn: text('title_en') || null,
      points: Math.abs(points),
      direction: points < 0 ? 'deduction' : 'award',
      unit: text('unit'),
      capTimes,
      capPeriod: (text('cap_period') || null) as CapPeriod | null,
      capScope: text('cap_scope') as 'household' | 'member',
      evidence: listOf(text('evidence')).map(camelCase),
      excludes: listOf(text('excludes')),
      highestOnlyGroup: text('highest_only_group') || null,
      honour: points > 0,
      publicity: 'required',
    };
  });
}

function fieldOf(row: Record<string, string>, name: string, line: number): string {
  const value = row[name];
  if (value === undefined) throw new Error(`line ${line}: no column ${name}`);
  return value.trim();
}

function wholeOf(text: string, name: string, line: number): number {
  if (!/^-?[1-9][0-9]{0,5}$/.test(text)) throw new Error(`line ${line}: ${name} is not a whole number: ${text}`);
  return Number(text);
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(';').map(part => part.trim());
}

/** sign_in → signIn, as values are written in the contract. */
function camelCase(text: string): string {
  return text.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
