/**
 * Group commit. `run` does the work of many callers in one database transaction; while one is under way, whoever comes
 * waits, and all of them go with the next. There are no timers: a caller who comes alone goes at once and alone, and the
 * more there are, the more share one commit. A further lane opens when as many wait as are under way: so one run is
 * judged by PostgreSQL while another is made ready or waits for the disk, and runs stay long, for it is the getting ready
 * that costs.
 *
 * Why: a credit by itself costs eight round trips, a commit, and more time in getting ready than in posting. Sixteen
 * clients that share them take less of the machine than sixteen direct calls of ledger.post (bench/README.md).
 *
 * @param run answers one outcome for each item, in order; when it throws, all of them fail with what it threw
 * @param lanes most runs beside each other
 * @param itemsMax most items of one run: what shares a database transaction holds its locks until the last is done
 */
export function openLanes<Item, Outcome>(
  run: (items: Item[]) => Promise<Outcome[]>,
  { lanes, itemsMax }: { lanes: number; itemsMax: number },
): (item: Item) => Promise<Outcome> {
  interface Waiting {
    item: Item;
    resolve: (outcome: Outcome) => void;
    reject: (error: unknown) => void;
  }
  const queue: Waiting[] = [];
  const underWay = new Set<Waiting[]>();

  function startWhatMay(): void {
    while (queue.length > 0 && mayStart()) void go(queue.splice(0, itemsMax));
  }

  function mayStart(): boolean {
    if (underWay.size === 0) return true;
    const longest = Math.max(...[...underWay].map(batch => batch.length));
    return underWay.size < lanes && queue.length >= longest;
  }

  async function go(batch: Waiting[]): Promise<void> {
    underWay.add(batch);
    try {
      const outcomes = await run(batch.map(one => one.item));
      batch.forEach((one, index) => {
        one.resolve(outcomes[index]!);
      });
    } catch (error) {
      for (const one of batch) one.reject(error);
    } finally {
      underWay.delete(batch);
      startWhatMay();
    }
  }

  return item =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      startWhatMay();
    });
}
