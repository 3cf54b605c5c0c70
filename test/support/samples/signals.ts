import type { Sample } from '../sample-calls.ts';

export const signalsSamples: Record<string, Sample> = {};
