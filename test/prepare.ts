/**
 * Before tap runs: builds it with the plugins that .taprc names. What npm installs has that of TypeScript built in, which
 * would compile what Node runs as it stands, and that of mocks, which takes every import through another thread. Once for
 * each `npm ci`, which takes the marker away with everything else, and again when .taprc is another.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const marker = 'node_modules/.tap-is-built';
const asked = readFileSync('.taprc', 'utf8');
if (!existsSync(marker) || readFileSync(marker, 'utf8') !== asked) {
  execFileSync('tap', ['build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(marker, asked);
}
