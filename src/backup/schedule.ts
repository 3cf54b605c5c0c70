import type { Logger } from 'pino';
import { type Clock, dayOf, zone } from '../calendar.ts';
import type { BackupSettings } from '../config.ts';
import type { Manifest } from './backup-set.ts';
import { prune } from './keep.ts';
import { makeBase } from './make-base.ts';
import { onSource, refuseMissing, type Source } from './source.ts';
import { releaseLog, takeLog } from './take-log.ts';

/** The village sleeps (Asia/Shanghai). */
const baseAt = Temporal.PlainTime.from('02:30');

/** Whoever starts the service wants to use it: the first round comes a moment later. */
const firstRoundAfterMs = 60_000;

const stopWithinMs = 5_000;

/** A base that failed is not begun anew with every round. */
const baseAgainAfter = { hours: 1 };

/** The backups that the service makes by itself. */
interface Backups {
  /** A round in a minute, and then every few minutes. */
  start(): void;
  /** Copies the log, and makes a base when one is due. A failure is logged, and not thrown: the next round comes. */
  round(): Promise<void>;
  /** Breaks off what is under way: the next start makes up for it. */
  stop(): Promise<void>;
}

/**
 * A base every night, and the log every few minutes. A base is due when the last one is of before the last half past two,
 * however many nights the machine was off; and when no log leads from it to now: at the first start, with another folder,
 * after a restore, or when the log was too much to be held.
 */
export function scheduleBackups(
  source: Source,
  settings: BackupSettings,
  { clock, log }: { clock: Clock; log: Logger },
): Backups {
  const ending = new AbortController();
  const { signal } = ending;
  let failedAt: Temporal.Instant | undefined;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const work = () =>
    onSource(source, signal, async client => {
      await refuseMissing(settings.backups);
      const reason = whyDue(await takeLog(client, source, settings), clock.now());
      if (reason === undefined) return;
      if (failedAt !== undefined && Temporal.Instant.compare(clock.now(), failedAt.add(baseAgainAfter)) < 0) return;
      failedAt = clock.now();
      const { folder, manifest } = await makeBase(client, source, { ...settings, signal });
      failedAt = undefined;
      await prune(source, folder, settings.keep);
      log.info({ reason, file: manifest.database.file, bytes: manifest.database.bytes }, 'backup made');
    });
  const round = (): Promise<void> => {
    running = running.then(() =>
      work().catch(error => {
        if (!signal.aborted) log.error({ err: error, folder: settings.backups }, 'backup failed');
      }),
    );
    return running;
  };
  const wait = (ms: number) => {
    timer = setTimeout(() => void round().then(() => signal.aborted || wait(settings.logMinutes * 60_000)), ms);
  };
  return {
    start: () => wait(firstRoundAfterMs),
    round,
    stop: () => {
      clearTimeout(timer);
      ending.abort();
      // A disk that answers no more, as on a network, must not keep the service from stopping.
      return Promise.race([running, new Promise<void>(resolve => setTimeout(resolve, stopWithinMs).unref())]);
    },
  };
}

function whyDue(base: Manifest | undefined, now: Temporal.Instant): string | undefined {
  if (base === undefined) return 'no base that the log leads from';
  if (Temporal.Instant.compare(Temporal.Instant.from(base.startedAt), lastNight(now)) < 0) return 'night';
  return undefined;
}

function lastNight(now: Temporal.Instant): Temporal.Instant {
  const tonight = dayOf(now).toZonedDateTime({ timeZone: zone, plainTime: baseAt }).toInstant();
  return Temporal.Instant.compare(tonight, now) <= 0 ? tonight : tonight.subtract({ hours: 24 });
}

/** Where no backups are to be made, PostgreSQL need not hold the log for them. A failure is logged, and not thrown. */
export function releaseBackups(source: Source, log: Logger): Promise<void> {
  return onSource(source, new AbortController().signal, releaseLog).catch(error => {
    log.error({ err: error }, 'log of the backups not released');
  });
}
