import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';

/** One row of a file in `sample/`, by column. sample/README.md says what the columns mean. */
export type Row = Record<string, string>;

/** Reads a CSV file of the sample village. */
export async function readSample(name: string): Promise<Row[]> {
  return parse(await readSampleText(name), { columns: true, skip_empty_lines: true });
}

export async function readSampleText(name: string): Promise<string> {
  return readFile(new URL(`../../sample/${name}`, import.meta.url), 'utf8');
}

/** The village that the households and events belong to. */
export const sampleVillage = '520281127101';
