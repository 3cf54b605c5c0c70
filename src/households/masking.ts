import type { Masks } from '../corrections/read.ts';

const graphemes = new Intl.Segmenter('zh', { granularity: 'grapheme' });

/**
 * 张三 → 张*, 张小三 → 张*三, 阿依古丽 → 阿**丽; a single character stays. Blanks and what cannot be seen are no characters:
 * else 张　三 would be shown as 张*三, with its whole name.
 */
export function maskName(name: string): string {
  const characters = Array.from(graphemes.segment(name.replace(/[\s\p{C}\p{DI}]/gu, '')), ({ segment }) => segment);
  if (characters.length <= 1) return characters.join('');
  if (characters.length === 2) return `${characters[0]}*`;
  return `${characters[0]}${'*'.repeat(characters.length - 2)}${characters.at(-1)}`;
}

/** 13812341234 → 138****1234; a short number hides all but its last two digits. */
export function maskPhone(phone: string): string {
  if (phone.length < 9) return '*'.repeat(phone.length - 2) + phone.slice(-2);
  return `${phone.slice(0, 3)}****${phone.slice(-4)}`;
}

/** What of a corrected file names a person, or where one lives. */
export const personalMasks: Masks = {
  'member.name': maskName,
  'member.phone': maskPhone,
  'member.idLast4': () => null,
  'household.address': () => null,
};
