import type { Sample } from '../sample-calls.ts';

export const claimsSamples: Record<string, Sample> = {};
