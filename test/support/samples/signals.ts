import { at, get, placed, type Sample } from '../sample-calls.ts';

export const signalsSamples: Record<string, Sample> = {
  signalList: placed(async (_world, { village }) => get(`${at(village)}/signals?from=2026-11-01&to=2026-12-01`)),
};
