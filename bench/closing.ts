import { setTimeout as wait } from 'node:timers/promises';
import { type ClaimsVillage, clientOf } from './claims.ts';
import { redemptions } from './redemptions.ts';
import { expectStatus } from './wire.ts';

/** How long a notice took to close, and how long each redemption waited: meanwhile, and afterwards, all else at rest. */
export interface Closing {
  seconds: number;
  whileClosing: number[];
  alone: number[];
}

/** Closes a notice while goods are handed over at every counter, and lets the counters go on alone for as long. */
export async function closeAmongRedemptions(place: ClaimsVillage, noticeId: string): Promise<Closing> {
  const busy = openCounters(place);
  // The counters are at it when closing begins.
  await wait(300);
  busy.forget();
  const seconds = await closeNotice(place, noticeId);
  const whileClosing = await busy.shut();
  const quiet = openCounters(place);
  await wait(1000 * Math.max(seconds, 1));
  return { seconds, whileClosing, alone: await quiet.shut() };
}

/**
 * Ends a notice and closes it as a secretary does, who waits for the rest of it in the database. Answers seconds.
 */
export async function closeNotice(place: ClaimsVillage, noticeId: string): Promise<number> {
  const { owner, callers } = place;
  const { village } = place.village;
  await endNotice(place, noticeId);
  const begin = performance.now();
  expectStatus(await callers.post(clientOf.secretary, `/v1/villages/${village}/notices/${noticeId}/close`, '{}'), 200);
  for (;;) {
    const asked = await owner.query({
      text: 'select state from publicity.notice where village = $1 and id = $2',
      values: [village, noticeId],
    });
    const seconds = (performance.now() - begin) / 1000;
    if (asked.rows[0].state === 'closed') return seconds;
    if (seconds > 120) throw new Error('a notice does not close');
    await wait(10);
  }
}

/**
 * The service has the clock of the machine, which nobody turns: instead the notice is made to have ended a month ago, and
 * the job that waits for its end to be due.
 */
async function endNotice({ owner, village: { village } }: ClaimsVillage, noticeId: string): Promise<void> {
  await owner.query('begin');
  await owner.query({
    text: `update publicity.notice
              set starts_on = starts_on - 30, ends_at = (starts_on - 30 + days)::timestamp at time zone 'Asia/Shanghai'
            where village = $1 and id = $2`,
    values: [village, noticeId],
  });
  await owner.query({ text: 'update jobs.job set start_after = now() where singleton_key = $1', values: [noticeId] });
  await owner.query('commit');
}

/** Counters that each hand goods over, one household after another. */
function openCounters({ callers, shop }: ClaimsVillage) {
  const { once } = redemptions(callers, [shop]);
  let open = true;
  let waits: number[] = [];
  const counter = async (client: number) => {
    while (open) {
      const begin = performance.now();
      await once(client);
      waits.push(performance.now() - begin);
    }
  };
  const counters = Promise.all(clientOf.counters.map(counter));
  return {
    forget() {
      waits = [];
    },
    /** Answers how long each redemption waited. */
    async shut(): Promise<number[]> {
      open = false;
      await counters;
      return waits;
    },
  };
}
