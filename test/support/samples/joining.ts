import type { Sample } from '../sample-calls.ts';

export const joiningSamples: Record<string, Sample> = {};
