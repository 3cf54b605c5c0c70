import type { Sample } from '../sample-calls.ts';

export const evaluationsSamples: Record<string, Sample> = {};
