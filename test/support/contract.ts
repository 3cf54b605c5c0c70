import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { build } from '../../src/app.ts';
import { systemClock } from '../../src/calendar.ts';
import { openBookSigner } from '../../src/checkpoints/signer.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { Jobs } from '../../src/db/jobs.ts';
import { factsOf } from '../../src/http/facts.ts';
import { quotasOf } from '../../src/http/limits.ts';
import { openKeys } from '../../src/identity/keys.ts';
import { openSealer } from '../../src/identity/sealing.ts';
import { folderStore } from '../../src/photos/folder-store.ts';
import { type RefusalCode, refusals } from '../../src/refusals.ts';

/** The contract as the routes make it. No request is answered, so no database is needed behind it. */
export async function contractText(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-keys-'));
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  const database = openDatabase('postgres://localhost/none', { onError: () => undefined });
  const app = await build({
    database,
    jobs: {} as Jobs,
    keys: openKeys(folder, systemClock),
    sealer: openSealer(folder),
    photos: folderStore(folder),
    signer: openBookSigner(folder, { origin: 'https://jifen.example', clock: systemClock }),
    clock: systemClock,
    origin: 'https://jifen.example',
    version,
    corsOrigins: [],
    quotas: quotasOf(600),
    tls: null,
    minClientVersion: null,
    pairingsPerHour: 10,
    trustProxy: false,
    bodyBaseMs: 30_000,
    eventLoopDelayMaxMs: 0,
    logger: pino({ level: 'silent' }),
  });
  await app.ready();
  const contract = app.swagger();
  await app.close();
  await database.close();
  await rm(folder, { recursive: true });
  return `${JSON.stringify(contract, null, 2)}\n`;
}

const pageUrl = new URL('../../openapi/README.md', import.meta.url);
const mark = '<!-- npm run openapi writes from here on -->\n';

/** The page beside the contract, with its table of errors as it has to be. */
export async function contractPage(): Promise<string> {
  const [prose] = (await readFile(pageUrl, 'utf8')).split(mark);
  const rows = (Object.keys(refusals) as RefusalCode[])
    .sort((a, b) => refusals[a].status - refusals[b].status || a.localeCompare(b))
    .map(code => {
      const { status, zh, en } = refusals[code];
      const members = Object.keys(factsOf[code] ?? {}).map(name => `\`${name}\``);
      return `| ${status} | \`${code}\` | ${zh} | ${en} | ${members.join(', ')} |`;
    });
  const head = '| Status | Code | 标题 | Title | Members of its own |\n|---|---|---|---|---|';
  return `${prose}${mark}\n${[head, ...rows].join('\n')}\n`;
}
