/**
 * Which villages a database transaction may see: a division-code prefix of 2, 4, 6, 9 or 12 digits, or `none` for
 * tables that belong to no village.
 */
export type Scope = string;

export const none: Scope = 'none';

/**
 * `SET LOCAL` takes no parameters, so this one function checks the digits and alone writes the text. Never a plain `SET`:
 * a pooler would hand the scope to the next caller.
 */
export function scopeStatement(scope: Scope): string {
  if (scope === none) return "set local jifen.scope = ''";
  if (!/^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$/.test(scope)) throw new Error(`not a scope: ${scope}`);
  return `set local jifen.scope = '${scope}'`;
}

/** The narrowest scope that holds all of these villages. @throws Error when they have not even the province in common */
export function commonScope(villages: readonly string[]): Scope {
  const [first] = villages;
  const scope = [12, 9, 6, 4, 2]
    .map(digits => first!.slice(0, digits))
    .find(prefix => villages.every(village => village.startsWith(prefix)));
  if (scope === undefined) throw new Error('villages without a common scope');
  return scope;
}
