import type { Sample } from '../sample-calls.ts';

export const rulesSamples: Record<string, Sample> = {};
