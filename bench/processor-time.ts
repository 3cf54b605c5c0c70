import { readdirSync, readFileSync } from 'node:fs';

/**
 * Microseconds of processor time that a program has used so far, in user and kernel mode together; null where the
 * operating system has no /proc to tell it.
 */
export type ProcessorClock = () => number | null;

/** This process alone: what it started is not in it. */
export const clockOfThis: ProcessorClock = () => {
  if (statOf('self') === undefined) return null;
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** What this process started and what has ended since. */
export const clockOfEnded: ProcessorClock = () => statOf('self')?.endedMicros ?? null;

/** Process `pid` and all that descends from it: what runs, and what has ended and was waited for. */
export function clockOfTree(pid: number): ProcessorClock {
  return () => {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const before = statOf(pid);
      if (before === undefined) return null;
      const micros = sumOfTree(pid, readProcesses());
      // A child that ended while we read has moved from its own account to that of its parent: it counted twice or never.
      if (statOf(pid)?.endedMicros === before.endedMicros) return micros;
    }
    throw new Error(`children of process ${pid} end faster than their processor time can be read`);
  };
}

const attemptsMax = 100;

interface Stat {
  parent: number;
  ownMicros: number;
  /** Of children that have ended and were waited for, and of theirs. */
  endedMicros: number;
}

/**
 * Source: proc_pid_stat(5). Its times are in clock ticks, of which Linux shows programs a hundred a second (USER_HZ)
 * whatever its own are; it counts in nanoseconds and cuts off.
 */
function statOf(pid: number | 'self'): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program stands in parentheses and may hold anything, even these.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = (n: number) => Number(fields[n - 3]) * 10_000;
    return { parent: Number(fields[1]), ownMicros: ticks(14) + ticks(15), endedMicros: ticks(16) + ticks(17) };
  } catch {
    // It has ended, or there is no /proc.
    return undefined;
  }
}

function readProcesses(): Map<number, Stat> {
  const processes = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^[0-9]+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) processes.set(Number(name), stat);
  }
  return processes;
}

function sumOfTree(root: number, processes: Map<number, Stat>): number {
  const children = Map.groupBy(processes.keys(), pid => processes.get(pid)!.parent);
  const sum = (pid: number): number => {
    const { ownMicros, endedMicros } = processes.get(pid) ?? { ownMicros: 0, endedMicros: 0 };
    return ownMicros + endedMicros + (children.get(pid) ?? []).reduce((total, child) => total + sum(child), 0);
  };
  return sum(root);
}
