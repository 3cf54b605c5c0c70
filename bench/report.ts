import { apart, type MicrosFigure, type Ratio, type Spread } from './ratios.ts';

/** What `latest.json` holds, as far as it is printed. */
export interface Result {
  ratios: Record<string, Ratio>;
  [part: string]: unknown;
}

/** The ratios, next to those of an earlier result if there is one, and processor time by contestant. */
export function reportOf(result: Result, earlier?: Result): string {
  const ratios = earlier === undefined ? ratiosOf(result) : ratiosSince(result, earlier);
  return [ratios, microsTable(result)].filter(part => part !== '').join('\n\n');
}

function ratiosOf({ ratios }: Result): string {
  const rows = Object.entries(ratios).map(([name, { speed, processorTime }]) => [
    name,
    spreadText(speed),
    spreadText(processorTime),
  ]);
  return tableOf([['ratio (above 1: the first is better)', 'speed', 'processor time'], ...rows]);
}

function ratiosSince({ ratios }: Result, earlier: Result): string {
  const rows = Object.entries(ratios).flatMap(([name, now]) => {
    const before = earlier.ratios[name];
    if (before === undefined) return [];
    const pairs = [before.speed, now.speed, before.processorTime, now.processorTime];
    return [[name, ...pairs.map(spreadText), movedBetween(before, now)]];
  });
  const head = ['ratio (above 1: the first is better)', 'speed before', 'now', 'processor time before', 'now', 'moved'];
  return tableOf([head, ...rows]);
}

/** Which of the two moved further than its rounds did, and by how much; a plus is better for the first in both. */
export function movedBetween(before: Ratio, now: Ratio): string {
  const moved = (what: string, a: Spread | null, b: Spread | null) =>
    a !== null && b !== null && apart(a, b) ? [`${what} ${percentText(b.median / a.median)}`] : [];
  const all = [
    ...moved('speed', before.speed, now.speed),
    ...moved('processor time', before.processorTime, now.processorTime),
  ];
  return all.length === 0 ? 'neither' : all.join(', ');
}

function microsTable(result: Result): string {
  const rows = Object.values(result).flatMap(part =>
    microsIn(part).flatMap(({ unit, contestant, micros }) => {
      const { service, postgres, together, driver } = micros;
      const columns = [service, postgres, together, driver].map(value => (value === null ? '' : value.toFixed(1)));
      return [[`${unit}: ${contestant}`, ...columns]];
    }),
  );
  const head = ['processor time in µs', 'service', 'PostgreSQL', 'together', 'driver'];
  return rows.length === 0 ? '' : tableOf([head, ...rows]);
}

/** What a part of a result says of processor time: members called `microsPer…`. */
export function microsIn(part: unknown): { unit: string; contestant: string; micros: MicrosFigure }[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([unit, byContestant]: [string, Record<string, MicrosFigure | null>]) =>
    unit.startsWith('microsPer')
      ? Object.entries(byContestant).flatMap(([contestant, micros]) =>
          micros === null ? [] : [{ unit, contestant, micros }],
        )
      : [],
  );
}

export function spreadText(spread: Spread | null): string {
  return spread === null ? '–' : `${spread.median.toFixed(2)} (${spread.low.toFixed(2)} to ${spread.high.toFixed(2)})`;
}

function percentText(factor: number): string {
  const percent = Math.round(100 * (factor - 1));
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`;
}

/** Columns as wide as they must be; the first is set left, the others right. */
export function tableOf(rows: string[][]): string {
  const widths = rows[0]!.map((_, n) => Math.max(...rows.map(row => row[n]!.length)));
  return rows
    .map(row => row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join('  '))
    .join('\n');
}
