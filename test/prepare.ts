/**
 * Before tap runs: builds it without its TypeScript plugin, as .taprc asks. What npm installs has that plugin built in,
 * and would compile what Node runs as it stands. Once for each `npm ci`, which takes the marker away with everything else.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const marker = 'node_modules/.tap-is-built';
if (!existsSync(marker)) {
  execFileSync('tap', ['build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(marker, '');
}
