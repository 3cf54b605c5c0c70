import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PhotoStore } from './photo-store.ts';

/** Photos in a folder of this machine, readable by the service's user alone. */
export function folderStore(folder: string): PhotoStore {
  return {
    async put(key, bytes) {
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const unfinished = join(dirname(path), `.${randomUUID()}`);
      try {
        await withFile(unfinished, 'wx', async file => {
          await file.writeFile(bytes);
          await file.sync();
        });
        await rename(unfinished, path);
        // The name of a file is written with its folder.
        await withFile(dirname(path), 'r', folder => folder.sync());
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },

    async get(key) {
      try {
        // Opened before it is answered: what is not there is known while there is still something to say.
        return (await open(join(folder, key), 'r')).createReadStream();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },

    remove: key => rm(join(folder, key), { force: true }),
  };
}

async function withFile(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}
