import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeviceKey } from './device-key.ts';

/** What the replay has to remember, as kiosks and households would: keys, refresh tokens and card codes. */
export interface Kept {
  devices: Record<string, { privateKey: DeviceKey['privateKey']; refreshToken: string }>;
  cards: Record<string, string>;
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'sample', 'month.json');
}

export async function readMonth(dataDir: string): Promise<Kept> {
  try {
    return { devices: {}, ...JSON.parse(await readFile(fileOf(dataDir), 'utf8')) };
  } catch {
    return { devices: {}, cards: {} };
  }
}

/** Written to another file and renamed, so that an interrupted replay leaves the old file or the new one. */
export async function keepMonth(dataDir: string, kept: Kept): Promise<void> {
  const file = fileOf(dataDir);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
