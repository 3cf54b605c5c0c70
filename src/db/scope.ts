/**
 * Which villages a database transaction may see: a division-code prefix of 2, 4, 6, 9 or 12 digits, or `none` for
 * tables that belong to no village.
 */
export type Scope = string;

export const none: Scope = 'none';
