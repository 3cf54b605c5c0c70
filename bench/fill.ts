import type pg from 'pg';
import { dayOf, startOf, systemClock } from '../src/calendar.ts';
import { awardCommand } from './award-command.ts';
import { connectAsApp, type Fixture } from './fixture.ts';
import type { Village } from './town.ts';

const commandsPerList = 500;

export interface Fill {
  village: Village;
  transactions: number;
}

/**
 * Fills books with awards as fast as lists of `ledger.post` go, the largest first, each book by one connection. Their
 * days run from the one on which the villages opened up to yesterday. Answers the seconds it took.
 */
export async function fillBooks(fixture: Fixture, fills: Fill[], connections: number): Promise<number> {
  const begin = performance.now();
  const waiting = fills.toSorted((a, b) => b.transactions - a.transactions);
  const work = async () => {
    const client = await connectAsApp(fixture);
    // The service’s own limits are for people who wait.
    await client.query('set statement_timeout = 0; set transaction_timeout = 0');
    for (let fill = waiting.shift(); fill !== undefined; fill = waiting.shift()) await fillBook(client, fixture, fill);
    await client.end();
  };
  await Promise.all(Array.from({ length: connections }, work));
  return (performance.now() - begin) / 1000;
}

async function fillBook(client: pg.Client, fixture: Fixture, fill: Fill): Promise<void> {
  let posting: Promise<void> = Promise.resolve();
  for (const list of listsOf(fixture, fill)) {
    // The next list was made while PostgreSQL wrote this one.
    await posting;
    posting = postList(client, fill.village.village, list);
    posting.catch(() => undefined);
  }
  await posting;
}

/** Commands as JSON, a list at a time. */
function* listsOf({ staff, openedOn }: Fixture, { village, transactions }: Fill): Generator<string> {
  const first = Temporal.PlainDate.from(openedOn);
  const days = first.until(dayOf(systemClock.now())).days;
  const { households } = village;
  let list: string[] = [];
  for (let day = 0; day < days; day += 1) {
    const businessDate = first.add({ days: day });
    const occurredAt = startOf(businessDate).add({ hours: 9 }).toString({ fractionalSecondDigits: 3 });
    const until = Math.floor((transactions * (day + 1)) / days);
    for (let n = Math.floor((transactions * day) / days); n < until; n += 1) {
      const command = awardCommand(staff.clerk.id, village, households[n % households.length]!, {
        occurredAt,
        businessDate,
      });
      list.push(JSON.stringify(command));
      if (list.length < commandsPerList) continue;
      yield `[${list.join(',')}]`;
      list = [];
    }
  }
  if (list.length > 0) yield `[${list.join(',')}]`;
}

async function postList(client: pg.Client, village: string, list: string): Promise<void> {
  const { rows } = await client.query({
    name: 'fill',
    text: `select count(*)::int as refused, min(result::text) as first
             from jsonb_array_elements(ledger.post($1, $2::jsonb)) result where result ->> 'status' <> 'posted'`,
    values: [village, list],
  });
  if (rows[0].refused > 0) throw new Error(`a book could not be filled: ${rows[0].first}`);
}
