/**
 * What nobody should have to read in a refusal: places that were not filled, instants as machines write them, ranges of one
 * value, and, in Chinese, words of English or of the program. Empty when a person can read it. What a caller wrote is quoted
 * back as it was, and idempotency keys have no other name.
 */
export function unreadable(detail: string, language: 'zh' | 'en'): string[] {
  const text = detail.replaceAll(/(没有名为“|Unknown [a-z ]+: ).*?(”的|\.$)/g, '').replaceAll(/“[^”]*”填写了两次/g, '');
  const faults: [string, RegExp][] = [
    ['an unfilled place', /[{}?？]|undefined|null|NaN|\[object/],
    ['an instant of machines', /\d{4}-\d\d-\d\dT|\d\d:\d\d:\d\d/],
    ['an id', /[0-9a-f]{8}-[0-9a-f]{4}-/],
    ['a range of one value', /\b(\w+) ?(?:到|至|to|and) ?\1\b/],
    ['no full stop', /[^。.]$/],
  ];
  if (language === 'zh') {
    faults.push(['a word that is not Chinese', /[A-Za-z]{2,}/]);
    faults.push(['a date as machines write it', /(?<!例如 )\d{4}-\d\d-\d\d/]);
  } else {
    faults.push(['Chinese in English', /\p{Script=Han}/u]);
  }
  return faults.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${what}: ${detail}`);
}
