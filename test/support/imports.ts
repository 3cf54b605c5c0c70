/**
 * Loaded before every test file of `npm test`: finds the modules of two packages without asking the disk. For each import,
 * Node parses the package.json around it again, 180 kB in drizzle-orm, and looks for the file, of which typebox has hundreds:
 * more than half of the processor time in which a process loads the service. Both name what they import from themselves
 * by its path.
 */
import { type ResolveFnOutput, registerHooks } from 'node:module';

const inside = /\/node_modules\/(?:drizzle-orm|typebox)\//;
const found = new Map<string, ResolveFnOutput>();

registerHooks({
  resolve(specifier, context, resolve) {
    const { parentURL } = context;
    if (parentURL !== undefined && /^\..*\.m?js$/.test(specifier) && inside.test(parentURL))
      return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true };
    if (!specifier.startsWith('drizzle-orm')) return resolve(specifier, context);
    const known = found.get(specifier) ?? resolve(specifier, context);
    found.set(specifier, known);
    return { ...known, shortCircuit: true };
  },
});
