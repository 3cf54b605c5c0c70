import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digests } from '../../src/db/migrate.ts';

/** The digests of the last release’s migrations, a line for each as `sha256sum` writes it. */
export const releasedFile = 'released.txt';

/** Names of the migrations in `folder` that were released and are not as they were, or not there. */
export async function changedSinceRelease(folder: string): Promise<string[]> {
  const now = await digests(folder);
  const released = (await readFile(join(folder, releasedFile), 'utf8')).trimEnd().split('\n');
  return released
    .map(line => line.split('  ') as [string, string])
    .filter(([sha256, file]) => now.get(file.replace('.sql', '')) !== sha256)
    .map(([, file]) => file);
}
