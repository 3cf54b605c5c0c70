/**
 * Words that fine people or cut lawful benefits. A rule with one of them would be unlawful, so it is not taken in.
 * Source: the 2020 national notice on village points, to be checked by someone qualified before it is relied on.
 */
const refusedTerms = [
  '罚款',
  '罚金',
  '罚没',
  '扣款',
  '扣钱',
  '低保',
  '停发',
  '扣发',
  '停保',
  '取消补贴',
  '取消补助',
  '取消救助',
  '取消待遇',
];

/** The refused words in a text, whatever spaces or full-width forms they hide behind. */
export function refusedTermsIn(text: string): string[] {
  const plain = text.normalize('NFKC').replace(/[\s\p{P}\p{Cf}]/gu, '');
  return refusedTerms.filter(term => plain.includes(term));
}
