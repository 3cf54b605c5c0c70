import type { Callers } from './callers.ts';
import type { Fixture } from './fixture.ts';
import { onClient } from './fixture.ts';
import { asking, type Contestant, pick } from './race.ts';
import { expectStatus } from './wire.ts';

const linesPerSheet = 500;
/** An award with honour is two transfers of the book: points and honour. */
export const transfersPerLine = 2;

/** Sheets of awards through HTTP, a few at once, counted in transfers. */
export function batchCredits(callers: Callers, fixture: Fixture): Contestant & { transfers(): number } {
  let sheets = 0;
  return asking({
    name: 'batch',
    unit: 'Transfer',
    program: callers.program,
    clients: 4,
    perCall: linesPerSheet * transfersPerLine,
    async once(client) {
      const { village, rule, households } = pick(fixture.villages);
      const line = () => ({ ruleId: rule.id, householdId: pick(households), quantity: 1 });
      const body = JSON.stringify({ mode: 'perItem', items: Array.from({ length: linesPerSheet }, line) });
      const answer = await callers.post(client, `/v1/villages/${village}/awards/batch`, body);
      expectStatus(answer, 207);
      if (!answer.body.includes(`"succeeded":${linesPerSheet},`)) throw new Error('a line of a sheet was refused');
      sheets += 1;
    },
    transfers: () => sheets * linesPerSheet * transfersPerLine,
  });
}

/** Transfers in all books. */
export function countTransfers(fixture: Fixture): Promise<number> {
  return onClient(fixture.ownerUrl, async client =>
    Number((await client.query('select count(*) from ledger.transfer')).rows[0].count),
  );
}
