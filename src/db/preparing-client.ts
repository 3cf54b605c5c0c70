import { createHash } from 'node:crypto';
import pg from 'pg';

/** Texts beyond this many are sent unnamed: lists of every length make a new text each. */
const namesMax = 1_000;
const names = new Map<string, string>();

/**
 * A client that names every query with parameters after its text, so that PostgreSQL parses and plans it once for each
 * connection. The planning of one join under row-level security costs several times its execution: without this a credit
 * took four times as long.
 */
export class PreparingClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg declares a dozen forms of this one method
  override query(config: any, values?: any, callback?: any): any {
    const isPlain =
      typeof config === 'object' && typeof config.text === 'string' && typeof config.submit !== 'function';
    const parameters = Array.isArray(values) ? values : config?.values;
    if (!isPlain || config.name !== undefined || !(parameters?.length > 0))
      return super.query(config, values, callback);
    return super.query({ ...config, name: nameOf(config.text) }, values, callback);
  }
}

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= namesMax) return known;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 40);
  names.set(text, name);
  return name;
}
