/** How names and numbers of the register are compared and looked for. What was written stays as it was written. */

/** What does not count in a name: control and format characters, blanks, and the dots between its parts. */
const uncounted = /[\p{Cc}\p{Cf}\p{DI}\s.\u00b7\u16eb\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb\ua78f]/gu;

/**
 * A name as it is compared: 张　三 and 张三 are one, and so are the dots of 阿卜杜拉·买买提. `households.folded` says the same
 * in SQL; a test holds the two together.
 */
export function folded(name: string): string {
  const counted = name.normalize('NFKC').replace(uncounted, '').normalize('NFKC');
  return counted.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

/** A household number as it is compared: a spreadsheet drops leading zeros. `households.number_key` says the same in SQL. */
export function numberKey(number: string): string {
  return number.replace(/^([A-Z]?)0{1,8}(?=[0-9])/, '$1');
}
