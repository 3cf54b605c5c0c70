// Runs as a part of `npm version`: writes down what the migrations say in this release. From then on they never change.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digests, migrationsFolder } from '../src/db/migrate.ts';
import { changedSinceRelease, releasedFile } from '../test/support/released.ts';

const changed = await changedSinceRelease(migrationsFolder);
if (changed.length > 0) throw new Error(`Released before, and changed since: ${changed.join(', ')}. Put them back.`);
const lines = [...(await digests(migrationsFolder))].map(([name, sha256]) => `${sha256}  ${name}.sql\n`);
await writeFile(join(migrationsFolder, releasedFile), lines.join(''));
