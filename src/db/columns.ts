import { customType } from 'drizzle-orm/pg-core';

/** An instant: in TypeScript and JSON RFC 3339, UTC, three decimals; in PostgreSQL timestamptz(3). */
export const instant = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamptz(3)',
  fromDriver: text => new Date(text).toISOString(),
});

/** SHA-256 and the like. */
export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/** Order of a transaction, amount, balance: whole and within ±(2⁵³−1). */
export const whole = customType<{ data: number; driverData: number | string }>({
  dataType: () => 'bigint',
  fromDriver: value => Number(value),
});
