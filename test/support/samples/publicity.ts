import type { Sample } from '../sample-calls.ts';

export const publicitySamples: Record<string, Sample> = {};
