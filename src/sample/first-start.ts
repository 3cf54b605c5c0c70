import { SingleBar } from 'cli-progress';
import { systemClock } from '../calendar.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import type { Sealer } from '../identity/sealing.ts';
import { sampleVillage } from './files.ts';
import { isEmpty, loadSample } from './load.ts';
import { keepSignIns, newSignIns, type SignIns, sampleStaff, signInsFile } from './sign-ins.ts';
import { keepTestHouseholds, type TestHousehold, testHouseholdsFile } from './test-households.ts';

/**
 * Loads the sample village into an empty embedded database; into an external one only with JIFEN_SAMPLE=on. Answers the
 * sign-ins that were made, or null when nothing was loaded.
 */
export async function loadOnFirstStart(
  config: Config,
  { database, sealer, jobs }: { database: Database; sealer: Sealer; jobs: Jobs },
): Promise<FirstStart | null> {
  const wanted = config.sample === 'on' || (config.sample === 'auto' && config.databaseUrl === '');
  if (!wanted || !(await database.inSnapshot(none, isEmpty))) return null;
  const signIns = newSignIns(config.samplePassword);
  const bar = new SingleBar({
    format: 'sample village {bar} {percentage}% {step}',
    noTTYOutput: true,
    notTTYSchedule: 1000,
  });
  bar.start(100, 0, { step: '' });
  try {
    let households: TestHousehold[] = [];
    const loaded = await loadSample({ database, clock: systemClock, sealer, jobs }, signIns, {
      // Kept first: a village whose passwords nobody knows would be worth nothing.
      begin: () => keepSignIns(config.dataDir, signIns),
      async keepTests(made) {
        households = made;
        await keepTestHouseholds(config.dataDir, made);
      },
      progress: (done, step) => bar.update(Math.round(done * 100), { step }),
    });
    return loaded ? { signIns, households } : null;
  } finally {
    bar.stop();
  }
}

/** What was made: who can sign in, and whose cards can be shown. */
interface FirstStart {
  signIns: SignIns;
  households: TestHousehold[];
}

/** What the operator reads once: where to look, and as whom. */
export function welcome(config: Config, address: string, { signIns, households }: FirstStart): string {
  const lines = sampleStaff.map(({ login, role }) => {
    const { password, totpSecret } = signIns[login]!;
    return `  ${login.padEnd(14)} ${role.padEnd(17)} ${password.padEnd(16)} ${totpSecret ?? ''}`.trimEnd();
  });
  return [
    '',
    `The sample village 封家湾社区 (${sampleVillage}) is loaded. Open ${address}/docs and sign in as:`,
    '',
    ...lines,
    '',
    'The last column is the secret of those who also need a verification code: add it to an authenticator app.',
    ...(households.length === 0 ? [] : householdLines(households, testHouseholdsFile(config.dataDir))),
    `${config.samplePassword === '' ? 'All of this was generated just now and is' : 'All of this is'} stored in ${signInsFile(config.dataDir)}.`,
    'Next, take the tour in README.md or run npm run sample:month.',
    '',
    '',
  ].join('\n');
}

/** What the households show: the counter takes it at any hour. */
function householdLines(households: TestHousehold[], file: string): string[] {
  return [
    'Try a kiosk or the counter with these households. The store is open at any hour:',
    '',
    ...households.map(({ number, card, pin, order }) => {
      const waiting = order === null ? '' : `order ${order.number} waits, pick-up code ${order.pickupCode}`;
      return `  ${number}  card ${card}  ${pin === null ? 'no PIN    ' : `PIN ${pin}`}  ${waiting}`.trimEnd();
    }),
    '',
    `They are stored in ${file}.`,
  ];
}
