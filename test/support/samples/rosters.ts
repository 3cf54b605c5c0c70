import type { Sample } from '../sample-calls.ts';

export const rostersSamples: Record<string, Sample> = {};
