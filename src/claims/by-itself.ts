import { sql } from 'drizzle-orm';
import { refusalOfConstraint } from '../db/constraints.ts';
import type { Tx } from '../db/database.ts';
import { pgErrorOf } from '../db/line.ts';
import { Refusal } from '../refusals.ts';

/** Does one piece of a list by itself: what it is refused with is its answer, and it leaves nothing behind. */
export async function byItself<T>(tx: Tx, work: () => Promise<T>): Promise<T | Refusal> {
  await tx.execute(sql`savepoint piece`);
  try {
    const made = await work();
    await tx.execute(sql`release savepoint piece`);
    return made;
  } catch (error) {
    const refusal = error instanceof Refusal ? error : refusalOfConstraint(pgErrorOf(error)?.constraint ?? '');
    if (refusal === undefined) throw error;
    await tx.execute(sql`rollback to savepoint piece`);
    await tx.execute(sql`release savepoint piece`);
    return refusal;
  }
}
