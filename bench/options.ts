import { parseArgs } from 'node:util';
import type { Pace } from './race.ts';

export const parts = ['credit', 'batch', 'redeem', 'read', 'export', 'verify', 'claims', 'growth'] as const;
export type Part = (typeof parts)[number];

export interface Options {
  quick: boolean;
  only: Part[];
  pace: Pace;
  villages: number;
  households: number;
  /** Scale of the TPC-B tables, as pgbench counts it. */
  scale: number;
  /** Transactions of the book that is exported and verified. */
  book: number;
  /** Claims that go through review and publicity. */
  claims: number;
  /** Transactions of the large database of the growth part. */
  growth: number;
  /** A kept result to compare the new one with. */
  against?: string;
}

/** What the command line asks for. @throws Error that says what is wrong with it */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      villages: { type: 'string' },
      households: { type: 'string', default: '100' },
      scale: { type: 'string' },
      book: { type: 'string' },
      claims: { type: 'string' },
      growth: { type: 'string', default: '5000000' },
      against: { type: 'string' },
    },
  });
  const { quick } = values;
  return {
    quick,
    only: values.only === undefined ? parts.filter(part => !quick || part !== 'growth') : partsOf(values.only),
    pace: {
      rounds: whole('rounds', values.rounds ?? (quick ? '3' : '5')),
      seconds: whole('seconds', values.seconds ?? (quick ? '2' : '5')),
    },
    villages: whole('villages', values.villages ?? (quick ? '200' : '1000')),
    households: whole('households', values.households),
    scale: whole('scale', values.scale ?? (quick ? '16' : '32')),
    book: whole('book', values.book ?? (quick ? '100000' : '1000000')),
    claims: whole('claims', values.claims ?? (quick ? '1000' : '5000')),
    growth: whole('growth', values.growth),
    ...(values.against !== undefined && { against: values.against }),
  };
}

function partsOf(text: string): Part[] {
  return text.split(',').map(name => {
    const part = parts.find(one => one === name);
    if (part === undefined) throw new Error(`There is no part ${name}. There are: ${parts.join(', ')}`);
    return part;
  });
}

function whole(name: string, text: string): number {
  if (!/^[1-9][0-9]*$/.test(text)) throw new Error(`--${name} is a whole number from 1: ${text}`);
  return Number(text);
}
