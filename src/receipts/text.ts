import stringWidth from 'string-width';

/** What a receipt is made of, for printers and screens of any kind. Widths count columns; wide characters take two. */
export type Block =
  | { kind: 'text'; align: 'left' | 'center' | 'right'; size: number; text: string }
  | { kind: 'row'; cells: Cell[] }
  | { kind: 'rule' }
  | { kind: 'qr'; text: string }
  | { kind: 'feed'; lines: number }
  | { kind: 'cut' };

interface Cell {
  text: string;
  width: number;
  align?: 'left' | 'right';
}

/** Columns of the paper: rolls of 58 mm have 32, those of 80 mm 48. */
export type Columns = 32 | 48;

/** The blocks as lines of text of at most `columns`; wide (UAX #11, W and F) characters take two. */
export function printed(blocks: readonly Block[], columns: Columns): string {
  return blocks
    .flatMap(block => linesOf(block, columns))
    .map(line => `${line.trimEnd()}\n`)
    .join('');
}

function linesOf(block: Block, columns: Columns): string[] {
  switch (block.kind) {
    case 'text':
      return wrap(block.text, columns).map(line => padded(line, columns, block.align));
    case 'row':
      return rowLines(block.cells).map(cells => cells.map(padCell).join(''));
    case 'rule':
      return ['-'.repeat(columns)];
    default:
      return [];
  }
}

function padCell({ text, width, align }: Cell): string {
  return padded(text, width, align ?? 'left');
}

/** Cells side by side, line by line; what does not fit into its cell goes on in the next line. */
export function rowLines(cells: readonly Cell[]): Cell[][] {
  const wrapped = cells.map(cell => wrap(cell.text, cell.width));
  const height = Math.max(...wrapped.map(lines => lines.length));
  return Array.from({ length: height }, (_, at) =>
    cells.map((cell, column) => ({ ...cell, text: wrapped[column]![at] ?? '' })),
  );
}

/** A text in lines of at most `width` columns. It breaks anywhere, as Chinese does. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const character of text) {
    if (stringWidth(line + character) > width) {
      lines.push(line);
      line = '';
    }
    line += character;
  }
  return [...lines, line];
}

function padded(text: string, width: number, align: 'left' | 'center' | 'right'): string {
  const room = Math.max(0, width - stringWidth(text));
  const before = align === 'left' ? 0 : align === 'right' ? room : Math.floor(room / 2);
  return ' '.repeat(before) + text + ' '.repeat(room - before);
}
