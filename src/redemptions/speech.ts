const digits = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/** A whole number from 0 up to 99,999,999 as it is read aloud: 15 十五, 110 一百一十, 10005 一万零五. */
export function spokenNumber(value: number): string {
  if (value === 0) return digits[0]!;
  const high = Math.floor(value / 10_000);
  const low = value % 10_000;
  const spoken = high === 0 ? spokenBelowTenThousand(low) : `${spokenBelowTenThousand(high)}万${rest(low)}`;
  return spoken.startsWith('一十') ? spoken.slice(1) : spoken;
}

function rest(low: number): string {
  if (low === 0) return '';
  return low < 1_000 ? `零${spokenBelowTenThousand(low)}` : spokenBelowTenThousand(low);
}

/** Zeros between digits are read once, zeros at the end never. */
function spokenBelowTenThousand(value: number): string {
  return [...String(value)]
    .map((digit, at, all) =>
      digit === '0' ? '零' : `${digits[Number(digit)]}${['', '十', '百', '千'][all.length - at - 1]}`,
    )
    .join('')
    .replace(/零+/g, '零')
    .replace(/零$/, '');
}
