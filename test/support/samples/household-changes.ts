import type { Sample } from '../sample-calls.ts';

export const householdChangesSamples: Record<string, Sample> = {};
