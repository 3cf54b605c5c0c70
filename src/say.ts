import type { Soundness } from './verification/findings.ts';

export function say(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

/** Answers 1 for an unsound book, and 0 for a sound one. */
export function tellSoundness(
  village: string,
  { sound, number, headHash, rootHash, checks }: Soundness,
  kept: number,
): 0 | 1 {
  const comparison = kept === 0 ? '' : `, compared with ${kept} checkpoint${kept === 1 ? '' : 's'}`;
  say(
    `${village} ${sound ? 'sound' : 'UNSOUND'}, ${number} transactions, head ${headHash}, root ${rootHash}${comparison}\n`,
  );
  for (const { check, place, expected, found } of checks.flatMap(({ findings }) => findings)) {
    say(`  ${check}: ${place}: expected ${expected}, found ${found}\n`);
  }
  return sound ? 0 : 1;
}
