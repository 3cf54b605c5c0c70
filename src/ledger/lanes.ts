/**
 * Group commit. `run` does the work of many callers in one database transaction; while it is under way, whoever comes
 * waits, and all of them go with the next one. There are no timers: a caller who comes alone goes at once and alone, and
 * the more there are, the more share one commit. Answers a function that hands `item` to the lane of `key` and answers
 * what `run` answered for it.
 *
 * Why: a credit by itself costs eight round trips, a commit, and more time in getting ready than in posting. Sixteen
 * clients that share them cost less than sixteen direct calls of ledger.post (bench/README.md).
 *
 * @param run answers one outcome for each item, in order; when it throws, all of them fail with what it threw
 * @param lanes how many run beside each other; one key is always in the same one, so its callers stay in order
 * @param itemsMax most items of one run: what shares a database transaction holds its locks until the last is done
 */
export function openLanes<Item, Outcome>(
  run: (items: Item[]) => Promise<Outcome[]>,
  { lanes, itemsMax }: { lanes: number; itemsMax: number },
): (key: string, item: Item) => Promise<Outcome> {
  interface Waiting {
    item: Item;
    resolve: (outcome: Outcome) => void;
    reject: (error: unknown) => void;
  }
  const queues: (Waiting[] | undefined)[] = Array.from({ length: lanes });

  async function drain(lane: number, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, itemsMax);
      try {
        const outcomes = await run(batch.map(one => one.item));
        batch.forEach((one, index) => {
          one.resolve(outcomes[index]!);
        });
      } catch (error) {
        for (const one of batch) one.reject(error);
      }
    }
    queues[lane] = undefined;
  }

  return (key, item) =>
    new Promise((resolve, reject) => {
      const lane = laneOf(key, lanes);
      const waiting = { item, resolve, reject };
      const queue = queues[lane];
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      queues[lane] = [waiting];
      void drain(lane, queues[lane]);
    });
}

/** FNV-1a: keys that differ in their last digit fall into different lanes. */
function laneOf(key: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
}
