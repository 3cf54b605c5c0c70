import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';
import { Refusal } from '../refusals.ts';

/** Below it, of 0 to 4, zxcvbn finds a password in fewer than a hundred million guesses. */
const scoreMin = 3;

/** What it takes to judge grows with the square of the length; what is good so far is good. */
const judged = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: 64 });

/**
 * Refuses a password that is on the lists of those most used, is made of such, of runs on a keyboard, repetitions or dates,
 * or of the person's own login and name. NIST SP 800-63B, section 3.1.1.2 asks for a blocklist, and for nothing but length
 * beside it.
 * @throws Refusal `password-common`
 */
export function refuseCommonPassword(password: string, person: { login: string; name: string }): void {
  const { score } = judged.check(password.normalize('NFKC'), [person.login, person.name, 'jifen', '积分']);
  if (score < scoreMin) throw new Refusal('password-common');
}
