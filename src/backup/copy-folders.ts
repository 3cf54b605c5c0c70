import { join } from 'node:path';
import type { FileList } from './backup-set.ts';
import type { Source } from './source.ts';
import { listFiles, listStored, storeUnchanging } from './stored-file.ts';

/**
 * Copies what is new among keys and photos, neither of which ever changes. Done after a part of the log is complete and
 * before its last segment is copied: a photo is written before its row, so that each row in a copied log has its photo.
 * Answers what is there now, as it is stored.
 */
export async function copyFolders({ folders }: Source, folder: string, recipient: string | null): Promise<FileList> {
  const copy = async (place: 'keys' | 'photos'): Promise<string[]> => {
    const from = folders[place];
    if (from === null) return [];
    const there = new Map((await listStored(folder, place)).map(({ name, file }) => [name, file]));
    const all: string[] = [];
    for (const path of await listFiles(from)) {
      const name = `${place}/${path}`;
      const stored = there.get(name);
      if (stored !== undefined) all.push(stored);
      else all.push(...(await storeIfThere(folder, name, join(from, path), recipient)));
    }
    return all;
  };
  return { keys: await copy('keys'), photos: await copy('photos') };
}

/** A photo may be removed at any time. */
async function storeIfThere(folder: string, name: string, path: string, recipient: string | null): Promise<string[]> {
  try {
    return [await storeUnchanging(folder, name, path, recipient)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
