/*
 * Words that fine people or cut lawful benefits. A rule with one of them would be unlawful, so it is not taken in.
 * Source: the 2020 national notice on village points, to be checked by someone qualified before it is relied on.
 */

const fines = /罚款|罚金|罚没|罚钱|扣款|扣钱|扣工资|停发|扣发|停保|违约金|罚单/g;
/** 罚50元, 扣二十块, 罚50 without a unit: money, and not points. */
const sums = [
  /[罚扣](?:人民币)?[\d一二三四五六七八九十百千万两]+(?:[元块]|rmb)/gi,
  /罚(?:人民币)?[\d一二三四五六七八九十百千万两]+(?![\d一二三四五六七八九十百千万两]|分)/g,
];

const benefits =
  '(?:低保|五保|特困|医保|社保|养老金|养老保险|补贴|补助|救助|抚恤金?|待遇|福利|惠农|粮补|救济|保险金|工资)';
const cuts =
  '取消|停止|停发|扣发|扣减|扣除|减发|减少|削减|核减|降低|缓发|暂缓|限制|剥夺|收回|追回|没收|冻结|终止|不再享受|不得享受|不得领取|不得申领|不得申请|不予';
/** A benefit by itself may be spoken of: visiting those who live on one is a good deed. */
const benefitCuts = [
  new RegExp(`(?:${cuts}).{0,6}?${benefits}`, 'g'),
  new RegExp(`[停扣减]了?${benefits}`, 'g'),
  // Words that mean it only right before or after a benefit.
  new RegExp(`(?:不发|不给|不再发|不评|剔除|踢出)(?:放|给|其)?${benefits}`, 'g'),
  new RegExp(`${benefits}(?:一律)?(?:不发|不给|不再发|减半|扣一半)`, 'g'),
  new RegExp(`${benefits}(?:资格|名额|标准|金)?(?:予以|一律)?(?:${cuts})`, 'g'),
];

const english = [
  // Fine arts and fine weather cost nobody anything.
  /\bfin(?:es?|ed|ing)\b(?! (?:arts?|weather|dust|dining|print|tuning|days?))/g,
  /\bpenal(?:ty|ties|i[sz]e[ds]?|i[sz]ing)\b/g,
  /\bforfeit\w*/g,
  /\b(?:deduct|cut|stop|cancel|withhold|withdraw|suspend|revoke|reduc|dock|halt|remov|den(?:y|ie)|los[est])\w*(?: \w+){0,3} (?:allowances?|subsid(?:y|ies)|benefits?(?! of)|pensions?|welfare|wages?|salar(?:y|ies)|stipends?|relief|insurance|dibao)\b/g,
  /\b(?:deduct|withh)\w*(?: \w+){0,6} (?:allowances?|subsid(?:y|ies)|pensions?|welfare|wages?|salar(?:y|ies))\b/g,
  /\b(?:deduct|dock|charg)\w{0,20}(?: \w{1,20}){0,2} (?:yuan|rmb|cny|cash|money)\b/g,
  // 罚款, 扣款 and 扣钱 in Latin letters.
  /\bfa ?kuan\b/g,
  /\bkou ?(?:kuan|qian)\b/g,
];

/** Traditional characters of the words above. */
const simplified = new Map(
  [
    ...'罰罚沒没錢钱發发補补貼贴濟济銷销減减險险養养醫医資资剝剥奪夺撫抚凍冻領领請请農农糧粮塊块兩两萬万終终緩缓暫暂'.matchAll(
      /(.)(.)/gu,
    ),
  ].map(([, from, to]) => [from!, to!] as const),
);

/**
 * The refused words in a text, as they were found: each once, and none that is part of another. Spaces, punctuation and
 * invisible characters between, full-width forms, accents and traditional characters do not hide them.
 */
export function refusedTermsIn(text: string): string[] {
  const bare = text.normalize('NFKD').replace(/[\p{M}\p{Cf}]/gu, '');
  const chinese = [...bare.replace(/[\s\p{P}\p{S}]/gu, '')].map(letter => simplified.get(letter) ?? letter).join('');
  // «f.i.n.e» is one word.
  const latin = bare
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\b([a-z]) (?=[a-z]\b)/g, '$1');
  const found = new Set([
    ...[fines, ...sums, ...benefitCuts].flatMap(pattern => chinese.match(pattern) ?? []),
    ...english.flatMap(pattern => latin.match(pattern) ?? []),
  ]);
  return [...found].filter(term => ![...found].some(other => other !== term && other.includes(term)));
}
