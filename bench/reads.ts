import type { Callers } from './callers.ts';
import { asking, type Contestant, pick } from './race.ts';
import type { Village } from './town.ts';
import { expectStatus } from './wire.ts';

/** What a household has, through HTTP. */
export function balanceReads(callers: Callers, villages: Village[]): Contestant {
  return reads('balance', callers, villages, 'points');
}

/** The newest page (50 entries) of a household's passbook, through HTTP. */
export function pageReads(name: string, callers: Callers, villages: Village[]): Contestant {
  return reads(name, callers, villages, 'entries');
}

function reads(name: string, callers: Callers, villages: Village[], what: string): Contestant {
  return asking({
    name,
    unit: 'Read',
    program: callers.program,
    async once(client) {
      const { village, households } = pick(villages);
      const answer = await callers.get(client, `/v1/villages/${village}/households/${pick(households)}/${what}`);
      expectStatus(answer, 200);
    },
  });
}
