import type { Sample } from '../sample-calls.ts';

export const photosSamples: Record<string, Sample> = {};
